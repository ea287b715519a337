import { Client as PgPlainClient, Pool as PgPool, type PoolClient, type PoolConfig, type QueryResult } from 'pg'
import type { ResourcePoolOptions } from '../pool/connector.js'
import { ResourcePool } from '../pool/resource-pool.js'
import type { Checkout } from '../pool/slot.js'
import type { PoolStats as ResourceStats } from '../pool/stats.js'
import { FAULT } from '../registry/channels.js'
import { type Environment, environment, isOnLambda, type LivePool, runsOneAtATime } from '../registry/environment.js'
import { knowingItsTransaction, pipelines } from './connection/older-pg.js'
import { addressIn } from './connection/opening/address.js'
import { type CredentialSource, SOURCE } from './connection/opening/credentials.js'
import { leaveSessionAlone } from './connection/opening/foreign-session.js'
import { PROFILES } from './connection/opening/profile.js'
import { tellTarget } from './connection/opening/recognise.js'
import { isUsable, type PgClient } from './connection/pg-client.js'
import { PgConnector } from './connection/pg-connector.js'
import { readSafely } from './connection/session/reading.js'
import type { BoundStatement } from './connection/statements/pooled-query.js'
import { Preparing } from './connection/statements/statements.js'
import { observing } from './events.js'
import { livePool } from './live-pool.js'
import { type Log, logDials } from './log.js'
import { type LogLevel, logLines } from './log-lines.js'
import { nonNegativeInteger, wrongValue } from './options/option-checks.js'
import { type PoolOptions, resolveOptions } from './options/options.js'
import { resourcePoolOptions, showInForce, UNNOTICED_MILLIS } from './options/resource-options.js'
import { copyOptions, hideSecrets } from './options/secrets.js'
import { readOptions } from './options/stock-values.js'
import type { Borrower } from './query/borrowing/borrower.js'
import { Borrowing } from './query/borrowing/borrowing.js'
import { warnOnce } from './query/borrowing/reports.js'
import { InstrumentedPool, isInstrumented } from './query/instrumented-pool.js'
import { isReleased, lentClient } from './query/lent/lent-client.js'
import { type Lent, queryThrough, useThrough } from './query/overridden-connect.js'
import { Queries } from './query/queries.js'
import { tellRetryOfQuery } from './query/retry.js'
import { connectionFor, runInTransaction, withRetries } from './query/transaction/transaction.js'
import { beginOf, retriesOf, type TransactionMode } from './query/transaction/transaction-options.js'

/** How long `end` waits for checkouts, ms. */
const END_PATIENCE_MILLIS = 30_000

/** Everything that a pool counts, at one moment. The counters only grow. */
export interface PoolStats extends ResourceStats {
  /** Callers that gave up by their signal before anything was sent. */
  readonly acquireAborts: number
  /** Queries that shared a connection with others that were under way on it. */
  readonly joins: number
  /** Statements that were given a name on some connection, because their texts came again. */
  readonly prepared: number
  /** Queries that ran by such a name, neither parsed nor planned anew. */
  readonly reused: number
  /** Names that were given up: the server did not know them any more, or the table behind them had changed. */
  readonly forgotten: number
  /** Queries, clients and callers that a call had left behind at its end, and that were cut off. */
  readonly unfinished: number
}

/** What one acquire may ask for. */
export interface ConnectOptions {
  /** Stops waiting when it is aborted; in `use` and `transaction` it also cancels what runs, and takes the client back. */
  readonly signal?: AbortSignal | undefined
}

/** What a transaction may ask for. */
export interface TransactionOptions extends ConnectOptions, TransactionMode {
  /** How often it is run again, whole, when it conflicted with another one (SQLSTATE 40001, 40P01). Default 0. */
  readonly retries?: number | undefined
}

declare module 'pg' {
  /** What `query` of this library's `Pool`, and of the clients that it lends, takes beside what pg takes. */
  interface QueryConfig {
    /**
     * Cancels the query, on the server too, when it is aborted. A query of the pool gets a connection to itself. One of a client that is
     * lent takes the client with it, unless it had not been sent.
     */
    readonly signal?: AbortSignal | undefined
    /**
     * Whether a query of the pool may run twice: then it is tried again when its connection is lost. Default false. A client that is lost
     * is its borrower's loss: there it changes nothing.
     */
    readonly idempotent?: boolean | undefined
    /** False leaves it unprepared, however often it comes. */
    readonly prepare?: false | undefined
  }
}

type ConnectCallback = (
  error: Error | undefined,
  client: PoolClient | undefined,
  // biome-ignore lint/suspicious/noExplicitAny: as in pg's own types, so that its callbacks go here as they are.
  done: (release?: any) => void,
) => void

type Tell = (error: unknown, result?: unknown) => void

/** How this class itself lends: whoever overrides it, in a subclass or on an object, wants to be asked. */
let ownConnect: unknown

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
export class Pool extends PgPool {
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
          if (isPlain && this.#isStraight && this.connect === ownConnect) return this.#queries.run(text, values)
          return this.#query(text, values, callback)
        },
      },
      totalCount: { configurable: true, get: totalCount },
      idleCount: { configurable: true, get: idleCount },
      waitingCount: { configurable: true, get: waitingCount },
      // What is too old is never lent, so nothing expired is ever counted.
      expiredCount: { configurable: true, get: () => 0 },
    })
    ownConnect = Pool.prototype.connect
  }

  readonly #pool: ResourcePool<PgClient>
  readonly #terms: ResourcePoolOptions
  readonly #log: Log | undefined
  /** Whether queries need no attention of a `log`, or of a `Promise` of another make. */
  readonly #isStraight: boolean
  readonly #live: LivePool
  readonly #environment: Environment = environment()
  readonly #instrumented: InstrumentedPool
  readonly #borrowing: Borrowing
  readonly #queries: Queries
  readonly #preparing: Preparing | undefined
  /** Whether clients are pg's own, and nobody stands between them and the server: then what is sent can be composed. */
  readonly #composes: boolean
  readonly #credentials: CredentialSource | undefined
  readonly #lend = (checkout: Checkout<PgClient>): Lent => lentClient(checkout, this.#borrowing)
  #ended: Promise<void> | undefined
  /** Ends what writes lines. */
  #logsNoMore: (() => void) | undefined

  /**
   * No connection is opened before the first acquire.
   *
   * @throws {PoolOptionError} for an option that is misspelt or has a wrong value. An unknown one is a process warning.
   */
  constructor(options?: PoolOptions) {
    const given = readOptions(options ?? {})
    const resolved = resolveOptions(given)
    const { log } = given
    const hears = typeof log === 'function' ? log : undefined
    const shown = copyOptions(given)
    // pg-pool would call it.
    if (hears === undefined) delete shown.log
    super(shown as PoolConfig)
    hideSecrets(this.options)
    const terms = resourcePoolOptions(resolved)
    showInForce(this.options, resolved, terms)
    this.#terms = terms
    this.#log = hears && ((...messages) => this.#guarded(() => (this as unknown as { log: Log }).log(...messages)))
    this.#isStraight = hears === undefined && (given.Promise ?? Promise) === Promise
    const { Client } = this as unknown as { Client: new (config: object) => PgClient }
    // pg changes what it is given: each gets a copy.
    const address = addressIn(given)
    const configs = address.hosts.map(({ options }) => ({
      fallback_application_name: isGiven('application_name', given) ? undefined : ownName(),
      ...copyOptions(given),
      connectionTimeoutMillis: 0,
      ...options,
    }))
    const profile = PROFILES[resolved.target]
    this.#credentials = given.credentials?.[SOURCE]({
      // Several hosts are the options' own.
      options: { ...given, ...address.hosts[0]?.options },
      classify: (error) => connector.classify(error),
      moved: () => this.#pool.condemn(),
    })
    // What a creator returns is seen only then.
    const isOfPg = (Client as unknown) === PgPlainClient && !given.creator
    const mayCompose = isOfPg && !(given as { pipeline?: unknown }).pipeline
    this.#composes = mayCompose && profile.ownsSession
    const { prepareAfter, preparedStatements, sendsSettings } = resolved
    const keepsNames = profile.ownsSession || prepareAfter < Infinity
    if (mayCompose && prepareAfter < Infinity) {
      const noNames = () => warnOnce('PG_THAW_NO_PREPARE', NO_PREPARE, [undefined])
      this.#preparing = new Preparing(prepareAfter, preparedStatements, !profile.ownsSession, noNames)
    }
    const choosesLease = resolved.choosesLease && !isGiven('idle_session_timeout', given)
    const connector = new PgConnector({
      newClient: (at = 0) => {
        const client = readSafely(knowingItsTransaction(new Client(configs[at] as object)))
        return leaveSessionAlone(client, sendsSettings, keepsNames)
      },
      resumeMillis: resolved.resumeMillis,
      // Whoever says `direct` of a pooler has one that keeps sessions apart.
      pooled:
        given.target === 'direct'
          ? undefined
          : (client) => {
              leaveSessionAlone(client, true)
              tellTarget('pgbouncer', 'what became of a startup option')
            },
      creator: given.creator,
      preparing: this.#preparing,
      demoted: () => this.#pool.condemn(),
      onConnect: given.onConnect,
      verify: given.verify,
      reset: resolved.reset,
      leaseMillis: (isAsked) => {
        const within = this.#environment.currentInvocation?.()?.budgetMillis ?? Infinity
        const chosen = choosesLease && isAsked ? this.#environment.leaseToDial?.(within) : undefined
        return chosen ?? resolved.leaseMillis
      },
      // Elsewhere invocations may have different times, and share what one of them has dialled.
      limitsWork: this.#composes && runsOneAtATime(),
      isLeftAlone: (name) => isGiven(name, given),
      invocationMillis: () => this.#environment.currentInvocation?.()?.budgetMillis ?? Infinity,
      profile,
      credentials: this.#credentials,
      ...address,
    })
    const { validationBypassMillis } = resolved
    // As long as nobody says when invocations begin, the process may have been frozen whenever it did nothing.
    const mayFreezeUntold = isOnLambda() && this.#environment.currentInvocation === undefined
    if (mayFreezeUntold && given.validationBypassMillis === undefined && given.validate !== false) {
      terms.validationBypassMillis = UNNOTICED_MILLIS
    }
    const isWrapped = () => {
      terms.validationBypassMillis = validationBypassMillis
    }
    if (this.#log) logDials(connector, this.#log)
    this.#pool = new ResourcePool(connector, terms, observing(this, resolved, this.#log))
    this.#instrumented = new InstrumentedPool(this, () => this.#borrowing)
    const credentials = this.#credentials
    this.#borrowing = new Borrowing(this, this.#pool, resolved, {
      asked: credentials && (() => credentials.refreshAhead()),
      isWatched: isInstrumented,
      watched: (acquire) => this.#instrumented.connect(acquire),
    })
    const mayShare = resolved.fanOut && isOfPg && pipelines(PgPlainClient)
    if (given.fanOut && !mayShare) warnOnce('PG_THAW_FAN_OUT', NO_FAN_OUT, [new Error().stack])
    const sharing = {
      get isAlone() {
        return terms.max === 1
      },
      isCrowd: !runsOneAtATime(),
      connectMillis: () => connector.connectMillis,
    }
    this.#queries = new Queries(this.#borrowing, {
      fanOut: mayShare ? sharing : undefined,
      isPlain: credentials === undefined && !resolved.leakDetection,
      composes: this.#composes,
      prepares: this.#preparing !== undefined,
    })
    this.#live = livePool(this, this.#borrowing, connector, this.#credentials, resolved, given, isWrapped)
    this.#environment.pools.add(this.#live)
    if (log && hears === undefined)
      this.#logsNoMore = logLines(this, given.name, log === true ? 'debug' : (log as LogLevel))
  }

  /** All gauges and counters at one moment. */
  stats(): PoolStats {
    const { unfinished, aborts: acquireAborts } = this.#borrowing
    const { prepared, reused, forgotten } = this.#preparing ?? { prepared: 0, reused: 0, forgotten: 0 }
    const own = { acquireAborts, joins: this.#queries.joins, prepared, reused, forgotten, unfinished }
    return { ...this.#pool.stats(), ...own }
  }

  /**
   * Lends a client until its `release()`. (The type parameter lets a subclass lend a plain `PoolClient`; leave it out.)
   *
   * @throws {AcquireTimeoutError} after `connectionTimeoutMillis`, or when the invocation has no time left.
   * @throws {DialError} when connecting fails in a way that does not pass.
   * @throws {PoolError} `POOL_ENDED`, `POOL_ACQUIRE_ABORTED`, `POOL_QUERY_TIMEOUT`.
   */
  override connect<Client extends PoolClient = PoolClient & AsyncDisposable>(options?: ConnectOptions): Promise<Client>
  override connect(callback: ConnectCallback): void
  override connect(argument?: ConnectOptions | ConnectCallback): Promise<Lent> | undefined {
    if (typeof argument !== 'function') return this.#promised(this.#connect(argument?.signal))
    // A promise carries the caller's async context to the callback, whoever's release is what serves it; and what the callback throws is
    // an uncaught exception, as with pg.Pool, and no rejection.
    this.#connect().then(
      (client) => process.nextTick(argument, undefined, client, client.release),
      (error) => process.nextTick(argument, error, undefined, () => {}),
    )
    return undefined
  }

  #connect(signal?: AbortSignal): Promise<Lent> {
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
    const isOwn = this.connect === ownConnect
    return this.#borrowing.run(options?.signal, this.use, 'uses', (borrower) =>
      isOwn ? this.#useAs(borrower, work) : useThrough(this, borrower, work),
    )
  }

  /**
   * Runs `work` in a transaction on a client of its own: committed when it resolves, rolled back when it throws. With `retries`, `work`
   * runs again from its begin after a conflict. Its BEGIN, and its settings, leave in one write with its first statement.
   *
   * @throws {PoolError} `POOL_TRANSACTION_ROLLED_BACK` when `work` swallowed the error of a statement, so that nothing was committed.
   */
  transaction<T>(work: (client: PoolClient) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    try {
      const statements = beginOf(options)
      const retries = retriesOf(options.retries)
      return this.#borrowing.run(options.signal, this.transaction, 'uses', (borrower) =>
        this.#transactAs(borrower, work, statements, retries),
      )
    } catch (error) {
      return Promise.reject(error)
    }
  }

  /**
   * Closes idle connections down to `keep` (default: `min`), those idle longest first. Returns how many.
   *
   * @throws {PoolOptionError} when `keep` is no non-negative integer.
   */
  trim(keep: number = this.#terms.min): number {
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
    if (typeof callback !== 'function') return this.#promised(this.#ended)
    this.#ended.then(
      () => process.nextTick(callback),
      (error) => process.nextTick(callback, error),
    )
    return undefined
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.end()
  }

  async #end(): Promise<void> {
    this.#log?.('ending')
    if (isInstrumented()) this.#instrumented.end()
    const state = this as { ending: boolean; ended: boolean }
    state.ending = true
    await this.#pool.end(Math.min(END_PATIENCE_MILLIS, this.#borrowing.remainingMillis()))
    this.#borrowing.end()
    this.#credentials?.end()
    this.#environment.pools.delete(this.#live)
    this.#logsNoMore?.()
    state.ended = true
  }

  /** A query to which somebody listens: a callback, a `log`, whoever overrides `connect`, a `Promise` of another make. */
  #query(text: unknown, values: unknown, callback: unknown): Promise<QueryResult> | undefined {
    if (typeof text === 'function') {
      setImmediate(text as Tell, new Error('Passing a function as the first parameter to pool.query is not supported'))
      return undefined
    }
    const [given, tell] = typeof values === 'function' ? [undefined, values] : [values, callback]
    this.#log?.('dispatching query')
    const isOwn = this.connect === ownConnect
    const asked = isOwn ? this.#queries.run(text, given) : queryThrough(this, text, given)
    const answered = this.#log === undefined ? asked : asked.finally(() => this.#log?.('query dispatched'))
    if (typeof tell !== 'function') return this.#promised(answered)
    // What it throws is its own, not this promise's.
    answered.then(
      (result) => process.nextTick(tell as Tell, undefined, result),
      (error) => process.nextTick(tell as Tell, error),
    )
    return undefined
  }

  /** A promise of the make that was asked for. */
  #promised<T>(promise: Promise<T>): Promise<T> {
    const { Promise: Wanted } = this as unknown as { Promise: PromiseConstructor }
    return Wanted === Promise ? promise : new Wanted((resolve, reject) => promise.then(resolve, reject))
  }

  #guarded(what: () => void): void {
    try {
      what()
    } catch (error) {
      FAULT.publish({ pool: this, error })
    }
  }

  async #useAs<T>(borrower: Borrower | undefined, work: (client: PoolClient) => Promise<T>): Promise<T> {
    return this.#lendTo(await this.#borrowing.checkOut(borrower, (it) => it), work)
  }

  /** Each run is lent a connection of its own: that of the last one may be what was at fault. */
  #transactAs<T>(
    borrower: Borrower | undefined,
    work: (client: PoolClient) => Promise<T>,
    statements: readonly [BoundStatement, ...BoundStatement[]],
    retries: number,
  ): Promise<T> {
    const once = async () => {
      if (this.connect !== ownConnect) {
        return useThrough(this, borrower, (client) => runInTransaction(client, work, statements, 'alone'))
      }
      const { checkout, hasBegun } = await connectionFor(this.#borrowing, borrower, statements[0], this.#composes)
      const how = hasBegun ? 'begun' : this.#composes ? 'with-first' : 'alone'
      return this.#lendTo(checkout, (client) => runInTransaction(client, work, statements, how))
    }
    return withRetries(retries, once, () => !borrower?.isOver)
  }

  async #lendTo<T>(checkout: Checkout<PgClient>, work: (client: PoolClient) => Promise<T>): Promise<T> {
    // Cut off in the step in which it was served; it has heard of that.
    if (checkout.state !== 'open') return new Promise(() => {})
    const client = lentClient(checkout, this.#borrowing)
    try {
      return await (this.#terms.max === 1 ? this.#borrowing.holding(() => work(client)) : work(client))
    } catch (error) {
      tellRetryOfQuery(error, !isUsable(checkout.resource))
      throw error
    } finally {
      if (!isReleased(checkout)) client.release()
    }
  }
}

/** Whether the user has an opinion of a setting: in an option, in `options`, or in `PGOPTIONS`. */
function isGiven(name: string, given: PoolOptions): boolean {
  const texts = [given.options, given.connectionString, process.env.PGOPTIONS]
  return name in given || texts.some((text) => typeof text === 'string' && text.includes(name))
}

/** The function's, so that `pg_stat_activity` tells who is who; as long as the server's names are. */
function ownName(): string | undefined {
  return process.env.AWS_LAMBDA_FUNCTION_NAME?.slice(0, 63)
}

const NO_PREPARE =
  'Prepared statements do not stay with their connection: a pooler seems to stand in between (`target`). None is prepared any more'

const NO_FAN_OUT =
  '`fanOut: true` has no effect here: queries share no connection of another `Client` or a `creator`, with `pipeline` or `query_timeout`, or before pg 8.23'

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
