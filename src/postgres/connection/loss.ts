import type { PgClient } from './pg-client.js'

type Report = (error: Error) => void

const reports = new WeakMap<PgClient, Report>()

/** Whom to tell when it is known that a client is lost. */
export function onLoss(client: PgClient, report: Report): void {
  reports.set(client, report)
}

/**
 * The server said in answer to a query that it ends the session. The socket says so only a moment later: until then nobody else may
 * get the client.
 */
export function reportLoss(client: PgClient, error: Error): void {
  reports.get(client)?.(error)
}
