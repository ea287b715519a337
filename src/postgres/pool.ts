import pg, { type PoolClient, type PoolConfig, type QueryResult } from 'pg'
import type { Checkout } from '../pool/checkout.js'
import { systemClock } from '../pool/clock.js'
import { PoolError, type Retry } from '../pool/errors.js'
import { ResourcePool } from '../pool/resource-pool.js'
import type { PoolStats } from '../pool/stats.js'
import { type CurrentInvocation, type Environment, environment, type LivePool } from '../registry/environment.js'
import { addressIn } from './address.js'
import { Borrower } from './borrower.js'
import { CredentialSource } from './credential-source.js'
import { Deadlines } from './deadlines.js'
import { leaveSessionAlone } from './foreign-session.js'
import { InstrumentedPool, isInstrumented } from './instrumented-pool.js'
import { livePool } from './live-pool.js'
import { lentClient, queryOn } from './loan.js'
import { nonNegativeInteger, wrongValue } from './option-checks.js'
import { type PoolOptions, type ResolvedOptions, resolveOptions } from './options.js'
import { giveUp, isUsable, type PgClient } from './pg-client.js'
import { PgConnector } from './pg-connector.js'
import { poolEvents } from './pool-events.js'
import { PROFILES } from './profile.js'
import { resourcePoolOptions } from './resource-options.js'
import { neverRan, tellRetry } from './retry.js'
import { copyOptions, hideSecrets } from './secrets.js'
import { isShareable } from './shareable.js'
import { runInTransaction, withRetries } from './transaction.js'

/** How long `end` waits for checkouts, ms. */
const END_PATIENCE_MILLIS = 30_000

/** How long credentials are taken for new, ms. */
const CREDENTIALS_TTL_MILLIS = 300_000

/** How often a query that certainly never ran, or may run twice, is tried again. */
const MOST_RERUNS = 2

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
  readonly #mayShare: boolean
  readonly #instrumented: InstrumentedPool
  readonly #deadlines: Deadlines
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
      invocationMillis: () => this.#invocation()?.budgetMillis ?? Number.POSITIVE_INFINITY,
      profile,
      credentials: this.#credentials,
      ...address,
    })
    this.#options = resolved
    this.#mayShare = resolved.fanOut && (Client as unknown) === pg.Client
    this.#pool = new ResourcePool(connector, resourcePoolOptions(resolved), poolEvents(this, resolved.allowExitOnIdle))
    this.#instrumented = new InstrumentedPool(this)
    this.#deadlines = new Deadlines(systemClock, resolved.deadlineMarginMillis, (invocation) =>
      this.#cutOff(
        (it) => it.invocation === invocation,
        () => deadlineError('unknown'),
      ),
    )
    this.#live = livePool(this, this.#pool, connector, this.#deadlines, this.#credentials, resolved, given)
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
    const borrower = this.#borrower()
    const checkout = this.#checkOut(borrower, false, argument?.signal)
    if (!(checkout instanceof Promise)) return Promise.resolve(lentClient(checkout))
    const result = checkout.then(lentClient)
    return borrower === undefined ? result : borrower.awaits(result)
  }

  /** Lends a client to `work` and takes it back, however that ends. */
  use<T>(work: (client: PoolClient) => Promise<T>, options?: ConnectOptions): Promise<T> {
    const borrower = this.#borrower(options?.signal)
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
    if (isInstrumented()) this.#instrumented.end()
    const state = this as { ending: boolean; ended: boolean }
    state.ending = true
    await this.#pool.end(Math.min(END_PATIENCE_MILLIS, this.#remainingMillis()))
    this.#deadlines.clear()
    this.#credentials?.end()
    this.#environment.pools.delete(this.#live)
    state.ended = true
  }

  #query(text: unknown, values: unknown, callback: unknown): Promise<QueryResult> | undefined {
    if (typeof values === 'function') return this.#query(text, undefined, values)
    if (typeof text === 'function') {
      return Promise.reject(new TypeError('Passing a function as the first parameter to pool.query is not supported'))
    }
    const signal = signalOf(text)
    const borrower = this.#borrower(signal)
    const result = this.#attempt(borrower, text, values, signal, MOST_RERUNS)
    borrower?.awaits(result)
    if (typeof callback !== 'function') return result
    result.then(
      (it) => callback(undefined, it),
      (error) => callback(error),
    )
    return undefined
  }

  #attempt(
    borrower: Borrower | undefined,
    text: unknown,
    values: unknown,
    signal: AbortSignal | undefined,
    reruns: number,
  ): Promise<QueryResult> {
    const share = this.#mayShare && signal === undefined && isShareable(text)
    const checkout = this.#checkOut(borrower, share, signal)
    const failed = (error: unknown, wasLost: boolean) => {
      if (reruns === 0 || !mayRerun(text, error, wasLost)) throw error
      return this.#attempt(borrower, text, values, signal, reruns - 1)
    }
    if (!(checkout instanceof Promise))
      return this.#abortable(queryOn(checkout, text, values, failed), borrower, signal)
    return checkout.then((it) => this.#abortable(queryOn(it, text, values, failed), borrower, signal))
  }

  /** While `work` is under way, the signal cuts its borrower off. */
  #abortable<T>(work: Promise<T>, borrower: Borrower | undefined, signal: AbortSignal | undefined): Promise<T> {
    if (signal === undefined) return work
    const abort = () => {
      const { reason: cause } = signal
      this.#cutOff(
        (it) => it === borrower,
        () => new PoolError('POOL_QUERY_ABORTED', 'the query was aborted', { cause, retry: 'unknown' }),
      )
    }
    // Perhaps since it was last asked.
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    return work.finally(() => signal.removeEventListener('abort', abort))
  }

  /**
   * Ends what borrowers are doing, at once: their queries are rejected and cancelled on the server, their connections closed. Where
   * others use the connection at the same time, theirs are left alone, and the query is only rejected. Each hears of it in an error of
   * its own, which says who asked.
   */
  #cutOff(whom: (borrower: Borrower) => boolean, failure: () => PoolError): void {
    const cut = new Set<Borrower>()
    const isMeant = (label: unknown) => {
      if (!(label instanceof Borrower) || !whom(label)) return false
      cut.add(label)
      return true
    }
    const reclaimed = this.#pool.reclaim(isMeant, 'leave')
    for (const borrower of cut) borrower.cutOff(failure())
    // The socket closes only once the server has been asked to cancel: a pooler forgets whose query it was when its client is gone. Where
    // the network is down that is too late for a rollback that the borrower sends after its query.
    for (const { resource } of reclaimed) giveUp(resource, failure())
  }

  async #useAs<T>(
    borrower: Borrower | undefined,
    work: (client: PoolClient) => Promise<T>,
    options: ConnectOptions | undefined,
  ): Promise<T> {
    const checkout = await this.#checkOut(borrower, false, options?.signal)
    const client = lentClient(checkout)
    try {
      return await this.#abortable(work(client), borrower, options?.signal)
    } catch (error) {
      // The library's own errors say more: what it was waiting for, for instance.
      if (borrower?.failure !== undefined && !(error instanceof PoolError)) throw borrower.failure
      tellRetry(error, !isUsable(checkout.resource))
      throw error
    } finally {
      if (checkout.state !== 'released') checkout.release()
    }
  }

  /** Without a promise where a connection can be lent as it is. */
  #checkOut(
    borrower: Borrower | undefined,
    share: boolean,
    signal: AbortSignal | undefined,
  ): Checkout<PgClient> | Promise<Checkout<PgClient>> {
    if (borrower?.invocation !== undefined && this.#deadlines.hasPassed(borrower.invocation)) {
      return Promise.reject(deadlineError('safe'))
    }
    this.#credentials?.refreshAhead()
    if (isInstrumented() && !this.ending)
      return this.#instrumented.connect(() => this.#acquire(borrower, share, signal))
    const checkout = signal?.aborted ? undefined : this.#pool.tryAcquire(borrower, share)
    return checkout ?? this.#acquire(borrower, share, signal)
  }

  #acquire(
    borrower: Borrower | undefined,
    share: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Checkout<PgClient>> {
    const timeoutMillis = Math.min(this.#options.connectionTimeoutMillis, this.#remainingMillis())
    return this.#pool.acquire({ timeoutMillis, signal, share, label: borrower })
  }

  #remainingMillis(): number {
    const invocation = this.#invocation()
    return invocation === undefined ? Number.POSITIVE_INFINITY : this.#deadlines.remainingMillis(invocation)
  }

  #invocation(): CurrentInvocation | undefined {
    return this.#environment.currentInvocation?.()
  }

  /** Nothing outside of an invocation, as long as nobody asks for stacks or may abort it. */
  #borrower(signal?: AbortSignal): Borrower | undefined {
    const invocation = this.#invocation()
    if (invocation !== undefined) this.#deadlines.watch(invocation)
    const { leakDetection } = this.#options
    const isPlain = invocation === undefined && !leakDetection && signal === undefined
    return isPlain ? undefined : new Borrower(invocation, leakDetection)
  }
}

function deadlineError(retry: Retry): PoolError {
  const text = 'the invocation is about to be timed out: what was asked of the database is cut off'
  return new PoolError('POOL_QUERY_TIMEOUT', text, { retry })
}

/** Submittables are used up by their first run; and what the pool itself has ended is over. */
function mayRerun(text: unknown, error: unknown, wasLost: boolean): boolean {
  if (error instanceof PoolError) return false
  if (typeof text === 'object' && text !== null && 'submit' in text) return false
  return neverRan(error) || (wasLost && isIdempotent(text))
}

function isIdempotent(text: unknown): boolean {
  return typeof text === 'object' && text !== null && 'idempotent' in text && text.idempotent === true
}

function signalOf(text: unknown): AbortSignal | undefined {
  const isGiven = typeof text === 'object' && text !== null && 'signal' in text
  return isGiven && text.signal instanceof AbortSignal ? text.signal : undefined
}

/** Options that programs read off a pool, as they are in force. */
function inForce(options: ResolvedOptions): object {
  const millis = (limit: number) => (Number.isFinite(limit) ? limit : 0)
  const { max, min, maxUses, allowExitOnIdle, maxLifetimeMillis, idleTimeoutMillis } = options
  return {
    max,
    min,
    maxUses,
    allowExitOnIdle,
    maxLifetimeSeconds: millis(maxLifetimeMillis) / 1000,
    idleTimeoutMillis: millis(idleTimeoutMillis),
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
