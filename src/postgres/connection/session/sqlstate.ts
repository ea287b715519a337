import type { DialFailure } from '../../../pool/connector.js'
import { codeOf, errorsIn } from '../../../pool/errors.js'

/** The error codes that decisions rest on: SQLSTATE (PostgreSQL's appendix A) and those of Node.js's sockets. */
export enum SQLSTATE {
  /** An unknown parameter in the startup message, to a server. */
  UNDEFINED_OBJECT = '42704',
  /** The same, to a proxy such as PgBouncer or RDS Proxy. */
  PROTOCOL_VIOLATION = '08P01',
  /** Also of a prepared statement whose table has changed. */
  FEATURE_NOT_SUPPORTED = '0A000',
  /** A name that the session does not know. */
  UNDEFINED_STATEMENT = '26000',
  /** A name that it knows already. */
  DUPLICATE_STATEMENT = '42P05',
  /** Who may sign in; a database that resumes from a pause says so, too. */
  INVALID_AUTHORIZATION = '28000',
  /** A write, where none are taken: after a failover, or in a transaction that is read-only. */
  READ_ONLY_SQL_TRANSACTION = '25006',
  SERIALIZATION_FAILURE = '40001',
  DEADLOCK_DETECTED = '40P01',
  /** The server ended a session that had been idle for as long as its lease. */
  IDLE_SESSION_TIMEOUT = '57P05',
  /** The same in a transaction: it is rolled back, and what is asked next not read. */
  IDLE_IN_TRANSACTION_TIMEOUT = '25P03',
  TOO_MANY_CONNECTIONS = '53300',
  CANNOT_CONNECT_NOW = '57P03',
}

/**
 * Failed dials that no waiting can mend. Everything else that has a code, named anywhere or not, may pass: the server restarts or is full,
 * the network, its resolver or this machine has a bad moment.
 *
 * - classes 28 (who may sign in), 3D (no such database), 42 (a right, a role, a parameter), 22 (its value), 0A (the protocol)
 * - a host, a socket or a file that does not exist or may not be used, a certificate that is not trusted, TLS that is not spoken, and what Node.js refuses of its caller
 */
const PERMANENT =
  /^(28|3D|42|22|0A)\w{3}$|^(ENOTFOUND|ENOENT|EACCES|EPERM|EISDIR|ENOTDIR|EPROTO|ERR_|CRL_|UNABLE_TO_|INVALID_|HOSTNAME_|PATH_LENGTH_)|CERT/

const HOPE = ['transient', 'crowded', 'absent'] as const

/** Codes of a server or of the system, and of a dial that would have done otherwise. What has one of another kind comes from somebody's own code, and waiting can't mend that. */
const OF_SERVER_OR_SYSTEM = /^(\w{5}|E[A-Z\d_]+|POOL_WRONG_SERVER|POOL_DIAL_TIMEOUT)$/

/** Whether a dial that failed so is worth trying again. Codes decide; what has none is permanent. Of several failures the most hopeful counts. */
export function classifyDialFailure(error: unknown): DialFailure {
  const several = errorsIn(error)
  if (several?.length) {
    const kinds = several.map(classifyDialFailure)
    return HOPE.find((it) => kinds.includes(it)) ?? 'permanent'
  }
  const code = codeOf(error)
  if (code === SQLSTATE.TOO_MANY_CONNECTIONS) return 'crowded'
  if (code === 'ECONNREFUSED') return 'absent'
  const mayPass = OF_SERVER_OR_SYSTEM.test(code ?? '') && !PERMANENT.test(code ?? '')
  return mayPass ? 'transient' : 'permanent'
}
