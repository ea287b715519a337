import { codeOf } from '../../../pool/errors.js'
import type { PgClient } from '../pg-client.js'

type Report = (error: Error) => void

/** On the client itself: a table on the side would have the collector look at each of its clients. */
const REPORT = Symbol('pg-thaw.report')

type Reporting = PgClient & { [REPORT]?: Report }

const LOSS = Symbol('pg-thaw.loss')

/** How a client was lost, the first time that this was said: later words say less. */
export function noteLoss(client: PgClient, error: Error): void {
  const lost = client as PgClient & { [LOSS]?: Error }
  lost[LOSS] ??= error
}

/** What is to be said to who asks a client that is lost; nothing where it is not. Nothing was sent then. */
export function lossOf(client: PgClient): Error | undefined {
  const cause = (client as PgClient & { [LOSS]?: Error })[LOSS]
  if (cause === undefined) return undefined
  const error = new Error(`the session of this client has ended: ${cause.message}`, { cause })
  return Object.assign(error, { code: codeOf(cause) ?? 'ECONNRESET', retry: 'safe' })
}

/** Whom to tell when it is known that a client is lost. */
export function onLoss(client: PgClient, report: Report): void {
  ;(client as Reporting)[REPORT] = report
}

/**
 * The server said in answer to a query that it ends the session. The socket says so only a moment later: until then nobody else may
 * get the client.
 */
export function reportLoss(client: PgClient, error: Error): void {
  ;(client as Reporting)[REPORT]?.(error)
}
