import type { PgClient } from './pg-client.js'

type Report = (error: Error) => void

/** On the client itself: a table on the side would have the collector look at each of its clients. */
const REPORT = Symbol('pg-thaw.report')

type Reporting = PgClient & { [REPORT]?: Report }

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
