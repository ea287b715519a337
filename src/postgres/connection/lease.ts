import type { PgClient } from './pg-client.js'

/**
 * The client stops trusting a connection this much before the server ends it, as a part of the lease: the server's timer started
 * before its answer was read here, and a query needs time to get there.
 */
const MARGIN = 0.1
const LONGEST_MARGIN_MILLIS = 2000

/** How long after its last answer a connection is still certain to be there, ms. */
export function trustedMillis(leaseMillis: number): number {
  return leaseMillis - Math.min(LONGEST_MARGIN_MILLIS, leaseMillis * MARGIN)
}

/** What a lease asks of the server; each is less than the next. */
export enum LeaseTerms {
  /** Nothing, of a pooler: its sessions may be others' next. */
  OF_POOLER,
  NONE,
  /** What servers before PostgreSQL 14 know of it. */
  TRANSACTIONS,
  WHOLE,
}

/**
 * Has a client that is not connected yet tell the server, in its startup message, how long its session may sit idle, and how long
 * idle in a transaction, which is another timer: never longer than an invocation can last. It stands in front of the options that the
 * user gives, so that the user's own settings win.
 */
export function addLease(client: PgClient, terms: LeaseTerms, leaseMillis: number, invocationMillis: number): void {
  const parameters = client.connectionParameters
  if (parameters === undefined || terms <= LeaseTerms.NONE) return
  const whole = terms === LeaseTerms.WHOLE ? `-c idle_session_timeout=${Math.ceil(leaseMillis)} ` : ''
  const inTransaction = Math.ceil(Math.min(leaseMillis, invocationMillis))
  const given = parameters.options || ''
  parameters.options = `${whole}-c idle_in_transaction_session_timeout=${inTransaction} ${given}`
}
