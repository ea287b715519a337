import type { ClientBase, PoolConfig } from 'pg'
import { isOnLambda, type Pooling } from '../../registry/environment.js'
import type { CredentialsProvider } from '../connection/credentials.js'
import { PROFILES, type Target } from '../connection/profile.js'
import type { CertificateAuthorities } from '../connection/tls.js'
import { KNOWN_OPTIONS, targetOption } from './known-options.js'
import { checkOptions, nonNegativeInteger, type OptionCheck, positiveInteger, wrongValue } from './option-checks.js'

/** What becomes of the session state of a returned connection, after a transaction that was left open has been rolled back. */
export type Reset = 'rollback' | 'clean' | 'none' | ((client: ClientBase) => void | PromiseLike<void>)

/**
 * Options of a {@link Pool}: all of `pg.Pool`'s and these. Two defaults depend on where the pool runs: on AWS Lambda, or elsewhere.
 */
export interface PoolOptions extends Omit<PoolConfig, 'ssl'> {
  /**
   * Where user and password come from, and the address if `host` is not given here: one of the providers of this package
   * (`pg-thaw/secrets-manager` and others), or a function of your own. Asked once for all connections that are opened at the same time,
   * and anew when the server refuses what it gave (SQLSTATE 28P01, 28000).
   */
  credentials?: CredentialsProvider | undefined
  /** How long credentials are taken for new, ms. Default 300000. */
  credentialsTtlMillis?: number | undefined
  /**
   * As in pg, or `verify-full`: certificates are verified, against `ca` and `sslrootcert` where they are given, for hosts of RDS the
   * authorities that Lambda ships, else those of Node.js. The same goes for `sslmode=verify-full` in a connection string.
   */
  ssl?: PoolConfig['ssl'] | 'verify-full'
  /** Certificate authorities as PEM, for `ssl: 'verify-full'`. */
  ca?: CertificateAuthorities | undefined
  /** A file of them, read when the first connection is opened; `system` for those of Node.js. For `ssl: 'verify-full'`. */
  sslrootcert?: string | undefined
  /** Most sessions that the server sees of this pool, closing ones included. Default `PG_THAW_MAX` from the environment, else 10. */
  max?: number | undefined
  /**
   * Idle connections that survive a freeze and, elsewhere, the idle timeout. Default `PG_THAW_MIN` from the environment, else 1 on
   * Lambda, 0 elsewhere.
   */
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
   * How long the server lets an idle session of this pool live, ms (`idle_session_timeout`, PostgreSQL 14 or later), also in a
   * transaction (`idle_in_transaction_session_timeout`, there never longer than an invocation): what frees the sessions of an
   * environment that vanished. 0 for none, else 100 to 300000. Default 75000 on Lambda, 0 elsewhere and through a pooler.
   */
  leaseMillis?: number | undefined
  /**
   * What is kept free before the invocation is timed out, ms, so that a failure can still be answered: waiting, connecting and running
   * queries end then. At most half of the invocation's time. Default 100.
   */
  deadlineMarginMillis?: number | undefined
  /** Most callers that may wait for a connection; another one is refused at once (`POOL_QUEUE_FULL`). Default no limit. */
  maxWaiting?: number | undefined
  /**
   * What the pool talks to, which decides what may be sent and how old connections may grow. Anything but `direct` gets no startup
   * options, timeouts or names of prepared statements. Default `PG_THAW_TARGET` from the environment, else `direct`.
   */
  target?: Target | undefined
  /** Whether a connection is asked for a sign of life after a thaw, or when its last one is too old. Default true. */
  validate?: boolean | undefined
  /** A sign of life younger than this is trusted without asking, ms. Default 500. */
  validationBypassMillis?: number | undefined
  /** Longest wait for a sign of life, and for a rollback on return, ms. Default 1000, less where other limits are. */
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
  readonly maxWaiting: number
  readonly leaseMillis: number
  readonly deadlineMarginMillis: number
  readonly target: Target
  readonly validationBypassMillis: number
  readonly validationTimeoutMillis: number
  readonly pooling: Pooling
  readonly reset: Reset
  readonly leakDetection: boolean
  readonly name: string | undefined
  readonly fanOut: boolean
  readonly allowExitOnIdle: boolean
}

/**
 * Checks options and fills in what is not given. The result is frozen.
 *
 * @throws {PoolOptionError} that names the option, what was expected and what came.
 */
export function resolveOptions(options: PoolOptions): ResolvedOptions {
  checkOptions(options as Record<string, unknown>, KNOWN_OPTIONS)
  const onLambda = isOnLambda()
  const target = options.target ?? targetFromEnvironment()
  checkAgainstTarget(options, target)
  const { ownsSession } = PROFILES[target]
  const max =
    options.max ??
    (options as { poolSize?: number }).poolSize ??
    numberFromEnvironment('PG_THAW_MAX', positiveInteger) ??
    10
  const min =
    options.min ?? numberFromEnvironment('PG_THAW_MIN', nonNegativeInteger) ?? (onLambda ? Math.min(1, max) : 0)
  if (min > max)
    throw wrongValue(typeof options.min === 'number' ? 'min' : 'PG_THAW_MIN', `at most \`max\` (${max})`, min)
  const connectionTimeoutMillis = limit(options.connectionTimeoutMillis ?? (onLambda ? 10_000 : 0))
  const leaseMillis = limit(options.leaseMillis ?? (onLambda && ownsSession ? 75_000 : 0))
  return Object.freeze({
    max,
    min,
    connectionTimeoutMillis,
    idleTimeoutMillis: limit(options.idleTimeoutMillis ?? (onLambda ? 0 : 10_000)),
    maxLifetimeMillis: limit((options.maxLifetimeSeconds ?? 1800) * 1000),
    maxUses: limit(options.maxUses ?? 0),
    maxWaiting: options.maxWaiting ?? Number.POSITIVE_INFINITY,
    leaseMillis,
    deadlineMarginMillis: deadlineMargin(options, connectionTimeoutMillis),
    target,
    validationBypassMillis:
      options.validate === false ? Number.POSITIVE_INFINITY : (options.validationBypassMillis ?? 500),
    validationTimeoutMillis: validationTimeout(options, connectionTimeoutMillis, leaseMillis),
    pooling: options.pooling ?? 'auto',
    reset: options.reset ?? 'rollback',
    leakDetection: options.leakDetection ?? false,
    name: options.name,
    fanOut: (options.fanOut ?? true) && !options.pipeline && !options.query_timeout,
    allowExitOnIdle: options.allowExitOnIdle ?? true,
  })
}

function limit(value: number): number {
  return value === 0 ? Number.POSITIVE_INFINITY : value
}

function targetFromEnvironment(): Target {
  const target = process.env.PG_THAW_TARGET ?? 'direct'
  const expected = targetOption(target)
  if (expected !== undefined) throw wrongValue('PG_THAW_TARGET', expected, target)
  return target as Target
}

function numberFromEnvironment(name: string, check: OptionCheck): number | undefined {
  const given = process.env[name]
  if (given === undefined) return undefined
  const expected = check(given === '' ? Number.NaN : Number(given))
  if (expected !== undefined) throw wrongValue(name, expected, given)
  return Number(given)
}

/** What would stay in a session that is not the pool's own. */
const SESSION_OPTIONS = [
  'leaseMillis',
  'options',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
] as const

function checkAgainstTarget(options: PoolOptions, target: Target): void {
  const { ownsSession, longestLifetimeSeconds } = PROFILES[target]
  for (const name of ownsSession ? [] : SESSION_OPTIONS) {
    if (options[name])
      throw wrongValue(
        name,
        `left out with \`target: '${target}'\`, whose sessions are not the pool's own`,
        options[name],
      )
  }
  if (!ownsSession && options.reset === 'clean') {
    throw wrongValue(
      'reset',
      `'rollback' or 'none' with \`target: '${target}'\`, whose sessions are not the pool's own`,
      'clean',
    )
  }
  const { maxLifetimeSeconds } = options
  if (maxLifetimeSeconds === undefined || limit(maxLifetimeSeconds) <= longestLifetimeSeconds) return
  throw wrongValue(
    'maxLifetimeSeconds',
    `at most ${longestLifetimeSeconds} with \`target: '${target}'\``,
    maxLifetimeSeconds,
  )
}

function deadlineMargin({ deadlineMarginMillis: given }: PoolOptions, connectionTimeoutMillis: number): number {
  if (given !== undefined && given >= connectionTimeoutMillis) {
    throw wrongValue(
      'deadlineMarginMillis',
      `less than \`connectionTimeoutMillis\` (${connectionTimeoutMillis})`,
      given,
    )
  }
  return given ?? 100
}

/** A connection that may be gone by the time it has answered, or an answer that comes after its caller has left, proves nothing. */
function validationTimeout(
  { validationTimeoutMillis: given }: PoolOptions,
  connectionTimeoutMillis: number,
  leaseMillis: number,
): number {
  if (given === undefined || given === null) return Math.min(1000, connectionTimeoutMillis, leaseMillis / 2)
  if (given === 0) throw wrongValue('validationTimeoutMillis', 'more than 0', 0)
  if (given > connectionTimeoutMillis) {
    throw wrongValue(
      'validationTimeoutMillis',
      `at most \`connectionTimeoutMillis\` (${connectionTimeoutMillis})`,
      given,
    )
  }
  if (given > leaseMillis)
    throw wrongValue('leaseMillis', `at least \`validationTimeoutMillis\` (${given})`, leaseMillis)
  return given
}
