import pg, { type PoolClient, type PoolConfig, type QueryResult } from 'pg'
import type { PoolObserver } from '../pool/connector.js'
import { ResourcePool } from '../pool/resource-pool.js'
import type { Checkout } from '../pool/slot.js'
import type { PoolStats as ResourceStats } from '../pool/stats.js'
import { type Environment, environment, type LivePool, runsOneAtATime } from '../registry/environment.js'
import { addressIn } from './connection/address.js'
import { type CredentialSource, SOURCE } from './connection/credentials.js'
import { leaveSessionAlone } from './connection/foreign-session.js'
import { isUsable, type PgClient } from './connection/pg-client.js'
import { PgConnector } from './connection/pg-connector.js'
import { PROFILES } from './connection/profile.js'
import { classifyDialFailure } from './connection/sqlstate.js'
import { livePool } from './live-pool.js'
import { nonNegativeInteger, wrongValue } from './options/option-checks.js'
import { type PoolOptions, type ResolvedOptions, resolveOptions } from './options/options.js'
import { inForce, resourcePoolOptions } from './options/resource-options.js'
import { copyOptions, hideSecrets } from './options/secrets.js'
import { readOptions } from './options/stock-values.js'
import { type Borrower, borrowerOf } from './query/borrower.js'
import { Borrowing } from './query/borrowing.js'
import { InstrumentedPool, isInstrumented } from './query/instrumented-pool.js'
import { isReleased, lentClient } from './query/lent-client.js'
import { Queries } from './query/queries.js'
import { FAULTS, publishLeak, warnOfDirtyReturn, warnOnce } from './query/reports.js'
import { tellRetry } from './query/retry.js'
import { runInTransaction, withRetries } from './query/transaction.js'

/** How long `end` waits for checkouts, ms. */
const END_PATIENCE_MILLIS = 30_000

/** Everything that a pool counts, at one moment. The counters only grow. */
export interface PoolStats extends ResourceStats {
  /** Callers that gave up by their signal before anything was sent. */
  readonly acquireAborts: number
  /** Queries that shared a connection with others that were under way on it. */
  readonly joins: number
  /** Queries, clients and callers that a call had left behind at its end, and that were cut off. */
  readonly unfinished: number
}

/** What one acquire may ask for. */
export interface ConnectOptions {
  /** Stops waiting when it is aborted; in `use` and `transaction` it also cancels what runs, and takes the client back. */
  readonly signal?: AbortSignal | undefined
}

/** What a transaction may ask for. */
export interface TransactionOptions extends ConnectOptions {
  /** How often it is run again, whole, when it conflicted with another one (SQLSTATE 40001, 40P01). Default 0. */
  readonly retries?: number | undefined
}

declare module 'pg' {
  /** What `query` of this library's `Pool` takes beside what pg takes. */
  interface QueryConfig {
    /** Cancels the query, on the server too, when it is aborted. It gets a connection to itself. */
    readonly signal?: AbortSignal | undefined
    /** Whether it may run twice: then it is tried again when its connection is lost. Default false. */
    readonly idempotent?: boolean | undefined
  }
}

type Lent = PoolClient & AsyncDisposable

type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (release?: Error | boolean) => void,
) => void

/**
 * A drop-in for `pg.Pool` that survives a freeze: what it lends has been judged by stored facts and, where they are too old, pinged;
 * what it keeps holds a lease, so that the server frees it by itself when the process never comes back.
 *
 * Options, methods, callbacks, events and counters are those of `pg.Pool`; see {@link PoolOptions} for what is new.
 *
 * @example
 * ```ts
 * const pool = new Pool({ connectionString: process.env.DATABASE_URL, max: 4 })
 * const { rows } = await pool.query('SELECT now()')
 * ```
 */
export class Pool extends pg.Pool {
  static {
    // Programs look for "Pool" in the name of the class; minifiers would take it away.
    Object.defineProperty(Pool, 'name', { value: 'Pool' })
    // Defined instead of declared: so these keep the types that pg publishes for them.
    Object.defineProperties(Pool.prototype, {
      query: {
        configurable: true,
        writable: true,
        value(this: Pool, text: unknown, values?: unknown, callback?: unknown) {
          const isPlain = typeof text !== 'function' && typeof values !== 'function' && typeof callback !== 'function'
          return isPlain ? this.#queries.run(text, values) : this.#callBack(text, values, callback)
        },
      },
      totalCount: { configurable: true, get: totalCount },
      idleCount: { configurable: true, get: idleCount },
      waitingCount: { configurable: true, get: waitingCount },
      // What is too old is never lent, so nothing expired is ever counted.
      expiredCount: { configurable: true, get: () => 0 },
    })
  }

  readonly #pool: ResourcePool<PgClient>
  readonly #options: ResolvedOptions
  readonly #live: LivePool
  readonly #environment: Environment = environment()
  readonly #instrumented: InstrumentedPool
  readonly #borrowing: Borrowing
  readonly #queries: Queries
  readonly #credentials: CredentialSource | undefined
  readonly #lend = (checkout: Checkout<PgClient>): Lent => lentClient(checkout, this.#borrowing)
  #ended: Promise<void> | undefined

  /**
   * Nothing is dialled before the first acquire.
   *
   * @throws {PoolOptionError} for an option that is unknown or has a wrong value.
   */
  constructor(options?: PoolOptions) {
    const given = readOptions(options ?? {})
    const resolved = resolveOptions(given)
    super(copyOptions(given) as PoolConfig)
    hideSecrets(this.options)
    Object.assign(this.options, inForce(resolved))
    const { Client } = this as unknown as { Client: new (config: object) => PgClient }
    // pg changes what it is given: each gets a copy.
    const { connectionString, ...address } = addressIn(given)
    const config = {
      ...copyOptions(given),
      connectionTimeoutMillis: 0,
      ...(address.tls !== undefined && { ssl: true, connectionString }),
    }
    const profile = PROFILES[resolved.target]
    this.#credentials = given.credentials?.[SOURCE]({
      options: given,
      classify: classifyDialFailure,
      moved: () => this.#pool.condemn(),
    })
    const connector = new PgConnector({
      newClient: () => (profile.ownsSession ? new Client(config) : leaveSessionAlone(new Client(config))),
      onConnect: given.onConnect,
      verify: given.verify,
      reset: resolved.reset,
      leaseMillis: resolved.leaseMillis,
      invocationMillis: () => this.#environment.currentInvocation?.()?.budgetMillis ?? Infinity,
      profile,
      credentials: this.#credentials,
      ...address,
    })
    this.#options = resolved
    this.#pool = new ResourcePool(connector, resourcePoolOptions(resolved), observing(this, resolved))
    this.#instrumented = new InstrumentedPool(this, () => this.#borrowing)
    const credentials = this.#credentials
    this.#borrowing = new Borrowing(this, this.#pool, resolved, {
      asked: credentials && (() => credentials.refreshAhead()),
      isWatched: isInstrumented,
      watched: (acquire) => this.#instrumented.connect(acquire),
    })
    const isAlone = resolved.max === 1
    const mayShare = resolved.fanOut && (Client as unknown) === pg.Client && (isAlone || runsOneAtATime())
    if (given.fanOut && !mayShare) warnOnce('PG_THAW_FAN_OUT', NO_FAN_OUT, [new Error().stack])
    const isPlain = credentials === undefined && !resolved.leakDetection
    const terms = { isAlone, connectMillis: () => connector.connectMillis }
    this.#queries = new Queries(this.#borrowing, mayShare ? terms : undefined, isPlain)
    this.#live = livePool(this, this.#borrowing, connector, this.#credentials, resolved, given)
    this.#environment.pools.add(this.#live)
  }

  /** All gauges and counters at one moment. */
  stats(): PoolStats {
    const { unfinished, aborts: acquireAborts } = this.#borrowing
    return { ...this.#pool.stats(), acquireAborts, joins: this.#queries.joins, unfinished }
  }

  /**
   * Lends a client until its `release()`.
   *
   * @throws {AcquireTimeoutError} after `connectionTimeoutMillis`, or when the invocation has no time left.
   * @throws {DialError} when connecting fails in a way that does not pass.
   * @throws {PoolError} `POOL_ENDED`, `POOL_ACQUIRE_ABORTED`, `POOL_QUERY_TIMEOUT`.
   */
  override connect(options?: ConnectOptions): Promise<Lent>
  override connect(callback: ConnectCallback): void
  override connect(argument?: ConnectOptions | ConnectCallback): Promise<Lent> | undefined {
    if (typeof argument === 'function') {
      // A promise carries the caller's async context to the callback, whoever's release is what serves it.
      this.connect().then(
        (client) => argument(undefined, client, client.release),
        (error) => argument(error, undefined, () => {}),
      )
      return undefined
    }
    const signal = argument?.signal
    if (signal === undefined && this.#borrowing.isPlain) {
      return Promise.resolve(this.#borrowing.checkOut(undefined, this.#lend))
    }
    const lend = (borrower: Borrower | undefined) => this.#borrowing.checkOut(borrower, this.#lend)
    return this.#borrowing.run(signal, this.connect, 'lends', lend)
  }

  /**
   * Lends a client to `work` and takes it back, however that ends. At the invocation's deadline, and when the signal is aborted, it
   * rejects at once, whatever `work` is waiting for.
   *
   * @throws as {@link connect}, then whatever `work` throws; `POOL_QUERY_TIMEOUT` or `POOL_QUERY_ABORTED` when it was cut off.
   */
  use<T>(work: (client: PoolClient) => Promise<T>, options?: ConnectOptions): Promise<T> {
    return this.#borrowing.run(options?.signal, this.use, 'uses', (borrower) => this.#useAs(borrower, work))
  }

  /**
   * Runs `work` in a transaction on a client of its own: committed when it resolves, rolled back when it throws. With `retries`, `work`
   * runs again from its begin after a conflict.
   *
   * @throws {PoolError} `POOL_TRANSACTION_ROLLED_BACK` when `work` swallowed the error of a statement, so that nothing was committed.
   */
  transaction<T>(work: (client: PoolClient) => Promise<T>, options?: TransactionOptions): Promise<T> {
    const retries = options?.retries ?? 0
    const expected = nonNegativeInteger(retries)
    if (expected !== undefined) return Promise.reject(wrongValue('retries', expected, retries))
    return this.use((client) => withRetries(retries, () => runInTransaction(client, work)), options)
  }

  /**
   * Closes idle connections down to `keep` (default: `min`), those idle longest first. Returns how many.
   *
   * @throws {PoolOptionError} when `keep` is no non-negative integer.
   */
  trim(keep: number = this.#options.min): number {
    const expected = nonNegativeInteger(keep)
    if (expected !== undefined) throw wrongValue('keep', expected, keep)
    return this.#pool.trim(keep)
  }

  /** Closes what is idle now and what is lent when it is returned; the pool stays usable. For after a failover, for instance. */
  drain(): Promise<void> {
    return this.#pool.drain()
  }

  /**
   * Ends the pool: newcomers are refused at once, who asked before is still served, and clients that are lent may come back, all within
   * 30 s (never past the invocation's deadline); then the rest is rejected and closed. Resolves when every connection is closed. Calling
   * it again is harmless.
   */
  override end(): Promise<void>
  override end(callback: (error?: Error) => void): void
  override end(callback?: (error?: Error) => void): Promise<void> | undefined {
    this.#ended ??= this.#end()
    if (callback === undefined) return this.#ended
    this.#ended.then(() => callback(), callback)
    return undefined
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end()
  }

  async #end(): Promise<void> {
    if (isInstrumented()) this.#instrumented.end()
    const state = this as { ending: boolean; ended: boolean }
    state.ending = true
    await this.#pool.end(Math.min(END_PATIENCE_MILLIS, this.#borrowing.remainingMillis()))
    this.#borrowing.deadlines.clear()
    this.#credentials?.end()
    this.#environment.pools.delete(this.#live)
    state.ended = true
  }

  #callBack(text: unknown, values: unknown, callback: unknown): Promise<QueryResult> | undefined {
    if (typeof text === 'function') {
      return Promise.reject(new TypeError('Passing a function as the first parameter to pool.query is not supported'))
    }
    const [given, tell] =
      typeof values === 'function' ? [undefined, values] : [values, callback as (...args: unknown[]) => void]
    this.#queries.run(text, given).then(
      (result) => tell(undefined, result),
      (error) => tell(error),
    )
    return undefined
  }

  async #useAs<T>(borrower: Borrower | undefined, work: (client: PoolClient) => Promise<T>): Promise<T> {
    const checkout = await this.#borrowing.checkOut(borrower, (it) => it)
    // Cut off in the step in which it was served; it has heard of that.
    if (checkout.state !== 'open') return new Promise(() => {})
    const client = lentClient(checkout, this.#borrowing)
    try {
      const isAlone = this.#options.max === 1
      return await (isAlone ? this.#borrowing.holding(() => work(client)) : work(client))
    } catch (error) {
      tellRetry(error, !isUsable(checkout.resource))
      throw error
    } finally {
      if (!isReleased(checkout)) client.release()
    }
  }
}

const NO_FAN_OUT =
  '`fanOut: true` has no effect here: queries share a connection only in a pool of one, or where calls certainly run one at a time'

/**
 * Tells pg.Pool's events, in its order and with its arguments, and lets idle connections not keep the process. What listeners
 * throw is published, and harms nobody.
 */
function observing(pool: Pool, { allowExitOnIdle }: ResolvedOptions): PoolObserver<PgClient> {
  return {
    dialled(client) {
      // From then on whoever has it keeps the process alive with it.
      if (allowExitOnIdle) client.unref?.()
      pool.emit('connect', client)
    },
    acquired: pool.emit.bind(pool, 'acquire'),
    released: pool.emit.bind(pool, 'release'),
    retired: (client) => pool.emit('remove', client),
    lostIdle(client, error) {
      if (pool.listenerCount('error') > 0) pool.emit('error', Object.assign(error, { client }), client)
    },
    returnedDirty: ({ resource, label }) => warnOfDirtyReturn(resource, label),
    returnedLate: ({ label }) => publishLeak(pool, borrowerOf(label), true),
    fault: (error) => FAULTS.publish({ pool, error }),
  }
}

function totalCount(this: Pool): number {
  const { total, closing } = this.stats()
  return total - closing
}

function idleCount(this: Pool): number {
  const { idle, validating } = this.stats()
  return idle + validating
}

/** Callers for whom no connection is under way. */
function waitingCount(this: Pool): number {
  const { waiting, dialing, validating, returning } = this.stats()
  return Math.max(0, waiting - dialing - validating - returning)
}
