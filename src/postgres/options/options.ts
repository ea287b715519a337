import type { ClientBase, PoolConfig } from 'pg'
import { isOnLambda, type Pooling, runsOneAtATime } from '../../registry/environment.js'
import type { Creator } from '../connection/opening/creator.js'
import type { PoolCredentials } from '../connection/opening/credentials.js'
import { SESSION_SETTINGS } from '../connection/opening/foreign-session.js'
import type { TargetSessionAttrs } from '../connection/opening/hosts.js'
import { PROFILES, type Target } from '../connection/opening/profile.js'
import { recognise, tellTarget } from '../connection/opening/recognise.js'
import type { CertificateAuthorities } from '../connection/opening/tls.js'
import { LEASES_MILLIS } from '../connection/session/lease.js'
import type { LogLevel } from '../log-lines.js'
import { KNOWN_OPTIONS, LIMITS, type Row, targetOption } from './known-options.js'
import { checkOptions, nonNegativeInteger, type OptionCheck, positiveInteger, refuse } from './option-checks.js'

/** What becomes of the session state of a returned connection, after a transaction that was left open has been rolled back. */
export type Reset = 'rollback' | 'clean' | 'none' | ((client: ClientBase) => void | PromiseLike<void>)

/**
 * Options of a {@link Pool}: all of `pg.Pool`'s and these. Two defaults depend on where the pool runs: on AWS Lambda, or elsewhere.
 */
export interface PoolOptions extends Omit<PoolConfig, 'ssl' | 'port' | 'log'> {
  /**
   * Where user and password come from, and the address if `host` is not given here: one of the providers of this package
   * (`pg-thaw/secrets-manager` and others), or a function of your own in `credentialsFrom` of `pg-thaw/credentials`. Asked once for all
   * connections that are opened at the same time, and anew when the server refuses what it gave (SQLSTATE 28P01, 28000).
   */
  credentials?: PoolCredentials | undefined
  /** How long credentials are taken for new, ms. Default 300000. */
  credentialsTtlMillis?: number | undefined
  /** As in pg; several hosts stand in one text with commas between them, as in a connection string, and are tried in their order. */
  host?: string | undefined
  /** As in pg; of several hosts one for all, or as many with commas between them. */
  port?: number | string | undefined
  /**
   * Which servers will do, as in libpq: `any`; `read-write`, `primary`, `read-only`, `standby`; or `prefer-standby`. Looked at on each new
   * connection: at no round trip where the server reports it (PostgreSQL 14 and later), and nobody stands in between, else at one. Also in a connection string, and as
   * `PGTARGETSESSIONATTRS`. Default `any`.
   */
  target_session_attrs?: TargetSessionAttrs | undefined
  /**
   * How long a database may take to resume from a pause, ms (Aurora Serverless at 0 ACU takes 12 to 30 s): for as long, a refusal with
   * SQLSTATE 28000 is tried again. Within `connectionTimeoutMillis`, which it needs, and at most that. Default 0, it has none.
   */
  resumeMillis?: number | undefined
  /**
   * As in pg, or `verify-full`: certificates are verified, against `ca` and `sslrootcert` where they are given, for hosts of RDS the
   * authorities that Lambda ships, else those of Node.js. The same goes for `sslmode=verify-full` in a connection string, and `PGSSLMODE`.
   */
  ssl?: PoolConfig['ssl'] | 'verify-full' | 'no-verify'
  /** Certificate authorities as PEM, for `ssl: 'verify-full'`. */
  ca?: CertificateAuthorities | undefined
  /** A file of them, read when the first connection is opened; `system` for those of Node.js. For `ssl: 'verify-full'`. Default `PGSSLROOTCERT`. */
  sslrootcert?: string | undefined
  /**
   * Opens each client in place of the pool, through a tunnel or a cloud's connector for instance: a function that returns a connected
   * client, or promises one. It is given up with the wait for it, and a client that comes after that is ended. All that is told the
   * server at the startup is the creator's then: the pool asks for no lease (`leaseMillis` says which one the creator asked for), and
   * `Client`, `credentials`, `ssl` and session settings are refused beside it. Its clients share nothing and prepare nothing.
   */
  creator?: Creator | undefined
  /** Most sessions that the server sees of this pool, closing ones included. Default `PG_THAW_MAX` from the environment, else 10. */
  max?: number | undefined
  /**
   * Idle connections that survive a freeze and, elsewhere, the idle timeout. Default `PG_THAW_MIN` from the environment, else where
   * Lambda freezes as many as each of the last three calls held at once (1 for `trim`), 0 elsewhere.
   */
  min?: number | undefined
  /**
   * Longest wait for a connection, ms: queueing, connecting, validating and hooks together. 0 for no limit of its own. Never
   * past the invocation's deadline. Default 10000 on Lambda, 2500 there in a handler that is not wrapped, whose deadline nobody knows; 0
   * elsewhere.
   */
  connectionTimeoutMillis?: number | undefined
  /** Idle for longer than this, a connection is closed, ms. 0 for never. Default 0 where Lambda freezes, as the lease rules there; 10000 elsewhere. */
  idleTimeoutMillis?: number | undefined | null
  /** Age at which a connection is replaced, between two loans, s; up to a tenth less by chance. 0 for never. Default 1800. */
  maxLifetimeSeconds?: number | undefined
  /** How often one connection is lent. 0 or `Infinity` for no limit. Default no limit. */
  maxUses?: number | undefined
  /**
   * How long the server lets an idle session of this pool live, ms (`idle_session_timeout`, PostgreSQL 14 or later), also in a
   * transaction (`idle_in_transaction_session_timeout`, there never longer than an invocation): what frees the sessions of an
   * environment that vanished. What the server, the database or the role says to end earlier stays so, and so does what `options` says.
   * 0 for none, else 100 to 300000. Default 75000 on Lambda, 0 elsewhere and through a pooler.
   */
  leaseMillis?: number | undefined
  /**
   * What is kept free before the invocation is timed out, ms, so that a failure can still be answered: waiting, connecting and running
   * queries end then. At most half of the invocation's time. Default a tenth of it, 100 at the least and 500 at the most.
   */
  deadlineMarginMillis?: number | undefined
  /**
   * How long the end of an invocation waits for work that was not awaited, ms, before that is cut off and reported; never past the
   * deadline. 0 for none. Default 1000.
   */
  lingerMillis?: number | undefined
  /** Most callers that may wait for a connection; another one is refused at once (`POOL_QUEUE_FULL`). Default no limit. */
  maxWaiting?: number | undefined
  /**
   * What the pool talks to, which decides what may be sent and how old connections may grow. Anything but `direct` gets no startup
   * options, timeouts or names of prepared statements. Default `PG_THAW_TARGET` from the environment, else what the name of the host
   * stands for (RDS Proxy, Aurora DSQL, the poolers of Neon and Supabase), else `direct`.
   */
  target?: Target | undefined
  /** Whether a connection is pinged after a thaw, and before a loan when its last answer is too old. Default true. */
  validate?: boolean | undefined
  /** An answer younger than this is trusted without a ping, ms. Default 500. */
  validationBypassMillis?: number | undefined
  /**
   * Longest wait for the answer to a ping, and for a rollback on return, ms. Default 1000, less where other limits are; for a ping as long
   * as opening the connection took, 150 at least.
   */
  validationTimeoutMillis?: number | undefined
  /**
   * What survives the end of an invocation: `always` as many connections as `min` says; `auto` the same, but nothing as long as the
   * environment has not proved that it is called again; `never` pools nothing, anywhere. Default `auto`.
   */
  pooling?: Pooling | undefined
  /**
   * What happens to a returned connection: `rollback` ends a transaction that was left open; `clean` also resets the session, but
   * keeps prepared statements; `none` does nothing; a function runs after the rollback. Default `rollback`.
   */
  reset?: Reset | undefined
  /**
   * Whether to remember where each client and query was asked for, for the reports of what was left behind, outside of invocations
   * too. Default false.
   */
  leakDetection?: boolean | undefined
  /** Name by which `createPool` finds the pool again, and by which it is reported. */
  name?: string | undefined
  /**
   * Whether several `pool.query()` calls may share a connection through pipelining: in a pool of one, and on Lambda where calls run one
   * at a time; elsewhere a few quick reads, where all connections are taken. Default true; always false with a `Client` of another make, a `creator`, `pipeline` or `query_timeout`, and before pg 8.23.
   */
  fanOut?: boolean | undefined
  /**
   * Whether a statement with values that comes again is prepared under a name of the pool's own, so that the server parses and plans it
   * once for each connection instead of once for each query: `'auto'` from the second time on, or how often it must have run before;
   * `prepare: false` in a query leaves that one alone. Default `'auto'`, and `false` through a pooler; with `target: 'pgbouncer'` for one
   * that keeps names itself (1.21 or later, `max_prepared_statements` above 0).
   */
  prepare?: 'auto' | false | number | undefined
  /** Most names of such statements on one connection; the one not used for longest is closed. Default 100. */
  preparedStatements?: number | undefined
  /**
   * A line on the console for each event of the pool, from a level on: `warn` what went wrong, `info` connects and closes too, `debug` (or
   * true) everything. Or, as in pg, a function that is given pg-pool's messages. Default none.
   */
  log?: PoolConfig['log'] | boolean | LogLevel | undefined
  /** Lets the process end while connections are idle. Default true (`pg.Pool`: false). */
  allowExitOnIdle?: boolean | undefined
}

/** Even a connection that was opened next door may have to wait for its server once, ms. */
const LEAST_VALIDATION_MILLIS = 150

/** {@link PoolOptions} with nothing left open. Times in ms, `Infinity` for no limit. */
export interface ResolvedOptions {
  readonly max: number
  readonly min: number
  readonly connectionTimeoutMillis: number
  /** The same for a handler that is not wrapped. */
  readonly unwrappedTimeoutMillis: number
  readonly resumeMillis: number
  readonly idleTimeoutMillis: number
  readonly maxLifetimeSeconds: number
  readonly maxLifetimeMillis: number
  readonly maxUses: number
  readonly maxWaiting: number
  readonly leaseMillis: number
  /** Whether a connection may be given another one, by how often the environment is called. */
  readonly choosesLease: boolean
  /** Where none is given, it depends on the invocation. */
  readonly deadlineMarginMillis: number | undefined
  readonly lingerMillis: number
  readonly target: Target
  /** Whether the user's startup options and timeouts are sent. */
  readonly sendsSettings: boolean
  readonly validationBypassMillis: number
  readonly leastValidationMillis: number
  readonly validationTimeoutMillis: number
  /** How often a text must have run before it is prepared; `Infinity` where none is. */
  readonly prepareAfter: number
  readonly preparedStatements: number
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
export function resolveOptions(all: PoolOptions): ResolvedOptions {
  checkOptions(all, KNOWN_OPTIONS)
  const said = all.target ?? fromEnvironment('PG_THAW_TARGET', (it) => it as Target, targetOption)
  const recognised = said || all.creator ? undefined : recognise(all)
  const target = said ?? recognised ?? 'direct'
  const options: PoolOptions = { ...all }
  let passedOver = ''
  // A program that ran there without a word of its target has to run on: what would be refused is passed over. Not so its settings, which
  // are sent: who takes them goes by them (Supabase's pooler by a `search_path` in `options`), so that nothing is read or written elsewhere
  // all at once, and who does not says so, as before.
  const passOver: typeof refuse = (name, isRefused) => {
    if (!isRefused || SESSION_SETTINGS.includes(name as 'options')) return
    delete options[name as 'options']
    passedOver += `, without \`${name}\``
  }
  checkAgainstTarget(all, target, recognised ? passOver : refuse)
  if (recognised) tellTarget(recognised, `the host's name${passedOver}`)
  const { ownsSession } = PROFILES[target]
  checkAgainstCreator(options)
  const { max: size, poolSize } = options as { max?: number; poolSize?: number }
  if (size && poolSize) refuse('poolSize', size !== poolSize && `the same as \`max\` (${size})`, poolSize)
  const max = size ?? poolSize ?? fromEnvironment('PG_THAW_MAX', Number, positiveInteger) ?? 10
  // Where nothing runs between calls, the end of each says what is kept. Elsewhere timers do, on Lambda too: Managed Instances, Vercel.
  const freezes = runsOneAtATime()
  const min =
    options.min ?? fromEnvironment('PG_THAW_MIN', Number, nonNegativeInteger) ?? (freezes ? Math.min(1, max) : 0)
  refuse(typeof options.min === 'number' ? 'min' : 'PG_THAW_MIN', min > max && `at most \`max\` (${max})`, min)
  const given = filled(options, KNOWN_OPTIONS)
  given.idleTimeoutMillis = options.idleTimeoutMillis ?? (freezes ? 0 : 10_000)
  // Of a connected client's session nothing is known but what is said of it here.
  if (!ownsSession || (options.creator && !options.leaseMillis)) given.leaseMillis = 0
  for (const [name] of LIMITS) given[name as 'leaseMillis'] ||= Infinity
  const { connectionTimeoutMillis: patience, leaseMillis } = given
  const most = `\`connectionTimeoutMillis\` (${patience})`
  const isVain = given.resumeMillis > 0 && patience === Infinity
  const within = 'left out without `connectionTimeoutMillis`, within which it is tried again'
  refuse('resumeMillis', isVain ? within : given.resumeMillis > patience && `at most ${most}`, given.resumeMillis)
  const margin = options.deadlineMarginMillis
  refuse('deadlineMarginMillis', (margin ?? -1) >= patience && `less than ${most}`, margin)
  // A connection that may be gone by the time it has answered, or an answer that comes after its caller has left, proves nothing.
  const validationTimeoutMillis = options.validationTimeoutMillis ?? Math.min(1000, patience, leaseMillis / 2)
  const isLate = validationTimeoutMillis > patience && `at most ${most}`
  refuse('validationTimeoutMillis', validationTimeoutMillis ? isLate : 'more than 0', validationTimeoutMillis)
  const least = `at least \`validationTimeoutMillis\` (${validationTimeoutMillis})`
  refuse('leaseMillis', validationTimeoutMillis > leaseMillis && least, leaseMillis)
  const isOpen = options.leaseMillis === undefined && options.min === undefined && given.pooling === 'auto'
  const isUsual = isOnLambda() && isOpen && process.env.PG_THAW_MIN === undefined && leaseMillis < Infinity
  return Object.freeze({
    ...given,
    max,
    min,
    target,
    sendsSettings: ownsSession || recognised !== undefined,
    unwrappedTimeoutMillis:
      options.connectionTimeoutMillis === undefined ? Math.max(2500, given.resumeMillis) : patience,
    maxLifetimeMillis: given.maxLifetimeSeconds * 1000,
    ...(options.validate === false && { validationBypassMillis: Infinity }),
    deadlineMarginMillis: margin,
    choosesLease: isUsual && validationTimeoutMillis <= Math.min(...LEASES_MILLIS) / 2,
    leastValidationMillis: options.validationTimeoutMillis ?? LEAST_VALIDATION_MILLIS,
    validationTimeoutMillis,
    prepareAfter: (options as { binary?: unknown }).binary
      ? Infinity
      : timesBefore(ownsSession ? given.prepare : (options.prepare ?? false)),
    fanOut: given.fanOut && !options.pipeline && !options.query_timeout,
  })
}

/** What was given of these, else their defaults. */
function filled(options: PoolOptions, rows: readonly Row[]): Mutable<ResolvedOptions> & Pick<PoolOptions, 'prepare'> {
  const filled: Record<string, unknown> = { name: options.name }
  for (const [name, , elsewhere, onLambda = elsewhere] of rows) {
    if (elsewhere !== undefined)
      filled[name] = options[name as keyof PoolOptions] ?? (isOnLambda() ? onLambda : elsewhere)
  }
  return filled as unknown as Mutable<ResolvedOptions>
}

function timesBefore(prepare: PoolOptions['prepare']): number {
  if (prepare === false) return Infinity
  return typeof prepare === 'number' ? prepare : 1
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

function fromEnvironment<T>(name: string, read: (text: string) => T, check: OptionCheck): T | undefined {
  const given = process.env[name]
  if (given === undefined) return undefined
  // As a number, an empty text would be 0.
  const value = given && read(given)
  refuse(name, check(value), given)
  return value as T
}

/** `against` hears of what a target does not take. */
function checkAgainstTarget(options: PoolOptions, target: Target, against: typeof refuse): void {
  const { ownsSession, longestLifetimeSeconds: longest } = PROFILES[target]
  const where = `with \`target: '${target}'\``
  const why = `${where}, whose sessions are not the pool's own`
  if (!ownsSession) {
    for (const name of ['leaseMillis', ...SESSION_SETTINGS] as const) {
      if (options[name]) against(name, `left out ${why}`, options[name])
    }
    // Which may keep names for its clients. That it does, only the user knows.
    if (target !== 'pgbouncer') {
      if (options.prepare) against('prepare', `false ${why}`, options.prepare)
      if (options.preparedStatements) against('preparedStatements', `left out ${why}`, options.preparedStatements)
    }
    if (options.reset === 'clean') against('reset', `'rollback' or 'none' ${why}`, 'clean')
  }
  const seconds = options.maxLifetimeSeconds
  against('maxLifetimeSeconds', ((seconds ?? 1) || Infinity) > longest && `at most ${longest} ${where}`, seconds)
}

/** What decides how a client is opened, or is told the server at its startup. */
const OF_THE_OPENING = [
  'Client',
  'credentials',
  'ssl',
  'ca',
  'sslrootcert',
  'target_session_attrs',
  ...SESSION_SETTINGS,
] as const

function checkAgainstCreator(options: PoolOptions): void {
  if (!options.creator) return
  const expected = 'left out with `creator`, which opens the clients'
  for (const name of OF_THE_OPENING) if (options[name]) refuse(name, expected, options[name])
  for (const [name, value] of Object.entries({ sslmode: 'verify-full', target_session_attrs: '' })) {
    const isSaid = options.connectionString?.includes(`${name}=${value}`)
    refuse('connectionString', isSaid && `without \`${name}\` beside \`creator\`, which opens the clients`, '')
  }
}
