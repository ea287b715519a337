import { AsyncLocalStorage } from 'node:async_hooks'
import pg from 'pg'
import { Bound } from '../../../pool/bounded.js'
import { systemClock } from '../../../pool/clock.js'
import { codeOf, PoolError, type Retry } from '../../../pool/errors.js'
import type { ResourcePool } from '../../../pool/resource-pool.js'
import type { Checkout } from '../../../pool/slot.js'
import { UNFINISHED } from '../../../registry/channels.js'
import {
  type CurrentInvocation,
  type Environment,
  environment,
  isRuntime,
  runsOneAtATime,
  type Whose,
} from '../../../registry/environment.js'
import { forsake, giveUp, isUsable, type PgClient } from '../../connection/pg-client.js'
import { wrongValue } from '../../options/option-checks.js'
import type { ResolvedOptions } from '../../options/options.js'
import { endsSession, explained } from '../retry.js'
import { areAll, type Below, Borrower, belongingTo, borrowerOf, sharersOf } from './borrower.js'
import { Deadlines } from './deadlines.js'
import { KeepAlive } from './keep-alive.js'
import { publishLeak, warnOnce } from './reports.js'
import { onAbort, queryAborted } from './signals.js'

/** What happens when a connection is asked for. */
export interface Preparation {
  /** Credentials may be fetched ahead, for instance. */
  readonly asked?: (() => void) | undefined
  /** Whether somebody watches pg's pools, and an acquire has to pass through there. */
  isWatched(): boolean
  watched(acquire: () => Promise<Checkout<PgClient>>): Promise<Checkout<PgClient>>
}

/** What is known of a connection that was lent unproven comes from whoever asks it first. */
export interface Proof {
  /** Whether a ping has to go ahead. */
  readonly asks: boolean
  /** It has answered. */
  answered(): void
  /** What was asked failed before. */
  failed(error: Error): void
}

/** What a borrower wants: a query's answer, a client to keep, or a client for its own code. */
type Purpose = 'asks' | 'lends' | 'uses'

/**
 * How connections are borrowed: each within the deadline of the invocation that asks, and until that, or a signal, cuts its borrower off.
 *
 * A {@link Borrower} is *out* from the moment it asks until it has its answer, or has given its client back. At the end of its invocation
 * those that are still out are waited for a while, then forsaken: cut off, reported, and never settled.
 */
export class Borrowing {
  readonly pool: ResourcePool<PgClient>
  readonly deadlines: Deadlines
  /** Whether idle connections let the process end: then whoever has one keeps it alive. */
  readonly unrefsIdle: boolean
  /** Work of ended invocations that was cut off. */
  unfinished = 0
  /** Callers that gave up waiting by their signal. */
  aborts = 0
  /** Whether it is still to be found out if the handler is wrapped. */
  mayBeUnwrapped = runsOneAtATime() && isRuntime()
  /** The loans of clients. */
  readonly #clients = new Set<Checkout<PgClient>>()
  readonly #keepAlive = new KeepAlive(this.#clients)
  /** Called before somebody asks for a connection to himself. */
  beforeExclusive: () => void = () => {}
  readonly #face: object
  readonly #options: ResolvedOptions
  readonly #preparation: Preparation
  readonly #environment: Environment = environment()
  readonly #out = new Set<Borrower>()
  #patienceMillis: number
  /** How often more it is looked at: behind the Web Adapter nobody ever says that a call has begun. */
  #looks = MOST_LOOKS
  #waiting: { readonly whom: (borrower: Borrower) => boolean; readonly quiet: () => void }[] = []

  constructor(face: object, pool: ResourcePool<PgClient>, options: ResolvedOptions, preparation: Preparation) {
    this.#face = face
    this.pool = pool
    this.#options = options
    this.#patienceMillis = options.connectionTimeoutMillis
    this.#preparation = preparation
    this.unrefsIdle = options.allowExitOnIdle
    this.deadlines = new Deadlines(systemClock, options.deadlineMarginMillis, (invocation) => this.#strike(invocation))
  }

  /**
   * Begins what a caller asks for, unless its time is over already. Its borrower, where it has one, can be cut off from then on; the stack
   * of that begins below the given function.
   */
  run<T>(
    signal: AbortSignal | undefined,
    below: Below,
    how: Purpose,
    work: (borrower: Borrower | undefined) => T | Promise<T>,
  ): Promise<T> {
    const borrower = this.#borrower(signal, below)
    const refusal = this.#refusal(borrower, signal)
    if (refusal !== undefined) {
      this.done(borrower)
      return explained(refusal)
    }
    const result = work(borrower)
    if (!(result instanceof Promise)) return Promise.resolve(result)
    return borrower === undefined ? result : this.#settle(borrower, result, signal, how)
  }

  /** Nothing outside of an invocation, as long as nobody asks for stacks or may abort it. */
  #borrower(signal: AbortSignal | undefined, below: Below): Borrower | undefined {
    const invocation = this.#environment.currentInvocation?.()
    if (this.mayBeUnwrapped) this.#askedOnLambda(below)
    if (invocation === undefined && signal === undefined && !this.#options.leakDetection) return undefined
    if (invocation !== undefined) this.deadlines.watch(invocation)
    const borrower = new Borrower(invocation, below)
    this.#out.add(borrower)
    return borrower
  }

  /**
   * Lambda's runtime sets the variable when it hands out an event, and not before the first: whoever asks earlier does so during init, where
   * the handler may still come to be wrapped.
   */
  #askedOnLambda(below: Below): void {
    this.#looks -= 1
    if (this.#environment.currentInvocation !== undefined || this.#looks === 0) this.mayBeUnwrapped = false
    else if (process.env._X_AMZN_TRACE_ID !== undefined) {
      this.mayBeUnwrapped = false
      this.#patienceMillis = this.#options.unwrappedTimeoutMillis
      warnOnce('PG_THAW_NOT_WRAPPED', NOT_WRAPPED, [new Borrower(undefined, below).asked.stack])
    }
  }

  /** It has what it asked for, or has given it back. */
  done(borrower: Borrower | undefined): void {
    if (borrower === undefined || !this.#out.delete(borrower) || this.#waiting.length === 0) return
    const isOut = (whom: (it: Borrower) => boolean) => [...this.#out].some(whom)
    for (const { whom, quiet } of this.#waiting) if (!isOut(whom)) quiet()
    this.#waiting = this.#waiting.filter(({ whom }) => isOut(whom))
  }

  /** Whether somebody has a client for himself. */
  get hasClientOut(): boolean {
    for (const checkout of this.#clients) if (checkout.state !== 'open') this.#clients.delete(checkout)
    return this.#clients.size > 0
  }

  /** Somebody has a client now. */
  lends(checkout: Checkout<PgClient>): void {
    this.#clients.add(checkout)
    this.#keepAlive.lent(checkout.resource)
  }

  /** No timer is left. */
  end(): void {
    this.deadlines.end()
    this.#keepAlive.end()
  }

  /** Takes a client back. */
  release(checkout: Checkout<PgClient>, discard: Error | boolean | undefined): void {
    this.#clients.delete(checkout)
    this.done(borrowerOf(checkout.label))
    this.pool.release(checkout, discard || false)
  }

  /** Why nothing may be asked for any more, if so. */
  #refusal(borrower: Borrower | undefined, signal: AbortSignal | undefined): Error | undefined {
    if (signal !== undefined && !(signal instanceof AbortSignal)) return wrongValue('signal', 'an AbortSignal', signal)
    if (signal?.aborted) {
      this.aborts += 1
      return abortedError(signal.reason, 'safe')
    }
    const invocation = borrower?.invocation
    return invocation !== undefined && this.deadlines.hasPassed(invocation) ? deadlineError('safe') : undefined
  }

  /** Whether nobody wants to know who borrows: then there is no borrower, and nothing to prepare. */
  get isPlain(): boolean {
    const isOutside = this.#environment.currentInvocation === undefined && !this.mayBeUnwrapped
    return isOutside && !this.#options.leakDetection && !this.#preparation.isWatched()
  }

  /**
   * A connection for one borrower alone; without a promise where it can be lent as it is. Whoever `proves` may get one that has not given
   * an answer for long: see {@link proof}.
   */
  checkOut<T>(
    borrower: Borrower | undefined,
    take: (checkout: Checkout<PgClient>) => T,
    proves = false,
  ): T | Promise<Awaited<T>> {
    this.beforeExclusive()
    const checkout = this.tryCheckOut(borrower, proves)
    return checkout === undefined ? this.acquire(borrower, borrower, take, proves) : take(checkout)
  }

  /** The label says who has it: a borrower, or several who share. */
  tryCheckOut(label: unknown, proves: boolean): Checkout<PgClient> | undefined {
    this.#preparation.asked?.()
    return this.#preparation.isWatched() ? undefined : this.pool.tryAcquire(label, proves)
  }

  /**
   * Waits for the first answer of a connection that was lent unproven; nothing where it needs none. Without one for long enough all that
   * was asked of it fails. Where the process can't have been frozen for longer than a moment no ping is worth its while: the answer to what
   * is asked will do, and what is lost in its first moments is asked again elsewhere.
   */
  proof(checkout: Checkout<PgClient>): Proof | undefined {
    if (!checkout.isUnproven) return undefined
    const dead = (error: Error) => {
      if (checkout.state !== 'open') return
      // Before it is closed: what nobody waits for need not be cancelled.
      giveUp(checkout.resource, error)
      this.pool.disproved(checkout, error)
    }
    const silent = () => dead(new Error('the connection gave no answer'))
    const asks = !this.pool.isGlancing
    const limit = asks ? new Bound(systemClock, checkout.silenceMillis, silent) : undefined
    const since = systemClock.monotonic()
    return {
      asks,
      answered: () => {
        limit?.cancel()
        this.pool.proved(checkout)
      },
      failed: (error) => {
        limit?.cancel()
        if (!checkout.isUnproven) return
        // A ping is answered with an error only by a server that ends the session.
        const isAnswer = error instanceof pg.DatabaseError && !(asks || endsSession(error))
        // After a while it was a connection like any other.
        const isOld = !asks && systemClock.monotonic() - since > checkout.silenceMillis
        if (isAnswer || isOld) this.pool.proved(checkout)
        // Where it was never asked, nothing is known of it.
        else if (error instanceof pg.DatabaseError || !isUsable(checkout.resource)) dead(error)
      },
    }
  }

  /** The same with waiting, as long as the borrower may; `take` gets what has come, if it is still of use to anybody. */
  acquire<T>(
    label: unknown,
    borrower: Borrower | undefined,
    take: (checkout: Checkout<PgClient>) => T,
    proves = false,
    timeoutMillis = this.patienceMillis(borrower),
  ): Promise<Awaited<T>> {
    this.waits()
    const terms = { timeoutMillis, label, proves }
    const isWatched = this.#preparation.isWatched() && !this.pool.ended
    const acquired = isWatched ? this.#preparation.watched(() => this.pool.acquire(terms)) : this.pool.acquire(terms)
    const taken = acquired.then((it): T | Promise<Awaited<T>> => {
      if (it.state === 'open' && isUsable(it.resource)) return take(it)
      // Lost in the step in which it was handed over: nothing was sent.
      if (it.state === 'open') this.pool.release(it)
      // Its borrower was cut off then, and has heard of that: nobody would take what came.
      return borrower?.isOver ? new Promise<never>(() => {}) : this.acquire(label, borrower, take, proves)
    }, explained)
    return taken as Promise<Awaited<T>>
  }

  /** How long a borrower may wait for a connection, ms. */
  patienceMillis(borrower: Borrower | undefined): number {
    const invocation = borrower?.invocation
    return invocation === undefined
      ? this.#patienceMillis
      : Math.min(this.#patienceMillis, this.deadlines.remainingMillis(invocation))
  }

  /** How long the invocation in which this is asked has, ms. */
  remainingMillis(): number {
    const invocation = this.#environment.currentInvocation?.()
    return invocation === undefined ? Infinity : this.deadlines.remainingMillis(invocation)
  }

  /**
   * What a borrower is promised: `work`, or the error by which its deadline or its signal cuts it off; never settled when it is forsaken.
   * Then it is done, unless it was lent a client. Errors say who asked; those of a user's own code, once it runs, are left alone.
   */
  #settle<T>(borrower: Borrower, work: Promise<T>, signal: AbortSignal | undefined, how: Purpose): Promise<T> {
    return borrower.promises((resolve) => {
      let isOver = false
      const stop = signal && onAbort(signal, () => this.#abort(borrower, signal))
      const end = (outcome: () => T | Promise<never>) => {
        if (isOver) return
        isOver = true
        stop?.()
        if (!borrower.isForsaken) resolve(outcome())
      }
      const fail = (outcome: () => Promise<never>) => {
        this.done(borrower)
        end(outcome)
      }
      borrower.canBeCutOff((error) => fail(() => explained(error)))
      // Perhaps since it was last asked.
      if (signal?.aborted) this.#abort(borrower, signal)
      work.then(
        (value) => {
          if (how !== 'lends') this.done(borrower)
          end(() => value)
        },
        (error) => {
          // Its call has been answered: a rejection that nobody can catch any more would end the process.
          if (borrower.invocation?.isAnswered) return this.#forsakeAll([borrower], error)
          const isOfUser = how === 'uses' && borrower.hasBegun
          fail(() => (isOfUser ? Promise.reject(error) : explained(error)))
        },
      )
    })
  }

  /** Runs work that holds the only connection there is. */
  async holding<T>(work: () => Promise<T>): Promise<T> {
    holders ??= new AsyncLocalStorage()
    const holder = { pool: this.pool, stack: new Error().stack, isOver: false }
    try {
      return await holders.run(holder, work)
    } finally {
      holder.isOver = true
    }
  }

  /** Somebody has to wait. Told at once: who holds the only connection and asks for another waits for itself. */
  waits(): void {
    const holder = holders?.getStore()
    if (holder?.pool !== this.pool || holder.isOver) return
    const text = 'A query of a pool of one waits for the client that its own caller holds: use that client for it'
    warnOnce('PG_THAW_WAITS_FOR_ITSELF', text, [holder.stack, new Error().stack])
  }

  /** What had been asked before an invocation began, by work that an earlier one left behind, has a deadline now. */
  begun(invocation: CurrentInvocation): void {
    this.#patienceMillis = this.#options.connectionTimeoutMillis
    if (this.isOut((it) => it === invocation)) this.deadlines.watch(invocation)
  }

  /** Whether work of theirs is out. */
  isOut(whose: Whose): boolean {
    if (this.#out.size === 0) return false
    return [...this.#out].some(belongingTo(whose))
  }

  /** Resolves when none is out any more; asked only where {@link isOut} says so. */
  quiet(whose: Whose): Promise<void> {
    return new Promise((quiet) => void this.#waiting.push({ whom: belongingTo(whose), quiet }))
  }

  /** The invocations are over: what of theirs is still out is cut off, reported once, and left unsettled. */
  forsake(whose: Whose): void {
    this.deadlines.clear(whose)
    this.#forsakeAll([...this.#out].filter(belongingTo(whose)))
  }

  #forsakeAll(left: readonly Borrower[], error?: unknown): void {
    if (left.length === 0) return
    this.unfinished += left.length
    for (const borrower of left) borrower.forsake()
    const isLeft = (borrower: Borrower) => borrower.isForsaken
    this.pool.turnAway((label) => label instanceof Borrower && isLeft(label))
    // What ran there is being cancelled on the server by now.
    for (const checkout of this.pool.reclaim((label) => areAll(label, isLeft))) {
      forsake(checkout.resource)
      this.#taken(checkout)
    }
    for (const borrower of left) this.done(borrower)
    const many = left.length === 1 ? 'One query or client' : `${left.length} queries and clients`
    const end = error === undefined ? 'was cut off' : `failed (${codeOf(error) ?? 'without a code'})`
    const text = `${many} of a call that is over had not been awaited or released, and ${end}`
    warnOnce(
      'PG_THAW_UNFINISHED',
      text,
      left.map(({ asked }) => asked.stack),
    )
    for (const borrower of left) publishLeak(this.#face, borrower, false)
    if (UNFINISHED.hasSubscribers) UNFINISHED.publish({ pool: this.#face, count: left.length })
  }

  /** The deadline. Where the call has been answered, nobody can catch a rejection any more. */
  #strike(invocation: CurrentInvocation): void {
    if (invocation.isAnswered) this.forsake((it) => it === invocation)
    else this.#cutOff((it) => it.invocation === invocation, deadlineError)
  }

  #abort(borrower: Borrower, { reason }: AbortSignal): void {
    if (!borrower.hasBegun) this.aborts += 1
    this.#cutOff(
      (it) => it === borrower,
      (retry) => abortedError(reason, retry),
    )
  }

  /**
   * Ends what borrowers are doing, at once: who waits is turned away, queries are rejected and cancelled on the server, their connections
   * closed. Where others use the connection at the same time, theirs are left alone, and the query is only rejected. Each hears of it in
   * an error of its own, which says who asked.
   */
  #cutOff(whom: (borrower: Borrower) => boolean, failure: (retry: Retry) => PoolError): void {
    const cut = [...this.#out].filter(whom)
    // Each hears of it by itself; a batch waits on, for those that it still takes along.
    this.pool.turnAway((label) => label instanceof Borrower && whom(label))
    const reclaimed = this.pool.reclaim((label) => areAll(label, whom))
    for (const borrower of cut) borrower.cutOff(failure(borrower.hasBegun ? 'unknown' : 'safe'))
    // The socket closes only once the server has been asked to cancel: a pooler forgets whose query it was when its client is gone. Where
    // the network is down that is too late for a rollback that the borrower sends after its query.
    for (const checkout of reclaimed) {
      giveUp(checkout.resource, failure('unknown'))
      this.#taken(checkout)
    }
  }

  /** Nobody gives it back any more. */
  #taken(checkout: Checkout<PgClient>): void {
    this.#clients.delete(checkout)
    sharersOf(checkout.label)?.taken?.()
  }
}

/** Who holds the only connection of a pool; made where there is such a pool. */
let holders: AsyncLocalStorage<Holder> | undefined

interface Holder {
  readonly pool: object
  readonly stack: string | undefined
  isOver: boolean
}

/** No init asks for as much. */
const MOST_LOOKS = 1000

const NOT_WRAPPED =
  'A pool is used by a handler that is not wrapped: what it asks for has no deadline, and is not taken back at the end'

function deadlineError(retry: Retry): PoolError {
  const text = 'the invocation is about to be timed out: what was asked of the database is cut off'
  return new PoolError('POOL_QUERY_TIMEOUT', text, { retry })
}

/** `safe` where nothing was sent. */
function abortedError(cause: unknown, retry: Retry): PoolError {
  if (retry === 'safe')
    return new PoolError('POOL_ACQUIRE_ABORTED', 'the caller gave up waiting for a connection', { cause })
  return queryAborted(cause, retry)
}
