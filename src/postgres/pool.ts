import pg, { type PoolClient, type PoolConfig, type QueryResult } from 'pg'
import { systemClock } from '../pool/clock.js'
import { PoolError } from '../pool/errors.js'
import { ResourcePool } from '../pool/resource-pool.js'
import type { PoolStats } from '../pool/stats.js'
import { type Environment, environment, type LivePool } from '../registry/environment.js'
import { addressIn } from './connection/address.js'
import { CredentialSource } from './connection/credential-source.js'
import { leaveSessionAlone } from './connection/foreign-session.js'
import { isUsable, type PgClient } from './connection/pg-client.js'
import { PgConnector } from './connection/pg-connector.js'
import { PROFILES } from './connection/profile.js'
import { livePool } from './live-pool.js'
import { nonNegativeInteger, wrongValue } from './options/option-checks.js'
import { type PoolOptions, type ResolvedOptions, resolveOptions } from './options/options.js'
import { inForce, resourcePoolOptions } from './options/resource-options.js'
import { copyOptions, hideSecrets } from './options/secrets.js'
import { poolEvents } from './pool-events.js'
import type { Borrower } from './query/borrower.js'
import { Borrowing } from './query/borrowing.js'
import { InstrumentedPool, isInstrumented } from './query/instrumented-pool.js'
import { lentClient } from './query/loan.js'
import { Queries } from './query/queries.js'
import { tellRetry } from './query/retry.js'
import { runInTransaction, withRetries } from './query/transaction.js'

/** How long `end` waits for checkouts, ms. */
const END_PATIENCE_MILLIS = 30_000

/** How long credentials are taken for new, ms. */
const CREDENTIALS_TTL_MILLIS = 300_000

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

type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  done: (release?: Error | boolean) => void,
) => void

/**
 * A drop-in for `pg.Pool` that survives a freeze: what it lends has been judged by stored facts and, where they are too old, asked
 * for a sign of life; what it keeps holds a lease, so that the server frees it by itself when the process never comes back.
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
          return this.#query(text, values, callback)
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
  #ended: Promise<void> | undefined

  /**
   * Nothing is dialled before the first acquire.
   *
   * @throws {PoolOptionError} for an option that is unknown or has a wrong value.
   */
  constructor(options?: PoolOptions) {
    const given = copyOptions(options ?? {})
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
    const { credentials: provider, credentialsTtlMillis: ttlMillis = CREDENTIALS_TTL_MILLIS } = given
    if (provider !== undefined) {
      const moved = () => this.#pool.condemn()
      this.#credentials = new CredentialSource({ provider, ttlMillis, clock: systemClock, random: Math.random, moved })
    }
    const connector = new PgConnector({
      newClient: () => (profile.ownsSession ? new Client(config) : leaveSessionAlone(new Client(config))),
      onConnect: given.onConnect,
      verify: given.verify,
      reset: resolved.reset,
      leaseMillis: resolved.leaseMillis,
      invocationMillis: () => this.#environment.currentInvocation?.()?.budgetMillis ?? Number.POSITIVE_INFINITY,
      profile,
      credentials: this.#credentials,
      ...address,
    })
    this.#options = resolved
    this.#pool = new ResourcePool(connector, resourcePoolOptions(resolved), poolEvents(this, resolved.allowExitOnIdle))
    this.#instrumented = new InstrumentedPool(this)
    this.#borrowing = new Borrowing(this.#pool, this.#instrumented, this.#credentials, resolved)
    this.#queries = new Queries(this.#borrowing, resolved.fanOut && (Client as unknown) === pg.Client)
    this.#live = livePool(this, this.#pool, connector, this.#borrowing.deadlines, this.#credentials, resolved, given)
    this.#environment.pools.add(this.#live)
  }

  /** All gauges and counters at one moment. */
  stats(): PoolStats {
    return this.#pool.stats()
  }

  /**
   * Lends a client until its `release()`.
   *
   * @throws {AcquireTimeoutError} after `connectionTimeoutMillis`, or when the invocation has no time left.
   * @throws {DialError} when connecting fails in a way that does not pass.
   * @throws {PoolError} `POOL_ENDED`, `POOL_ACQUIRE_ABORTED`, `POOL_RECLAIMED`.
   */
  override connect(options?: ConnectOptions): Promise<PoolClient & AsyncDisposable>
  override connect(callback: ConnectCallback): void
  override connect(argument?: ConnectOptions | ConnectCallback): Promise<PoolClient & AsyncDisposable> | undefined {
    if (typeof argument === 'function') {
      // A promise carries the caller's async context to the callback, whoever's release is what serves it.
      this.connect().then(
        (client) => argument(undefined, client, client.release),
        (error) => argument(error, undefined, () => {}),
      )
      return undefined
    }
    const borrower = this.#borrowing.borrower()
    const checkout = this.#borrowing.checkOut(borrower, false, argument?.signal)
    if (!(checkout instanceof Promise)) return Promise.resolve(lentClient(checkout))
    const result = checkout.then(lentClient)
    return borrower === undefined ? result : borrower.awaits(result)
  }

  /**
   * Lends a client to `work` and takes it back, however that ends.
   *
   * @throws as {@link connect}, then whatever `work` throws; `POOL_QUERY_TIMEOUT` or `POOL_QUERY_ABORTED` when it was cut off.
   */
  use<T>(work: (client: PoolClient) => Promise<T>, options?: ConnectOptions): Promise<T> {
    const borrower = this.#borrowing.borrower(options?.signal)
    const result = this.#useAs(borrower, work, options)
    return borrower === undefined ? result : borrower.awaits(result)
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
   * Ends the pool: callers that wait are rejected at once, clients that are lent may come back for 30 s (never past the
   * invocation's deadline) and are then closed. Resolves when every connection is closed. Calling it again is harmless.
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

  #query(text: unknown, values: unknown, callback: unknown): Promise<QueryResult> | undefined {
    if (typeof values === 'function') return this.#query(text, undefined, values)
    if (typeof text === 'function') {
      return Promise.reject(new TypeError('Passing a function as the first parameter to pool.query is not supported'))
    }
    const result = this.#queries.run(text, values)
    if (typeof callback !== 'function') return result
    result.then(
      (it) => callback(undefined, it),
      (error) => callback(error),
    )
    return undefined
  }

  async #useAs<T>(
    borrower: Borrower | undefined,
    work: (client: PoolClient) => Promise<T>,
    options: ConnectOptions | undefined,
  ): Promise<T> {
    const checkout = await this.#borrowing.checkOut(borrower, false, options?.signal)
    const client = lentClient(checkout)
    try {
      return await this.#borrowing.abortable(work(client), borrower, options?.signal)
    } catch (error) {
      // The library's own errors say more: what it was waiting for, for instance.
      if (borrower?.failure !== undefined && !(error instanceof PoolError)) throw borrower.failure
      tellRetry(error, !isUsable(checkout.resource))
      throw error
    } finally {
      if (checkout.state !== 'released') checkout.release()
    }
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
