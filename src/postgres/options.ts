import type { ClientBase, PoolConfig } from 'pg'
import { isOnLambda, type Pooling } from '../registry/environment.js'
import {
  boolean,
  callable,
  checkOptions,
  duration,
  either,
  nonEmptyString,
  nonNegativeInteger,
  type OptionCheck,
  oneOf,
  positiveInteger,
  usesLimit,
  wrongValue,
} from './option-checks.js'

/** What becomes of the session state of a returned connection, after a transaction that was left open has been rolled back. */
export type Reset = 'rollback' | 'clean' | 'none' | ((client: ClientBase) => void | PromiseLike<void>)

/**
 * Options of a {@link Pool}: all of `pg.Pool`'s and these. Two defaults depend on where the pool runs: on AWS Lambda, or elsewhere.
 */
export interface PoolOptions extends PoolConfig {
  /** Most sessions that the server sees of this pool, closing ones included. Default 10. */
  max?: number | undefined
  /** Idle connections that survive a freeze and, elsewhere, the idle timeout. Default 1 on Lambda, 0 elsewhere. */
  min?: number | undefined
  /**
   * Longest wait for a connection, ms: queueing, connecting, validating and hooks together. 0 for no limit of its own. Never
   * past the invocation's deadline. Default 10000 on Lambda, 0 elsewhere.
   */
  connectionTimeoutMillis?: number | undefined
  /** Idle for longer than this, a connection is closed, ms. 0 for never. Default 0 on Lambda, where the lease rules; 10000 elsewhere. */
  idleTimeoutMillis?: number | undefined | null
  /** Age at which a connection is replaced, between two loans, s; up to a tenth less by chance. 0 for never. Default 1800. */
  maxLifetimeSeconds?: number | undefined
  /** How often one connection is lent. 0 or `Infinity` for no limit. Default no limit. */
  maxUses?: number | undefined
  /**
   * How long the server lets an idle session of this pool live, ms (`idle_session_timeout`, PostgreSQL 14 or later): what frees
   * the sessions of an environment that vanished. 0 for none, at most 300000. Default 75000 on Lambda, 0 elsewhere.
   */
  leaseMillis?: number | undefined
  /** Whether a connection is asked for a sign of life after a thaw, or when its last one is too old. Default true. */
  validate?: boolean | undefined
  /** A sign of life younger than this is trusted without asking, ms. Default 500. */
  validationBypassMillis?: number | undefined
  /** Longest wait for a sign of life, and for a rollback on return, ms. Default 1000. */
  validationTimeoutMillis?: number | undefined
  /**
   * What survives the end of an invocation: `always` up to `min` connections; `auto` the same, but nothing as long as the
   * environment has not proved that it is called again; `never` pools nothing, anywhere. Default `auto`.
   */
  pooling?: Pooling | undefined
  /**
   * What happens to a returned connection: `rollback` ends a transaction that was left open; `clean` also resets the session, but
   * keeps prepared statements; `none` does nothing; a function runs after the rollback. Default `rollback`.
   */
  reset?: Reset | undefined
  /** Whether to remember where each checkout was acquired, for the report of those never returned. Default false. */
  leakDetection?: boolean | undefined
  /** Name by which `createPool` finds the pool again, and by which it is reported. */
  name?: string | undefined
  /**
   * Whether several `pool.query()` calls may share a connection through pipelining, where no other connection can be opened.
   * Default true; always false with a `Client` of another make, `pipeline` or `query_timeout`.
   */
  fanOut?: boolean | undefined
  /** Lets the process end while connections are idle. Default true (`pg.Pool`: false). */
  allowExitOnIdle?: boolean | undefined
}

/** {@link PoolOptions} with nothing left open. Times in ms, `Infinity` for no limit. */
export interface ResolvedOptions {
  readonly max: number
  readonly min: number
  readonly connectionTimeoutMillis: number
  readonly idleTimeoutMillis: number
  readonly maxLifetimeMillis: number
  readonly maxUses: number
  readonly leaseMillis: number
  readonly validationBypassMillis: number
  readonly validationTimeoutMillis: number
  readonly pooling: Pooling
  readonly reset: Reset
  readonly leakDetection: boolean
  readonly name: string | undefined
  readonly fanOut: boolean
  readonly allowExitOnIdle: boolean
}

/** The server's own keepalives end a vanished client at about this age on RDS: a longer lease frees nothing. */
const LONGEST_LEASE_MILLIS = 300_000

const anything: OptionCheck = () => undefined

const KNOWN: Readonly<Record<string, OptionCheck>> = {
  max: positiveInteger,
  poolSize: positiveInteger,
  min: nonNegativeInteger,
  connectionTimeoutMillis: duration('ms'),
  idleTimeoutMillis: duration('ms'),
  maxLifetimeSeconds: duration('s'),
  maxUses: usesLimit,
  leaseMillis: duration('ms', LONGEST_LEASE_MILLIS),
  validate: boolean,
  validationBypassMillis: duration('ms'),
  validationTimeoutMillis: duration('ms'),
  pooling: oneOf('auto', 'always', 'never'),
  reset: either(oneOf('rollback', 'clean', 'none'), callable),
  leakDetection: boolean,
  name: nonEmptyString,
  fanOut: boolean,
  allowExitOnIdle: boolean,
  connectionString: nonEmptyString,
  onConnect: callable,
  verify: callable,
  log: callable,
  Client: callable,
  Promise: callable,
  keepAlive: boolean,
  keepAliveInitialDelayMillis: duration('ms'),
  query_timeout: either(duration('ms'), (value) => (value === false ? undefined : 'false')),
  // What the server or pg itself checks.
  ...Object.fromEntries(
    [
      'user',
      'database',
      'password',
      'port',
      'host',
      'stream',
      'ssl',
      'sslnegotiation',
      'statement_timeout',
      'lock_timeout',
      'idle_in_transaction_session_timeout',
      'application_name',
      'fallback_application_name',
      'types',
      'options',
      'client_encoding',
      'replication',
      'binary',
      'pipeline',
      'enableChannelBinding',
      'scramMaxIterations',
      // What pg-connection-string makes of a URL's parameters.
      'sslmode',
      'sslcert',
      'sslkey',
      'sslrootcert',
      'uselibpqcompat',
      'channel_binding',
    ].map((name) => [name, anything]),
  ),
}

/**
 * Checks options and fills in what is not given. The result is frozen.
 *
 * @throws {PoolOptionError} that names the option, what was expected and what came.
 */
export function resolveOptions(options: PoolOptions): ResolvedOptions {
  checkOptions(options as Record<string, unknown>, KNOWN)
  const onLambda = isOnLambda()
  const max = options.max ?? (options as { poolSize?: number }).poolSize ?? 10
  const min = options.min ?? (onLambda ? 1 : 0)
  if (min > max) throw wrongValue('min', `at most \`max\` (${max})`, min)
  const validationTimeoutMillis = options.validationTimeoutMillis ?? 1000
  if (validationTimeoutMillis === 0) throw wrongValue('validationTimeoutMillis', 'more than 0', 0)
  const limit = (value: number) => (value === 0 ? Number.POSITIVE_INFINITY : value)
  return Object.freeze({
    max,
    min,
    connectionTimeoutMillis: limit(options.connectionTimeoutMillis ?? (onLambda ? 10_000 : 0)),
    idleTimeoutMillis: limit(options.idleTimeoutMillis ?? (onLambda ? 0 : 10_000)),
    maxLifetimeMillis: limit((options.maxLifetimeSeconds ?? 1800) * 1000),
    maxUses: limit(options.maxUses ?? 0),
    leaseMillis: limit(options.leaseMillis ?? (onLambda ? 75_000 : 0)),
    validationBypassMillis:
      options.validate === false ? Number.POSITIVE_INFINITY : (options.validationBypassMillis ?? 500),
    validationTimeoutMillis,
    pooling: options.pooling ?? 'auto',
    reset: options.reset ?? 'rollback',
    leakDetection: options.leakDetection ?? false,
    name: options.name,
    fanOut: (options.fanOut ?? true) && !options.pipeline && !options.query_timeout,
    allowExitOnIdle: options.allowExitOnIdle ?? true,
  })
}
