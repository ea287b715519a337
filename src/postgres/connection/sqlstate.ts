import type { DialFailure } from '../../pool/connector.js'
import { codeOf } from '../../pool/errors.js'

/** The error codes that decisions rest on: SQLSTATE (PostgreSQL's appendix A) and those of Node.js's sockets. */
export enum SQLSTATE {
  /** An unknown parameter in the startup message, to a server. */
  UNDEFINED_OBJECT = '42704',
  /** The same, to a proxy such as PgBouncer or RDS Proxy. */
  PROTOCOL_VIOLATION = '08P01',
  /** A name that the session does not know. */
  UNDEFINED_STATEMENT = '26000',
  /** A name that it knows already. */
  DUPLICATE_STATEMENT = '42P05',
  SERIALIZATION_FAILURE = '40001',
  DEADLOCK_DETECTED = '40P01',
  /** The server ended a session that had been idle for as long as its lease. */
  IDLE_SESSION_TIMEOUT = '57P05',
  TOO_MANY_CONNECTIONS = '53300',
  CANNOT_CONNECT_NOW = '57P03',
}

/**
 * Failed dials that may pass by themselves: the server restarts, the network or its resolver has a bad moment.
 *
 * - 57P01 admin_shutdown, 57P02 crash_shutdown, 57P03 cannot_connect_now (starting up, recovering, shutting down)
 * - 53000 insufficient_resources, 53200 out_of_memory
 * - 08000 and others: the connection failed, was refused, or is gone
 */
const TRANSIENT =
  /^(57P0[1-3]|53[02]00|0800[01346]|E(CONN(REFUSED|RESET|ABORTED)|PIPE|TIMEDOUT|(HOST|NET)(UNREACH|DOWN)|ADDRNOTAVAIL|AI_AGAIN))$/

/** Whether a dial that failed so is worth trying again. Codes decide; what has none and is unknown is permanent. */
export function classifyDialFailure(error: unknown): DialFailure {
  const code = codeOf(error)
  if (code === SQLSTATE.TOO_MANY_CONNECTIONS) return 'crowded'
  if (code === 'ECONNREFUSED') return 'absent'
  return TRANSIENT.test(code ?? '') ? 'transient' : 'permanent'
}
