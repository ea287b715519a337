import { codeOf, isError, type Retry } from '../../pool/errors.js'
import { SQLSTATE } from '../connection/session/sqlstate.js'

/**
 * The server refused to run the statement, for a reason that is its session's own: it takes no writes, or what it remembers of the
 * statement is stale.
 */
const REFUSED_BY_SESSION: ReadonlySet<string> = new Set([
  SQLSTATE.READ_ONLY_SQL_TRANSACTION,
  SQLSTATE.UNDEFINED_STATEMENT,
  SQLSTATE.FEATURE_NOT_SUPPORTED,
])

/** The statement certainly did nothing: its transaction was rolled back whole, or the server never looked at it. */
const CERTAINLY_UNDONE: ReadonlySet<string> = new Set([
  SQLSTATE.SERIALIZATION_FAILURE,
  SQLSTATE.DEADLOCK_DETECTED,
  SQLSTATE.IDLE_SESSION_TIMEOUT,
  SQLSTATE.IDLE_IN_TRANSACTION_TIMEOUT,
  SQLSTATE.TOO_MANY_CONNECTIONS,
  SQLSTATE.CANNOT_CONNECT_NOW,
])

/**
 * The session ended, perhaps after the statement took effect: 57P01 admin_shutdown, 57P02 crash_shutdown, 25P04 transaction_timeout; or
 * while it waited for one.
 */
const SESSION_ENDED: ReadonlySet<string> = new Set([
  '57P01',
  '57P02',
  '25P04',
  SQLSTATE.IDLE_SESSION_TIMEOUT,
  SQLSTATE.IDLE_IN_TRANSACTION_TIMEOUT,
])

/** Whether the server said with this error that it ends the session. The end of the connection follows, a moment later. */
export function endsSession(error: unknown): boolean {
  const code = codeOf(error)
  return code !== undefined && SESSION_ENDED.has(code)
}

/** What trying again would mean after this error of a query, if it does not say so. `wasLost`: its connection is gone. */
export function retryOf(error: unknown, wasLost: boolean): Retry {
  const { retry } = Object(error) as { retry?: Retry }
  if (retry !== undefined) return retry
  const code = codeOf(error)
  if (code !== undefined && CERTAINLY_UNDONE.has(code)) return 'safe'
  return wasLost || endsSession(error) ? 'unknown' : 'never'
}

/** Notes on an error of pg's what trying again would mean; the library's own have it already. */
export function tellRetry(error: unknown, wasLost: boolean): void {
  if (isError(error) && !('retry' in error) && Object.isExtensible(error)) {
    Object.assign(error, { retry: retryOf(error, wasLost) })
  }
}

/** The same of an error out of a user's own code, where what is not of a query is left alone. */
export function tellRetryOfQuery(error: unknown, wasLost: boolean): void {
  if (wasLost || (isError(error) && 'severity' in error)) tellRetry(error, wasLost)
}

/**
 * Whether the server ended the session before it looked at the statement: it ends one for being idle only while it waits for the next
 * statement, and doesn't read it any more.
 */
export function neverRan(error: unknown): boolean {
  return codeOf(error) === SQLSTATE.IDLE_SESSION_TIMEOUT
}

/** Whether another session may do what this one refused. An error of a single statement undoes all of it. */
export function isRefusedBySession(error: unknown): boolean {
  return REFUSED_BY_SESSION.has(codeOf(error) ?? '')
}

/** Whether a whole transaction is worth running again: it conflicted with another one. */
export function isConflict(error: unknown): boolean {
  const code = codeOf(error)
  return code === SQLSTATE.SERIALIZATION_FAILURE || code === SQLSTATE.DEADLOCK_DETECTED
}

/**
 * Rejects with the error, and has it say who asked: the stack that came leads to a socket or a timer, that of a continuation to the caller.
 * Only after a turn is this the promise that the caller waits for.
 */
export async function explained(error: unknown): Promise<never> {
  await undefined
  await undefined
  await undefined
  if (isError(error) && Object.isExtensible(error)) Error.captureStackTrace(error)
  throw error
}
