import { channel } from 'node:diagnostics_channel'
import { isDeepStrictEqual } from 'node:util'
import pg, { type PoolClient, type QueryResult } from 'pg'
import type { Checkout } from '../pool/checkout.js'
import { systemClock } from '../pool/clock.js'
import { ResourcePool } from '../pool/resource-pool.js'
import type { PoolStats } from '../pool/stats.js'
import { environment, type Leak, type LivePool } from '../registry/environment.js'
import { trustedMillis } from './lease.js'
import { type PoolOptions, type ResolvedOptions, resolveOptions } from './options.js'
import type { PgClient } from './pg-client.js'
import { PgConnector } from './pg-connector.js'
import { hideSecrets } from './secrets.js'
import { runInTransaction } from './transaction.js'

/** Where listeners of the whole process hear of pools: what leaked, and what their own listeners threw. */
const LEAKS = channel('pg-thaw:leak')
const FAULTS = channel('pg-thaw:fault')

const CLOSE_TIMEOUT_MILLIS = 1000
/** How long `end` waits for checkouts, ms. */
const END_PATIENCE_MILLIS = 30_000
const LIFETIME_JITTER = 0.1

/** What one acquire may ask for. */
export interface ConnectOptions {
  /** Stops waiting when it is aborted. */
  readonly signal?: AbortSignal | undefined
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
    })
  }

  readonly #pool: ResourcePool<PgClient>
  readonly #options: ResolvedOptions
  readonly #live: LivePool
  #ended: Promise<void> | undefined

  /**
   * Nothing is dialled before the first acquire.
   *
   * @throws {PoolOptionError} for an option that is unknown or has a wrong value.
   */
  constructor(options: PoolOptions = {}) {
    const resolved = resolveOptions(options)
    super({ ...options, max: resolved.max })
    hideSecrets(this.options)
    this.#options = resolved
    this.#pool = this.#createResourcePool(options)
    this.#live = this.#createLivePool(options)
    environment().pools.add(this.#live)
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
   * @throws {PoolError} `POOL_ENDED`, `POOL_ACQUIRE_ABORTED`.
   */
  override connect(options?: ConnectOptions): Promise<PoolClient>
  override connect(callback: ConnectCallback): void
  override connect(argument?: ConnectOptions | ConnectCallback): Promise<PoolClient> | undefined {
    if (typeof argument !== 'function') return this.#lend(argument)
    // A promise carries the caller's async context to the callback, whoever's release is what serves it.
    this.#lend().then(
      (client) => argument(undefined, client, client.release),
      (error) => argument(error, undefined, () => {}),
    )
    return undefined
  }

  /** Lends a client to `work` and takes it back, however that ends. */
  async use<T>(work: (client: PoolClient) => Promise<T>, options?: ConnectOptions): Promise<T> {
    const checkout = this.#tryAcquire(options) ?? (await this.#acquire(options))
    const client = lendable(checkout)
    try {
      return await work(client)
    } finally {
      if (checkout.state !== 'released') checkout.release()
    }
  }

  /**
   * Runs `work` in a transaction on a client of its own: committed when it resolves, rolled back when it throws.
   *
   * @throws {PoolError} `POOL_TRANSACTION_ROLLED_BACK` when `work` swallowed the error of a statement, so that nothing was committed.
   */
  transaction<T>(work: (client: PoolClient) => Promise<T>, options?: ConnectOptions): Promise<T> {
    return this.use((client) => runInTransaction(client, work), options)
  }

  /** Closes idle connections down to `keep` (default: `min`), those idle longest first. Returns how many. */
  trim(keep: number = this.#options.min): number {
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
    const state = this as { ending: boolean; ended: boolean }
    state.ending = true
    environment().pools.delete(this.#live)
    await this.#pool.end(Math.min(END_PATIENCE_MILLIS, remainingMillis()))
    state.ended = true
  }

  #query(text: unknown, values: unknown, callback: unknown): Promise<QueryResult> | undefined {
    if (typeof values === 'function') return this.#query(text, undefined, values)
    const result = this.#runQuery(text, values)
    if (typeof callback !== 'function') return result
    result.then(
      (it) => callback(undefined, it),
      (error) => callback(error),
    )
    return undefined
  }

  async #runQuery(text: unknown, values: unknown): Promise<QueryResult> {
    if (typeof text === 'function') {
      throw new TypeError('Passing a function as the first parameter to pool.query is not supported')
    }
    const checkout = this.#tryAcquire(undefined) ?? (await this.#acquire(undefined))
    try {
      return await queryOn(checkout, text, values)
    } catch (error) {
      // The stack that came leads to the socket; this one leads to the code that asked.
      if (error instanceof Error) Error.captureStackTrace(error)
      throw error
    }
  }

  #lend(options?: ConnectOptions): Promise<PoolClient> {
    const checkout = this.#tryAcquire(options)
    if (checkout !== undefined) return Promise.resolve(lendable(checkout))
    return this.#acquire(options).then(lendable)
  }

  /** Without a promise, a deadline or a place in the queue, where an idle connection can be lent as it is. */
  #tryAcquire(options: ConnectOptions | undefined): Checkout<PgClient> | undefined {
    return options?.signal?.aborted ? undefined : this.#pool.tryAcquire(this.#label())
  }

  #acquire(options: ConnectOptions | undefined): Promise<Checkout<PgClient>> {
    return this.#pool.acquire({
      timeoutMillis: Math.min(this.#options.connectionTimeoutMillis, remainingMillis()),
      signal: options?.signal,
      label: this.#label(),
    })
  }

  #label(): Error | undefined {
    return this.#options.leakDetection ? new Error('acquired here') : undefined
  }

  #createResourcePool(given: PoolOptions): ResourcePool<PgClient> {
    const options = this.#options
    const config = { ...given, connectionTimeoutMillis: 0 }
    const { Client } = this as unknown as { Client: new (config: object) => PgClient }
    const connector = new PgConnector({
      newClient: () => new Client(config),
      onConnect: given.onConnect,
      verify: given.verify,
      reset: options.reset,
      leaseMillis: options.leaseMillis,
      clock: systemClock,
    })
    return new ResourcePool(
      connector,
      {
        max: options.max,
        min: options.min,
        maxIdle: options.pooling === 'never' ? 0 : options.max,
        maxUses: options.maxUses,
        idleTimeoutMillis: options.idleTimeoutMillis,
        leaseMillis: trustedMillis(options.leaseMillis),
        maxLifetimeMillis: options.maxLifetimeMillis,
        lifetimeJitter: LIFETIME_JITTER,
        validationBypassMillis: options.validationBypassMillis,
        validationTimeoutMillis: options.validationTimeoutMillis,
        resetTimeoutMillis: options.validationTimeoutMillis,
        dialTimeoutMillis: dialTimeoutMillis(options),
        closeTimeoutMillis: CLOSE_TIMEOUT_MILLIS,
        clock: systemClock,
        random: Math.random,
      },
      {
        dialled: (client) => {
          if (options.allowExitOnIdle) client.unref()
          this.emit('connect', client)
        },
        acquired: (client) => {
          if (options.allowExitOnIdle) client.ref()
          this.emit('acquire', client)
        },
        released: (client, discard) => {
          if (options.allowExitOnIdle) client.unref()
          this.emit('release', discard || undefined, client)
        },
        retired: (client) => this.emit('remove', client),
        lostIdle: (client, error) => {
          if (this.listenerCount('error') > 0) this.emit('error', Object.assign(error, { client }), client)
        },
        returnedLate: (checkout) => this.#publishLeak(checkout, true),
        fault: (error) => FAULTS.publish({ pool: this, error }),
      },
    )
  }

  #createLivePool(given: PoolOptions): LivePool {
    const pool = this.#pool
    const original = { ...given }
    return {
      pool: this,
      name: this.#options.name,
      pooling: this.#options.pooling,
      min: this.#options.min,
      leaseMillis: this.#options.leaseMillis,
      madeWith: (options) => isDeepStrictEqual({ ...options }, original),
      wake: () => pool.wake(),
      trim: (keep) => void pool.trim(keep),
      reclaim: () => pool.reclaim().map((checkout) => this.#publishLeak(checkout, false)),
      get restoring() {
        return pool.gauges().returning > 0
      },
      restored: () => pool.restored(),
    }
  }

  #publishLeak(checkout: Checkout<PgClient>, returned: boolean): Leak {
    const leak: Leak = { acquiredAt: checkout.label instanceof Error ? checkout.label.stack : undefined }
    LEAKS.publish({ pool: this, ...leak, returned })
    return leak
  }
}

/** Runs one query on a checkout that nobody else sees, and returns it before the caller hears of the result. */
function queryOn(checkout: Checkout<PgClient>, text: unknown, values: unknown): Promise<QueryResult> {
  return new Promise((resolve, reject) => {
    const client = checkout.resource
    const settled = (error: Error | null | undefined, result: QueryResult) => {
      // Its invocation is over, and whoever waited for it belongs there: an error now would only meet the next one.
      if (checkout.state === 'reclaimed') return
      checkout.release()
      if (error) reject(error)
      else resolve(result)
    }
    try {
      // With a callback, as pg.Pool does: cursors and instrumentations depend on it.
      client.query(text as string, values as unknown[], settled)
    } catch (error) {
      checkout.release()
      reject(error)
    }
  })
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

const CHECKOUT = Symbol('pg-thaw.checkout')

/** The client of a checkout, with the means to return it. The object is the same at every loan of one connection. */
function lendable(checkout: Checkout<PgClient>): PoolClient {
  const client = checkout.resource as PgClient & { [CHECKOUT]?: Checkout<PgClient>; [Symbol.asyncDispose]?: unknown }
  client.release = (error) => checkout.release(error || false)
  client[CHECKOUT] = checkout
  client[Symbol.asyncDispose] ??= async () => {
    if (client[CHECKOUT]?.state !== 'released') client[CHECKOUT]?.release()
  }
  return client
}

function remainingMillis(): number {
  return environment().currentInvocation?.()?.remainingMillis() ?? Number.POSITIVE_INFINITY
}

/**
 * A dial outlives the patience of those who wait for it, else nothing could ever connect when connecting takes longer. Without a
 * limit of theirs it is long enough for a paused Aurora cluster to resume.
 */
function dialTimeoutMillis({ connectionTimeoutMillis }: ResolvedOptions): number {
  return Number.isFinite(connectionTimeoutMillis) ? Math.max(10_000, connectionTimeoutMillis) : 30_000
}
