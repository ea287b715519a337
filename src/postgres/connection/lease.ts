import type { PgClient } from './pg-client.js'

/**
 * The client stops trusting a connection this much before the server ends it, as a part of the lease: the server's timer started
 * before its answer was read here, and a query needs time to get there.
 */
const MARGIN = 0.1
const LONGEST_MARGIN_MILLIS = 2000

/** How long after its last answer a connection is still certain to be there, ms. */
export function trustedMillis(leaseMillis: number): number {
  if (leaseMillis === Number.POSITIVE_INFINITY) return leaseMillis
  return leaseMillis - Math.min(LONGEST_MARGIN_MILLIS, leaseMillis * MARGIN)
}

/** What a lease asks of the server: `whole`, or what servers before PostgreSQL 14 know of it, or nothing. */
export type LeaseTerms = 'whole' | 'transactions' | 'none'

/**
 * Has a client that is not connected yet tell the server, in its startup message, how long its session may sit idle, and how long
 * idle in a transaction, which is another timer: never longer than an invocation can last. It stands in front of the options that the
 * user gives, so that the user's own settings win.
 */
export function addLease(
  client: PgClient,
  terms: Exclude<LeaseTerms, 'none'>,
  leaseMillis: number,
  invocationMillis: number,
): void {
  const parameters = client.connectionParameters
  if (parameters === undefined) return
  const inTransaction = `-c idle_in_transaction_session_timeout=${Math.ceil(Math.min(leaseMillis, invocationMillis))}`
  const lease = terms === 'whole' ? `-c idle_session_timeout=${Math.ceil(leaseMillis)} ${inTransaction}` : inTransaction
  parameters.options = parameters.options ? `${lease} ${parameters.options}` : lease
}
