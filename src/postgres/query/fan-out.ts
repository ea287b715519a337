import type { QueryResult } from 'pg'
import { systemClock } from '../../pool/clock.js'
import { AcquireTimeoutError, PoolError } from '../../pool/errors.js'
import type { ResourcePool } from '../../pool/resource-pool.js'
import type { Checkout } from '../../pool/slot.js'
import type { PgClient } from '../connection/pg-client.js'
import { isFaulty } from '../connection/session/fault.js'
import type { Borrower, Sharers } from './borrowing/borrower.js'
import type { Borrowing, Proof } from './borrowing/borrowing.js'
import type { Ask } from './queries.js'
import { explained } from './retry.js'
import { isKnownSlow, isQuickRead, noteSpeed } from './texts.js'

/** What fan-out has to know of the pool around it. */
export interface FanOutTerms {
  /** Whether there is one connection at the most: then waiting is never better than sharing. */
  readonly isAlone: boolean
  /** Whether several callers, who know nothing of each other, ask at once: then only who has to wait anyway shares, and only quick reads. */
  readonly isCrowd: boolean
  /** About how long a connect takes, ms: whoever would wait for longer opens another connection instead. */
  connectMillis(): number
}

/** Most reads of a crowd on one connection: the last one waits for the others, should one of them be slow for once. */
const MOST_IN_CROWD = 4

/** What takes less is never slow, ms. */
const SLOW_MILLIS = 30

/** Who sends what was asked, on a connection that was found for it. */
export interface Sender {
  send(checkout: Checkout<PgClient>, ask: Ask, loan: SharedLoan, proof?: Proof): Promise<QueryResult>
  /** Whether it may go out on a connection that may be dead. */
  proves(ask: Ask): boolean
}

/** A query that waits in a batch, and what it was promised. */
interface Place {
  readonly ask: Ask
  /** When its time is over, on the monotonic clock. */
  readonly limit: number
  /** Its turn has come: it goes on in the async context of its caller. */
  readonly resolve: (turn: () => Promise<QueryResult>) => void
}

/**
 * Several queries on one connection, pipelined, instead of a connection for each. It stands above the pool, which lends to it like to
 * anyone.
 *
 * A {@link SharedLoan} is one connection in the hands of several queries, from the first to the last. What is asked while nobody can
 * serve it forms a *batch*: one caller in the pool's queue, who brings all of them along when its turn comes. Order is kept: a batch
 * takes nobody more once somebody stands behind it who wants a connection to himself, and nobody joins those
 * who are under way while somebody waits.
 *
 * Nobody joins while a client is lent: a query could wait for a lock of that client's transaction, and the transaction for the query that
 * stands behind. And where another connection could be opened, nobody joins behind a query that has run for longer than a connect
 * takes, or whose text was slow when it last ran.
 *
 * In a *crowd*, where all connections are taken and none can be opened, reads that were quick when they last ran form batches of a few;
 * everything else has a connection to itself.
 */
export class FanOut {
  /** Queries that joined others on their connection. */
  joins = 0
  readonly #borrowing: Borrowing
  readonly #terms: FanOutTerms
  readonly #sender: Sender
  readonly #loans = new Set<SharedLoan>()
  /** The last batch in the pool's queue, as long as it takes others along. */
  #batch: Place[] | undefined

  constructor(borrowing: Borrowing, terms: FanOutTerms, sender: Sender) {
    this.#borrowing = borrowing
    this.#terms = terms
    this.#sender = sender
    borrowing.beforeExclusive = () => {
      this.#batch = undefined
    }
  }

  run(ask: Ask): Promise<QueryResult> {
    const isSlow = !this.#terms.isAlone && isKnownSlow(ask.text)
    if (this.#batch !== undefined && !isSlow) return this.#enter(this.#batch, ask)
    const loan = new SharedLoan(isSlow)
    const proves = this.#sender.proves(ask)
    const checkout = this.#borrowing.tryCheckOut(loan, proves)
    if (checkout !== undefined) {
      this.#open(loan, checkout)
      return this.#add(loan, ask, this.#proof(loan, checkout))
    }
    const joined = isSlow ? undefined : this.#joinable()
    if (joined === undefined) return this.#wait(ask, isSlow)
    if (joined.checkout?.isUnproven && !proves) return this.#enter(joined.unproven, ask)
    this.joins += 1
    return this.#add(joined, ask)
  }

  /** The same in a crowd, for who has to wait; nothing where it is to wait for a connection to itself. */
  runInCrowd(ask: Ask): Promise<QueryResult> | undefined {
    if (!this.#sender.proves(ask) || this.#borrowing.pool.hasRoom || this.#isClientLent()) return undefined
    if (!isQuickRead(ask.text)) return this.#wait(ask, true)
    const isOpen = this.#batch !== undefined && this.#batch.length < MOST_IN_CROWD
    return isOpen ? this.#enter(this.#batch as Place[], ask) : this.#wait(ask, false)
  }

  #open(loan: SharedLoan, checkout: Checkout<PgClient>): void {
    loan.begin(checkout, this.#borrowing.unrefsIdle)
    this.#loans.add(loan)
    loan.taken = () => {
      this.#loans.delete(loan)
      this.#joinUnproven(loan)
    }
  }

  /** What could not go out unproven joins when the connection has answered. */
  #proof(loan: SharedLoan, checkout: Checkout<PgClient>): Proof | undefined {
    const proof = this.#borrowing.proof(checkout)
    if (proof === undefined) return undefined
    const answered = () => {
      proof.answered()
      this.#joinUnproven(loan)
    }
    return { ...proof, answered }
  }

  #joinUnproven(loan: SharedLoan): void {
    for (const place of loan.unproven.splice(0)) place.resolve(() => this.#go(loan, place, this.#joins(loan)))
  }

  /** A query of a loan has its answer, or failed; the last one gives the connection back. */
  done(loan: SharedLoan, ask: Ask, hasAnswered: boolean): void {
    const millis = loan.done(ask)
    if (millis === undefined) return
    // Well above what a busy moment of the machine makes of a quick one.
    if (!this.#terms.isAlone) noteSpeed(ask.text, millis > Math.max(SLOW_MILLIS, 2 * this.#terms.connectMillis()))
    const { checkout } = loan
    if (loan.isBusy || checkout === undefined) return
    this.#loans.delete(loan)
    if (checkout.state === 'open') this.#borrowing.pool.release(checkout, false, hasAnswered)
    this.#joinUnproven(loan)
  }

  #add(loan: SharedLoan, ask: Ask, proof?: Proof): Promise<QueryResult> {
    return this.#sender.send(loan.add(ask), ask, loan, proof)
  }

  /** Whether somebody has a client for himself. */
  #isClientLent(): boolean {
    if (this.#terms.isCrowd && !this.#terms.isAlone) return this.#borrowing.hasClientOut
    for (const loan of this.#loans) if (!loan.isOpen) this.#loans.delete(loan)
    return this.#borrowing.pool.lent > this.#loans.size
  }

  #joinable(): SharedLoan | undefined {
    const { pool } = this.#borrowing
    if (this.#loans.size === 0 || pool.waiting > 0 || this.#isClientLent()) return undefined
    const longestMillis = this.#terms.isAlone || !pool.hasRoom ? Infinity : this.#terms.connectMillis()
    for (const loan of this.#loans) if (loan.canBeJoined(longestMillis, pool)) return loan
    return undefined
  }

  #enter(batch: Place[], ask: Ask): Promise<QueryResult> {
    this.#borrowing.waits()
    const limit = systemClock.monotonic() + this.#borrowing.patienceMillis(ask.borrower)
    const turn = new Promise<() => Promise<QueryResult>>((resolve) => void batch.push({ ask, limit, resolve }))
    return turn.then((go) => go(), explained)
  }

  #wait(ask: Ask, isSlow: boolean): Promise<QueryResult> {
    const batch: Place[] = []
    const result = this.#enter(batch, ask)
    // What must not stand before or behind others has a connection to itself, here too.
    if (this.#terms.isAlone || !(isSlow || this.#isClientLent())) this.#batch = batch
    void this.#queue(batch, new SharedLoan(isSlow))
    return result
  }

  /** Whether one more joins, whose turn has come. */
  #joins({ checkout, isOpen }: SharedLoan): boolean {
    const joins = isOpen && checkout !== undefined && this.#borrowing.pool.reuse(checkout)
    if (joins) this.joins += 1
    return joins
  }

  /** One caller in the queue for the whole batch, with the time that its first has left. */
  async #queue(batch: Place[], loan: SharedLoan): Promise<void> {
    const [first] = batch
    if (first === undefined) return
    const { limit } = first
    try {
      const millis = Math.max(0, limit - systemClock.monotonic())
      const checkout = await this.#borrowing.acquire(loan, undefined, (it) => it, false, millis)
      this.#close(batch)
      this.#serve(batch.filter(isWanted), loan, checkout)
    } catch (error) {
      this.#close(batch)
      this.#fail(batch, error)
    }
  }

  #close(batch: Place[]): void {
    if (this.#batch === batch) this.#batch = undefined
  }

  #serve(batch: Place[], loan: SharedLoan, checkout: Checkout<PgClient>): void {
    const [first, ...others] = batch
    if (first === undefined) return checkout.release()
    this.#open(loan, checkout)
    first.resolve(() => this.#go(loan, first, true))
    const mayJoin = this.#terms.isAlone || !this.#isClientLent()
    for (const place of others) {
      const joins = mayJoin && this.#joins(loan)
      place.resolve(() => this.#go(loan, place, joins))
    }
  }

  /** Its turn, a moment after the connection came: it may have been cut off, and the connection taken back, in between. */
  #go(loan: SharedLoan, place: Place, joins: boolean): Promise<QueryResult> {
    const { ask } = place
    if (isWanted(place)) return joins && loan.isOpen ? this.#add(loan, ask) : this.run(ask)
    if (joins && loan.isOpen) {
      // Perhaps nobody else is there to end it.
      loan.add(ask)
      this.done(loan, ask, false)
    }
    return new Promise(() => {})
  }

  /** Each in an error of its own; those who came later than the one whose time is over wait on. */
  #fail(batch: Place[], error: unknown): void {
    const now = systemClock.monotonic()
    const [first, ...others] = batch
    const isTimeout = error instanceof AcquireTimeoutError
    const rest = isTimeout ? others.filter((it) => it.limit > now && isWanted(it)) : []
    for (const place of batch.filter(isWanted)) {
      const own = place === first ? error : copyOf(error)
      if (!rest.includes(place)) place.resolve(() => explained(own))
    }
    if (rest.length > 0) void this.#queue(rest, new SharedLoan(false))
  }
}

/** One connection in the hands of several queries, pipelined, from the first that begins to the last that is done. */
export class SharedLoan implements Sharers {
  /** Who may join only when the connection has given an answer. */
  readonly unproven: Place[] = []
  /** Called when it was taken from all of them. */
  taken: () => void = () => {}
  readonly #asks = new Set<Ask>()
  readonly #isSlow: boolean
  #checkout: Checkout<PgClient> | undefined
  #unrefsIdle = false
  /** Since when the one that is first has been running, on the monotonic clock. */
  #firstSince = 0

  /** One that is slow is for one query alone. */
  constructor(isSlow: boolean) {
    this.#isSlow = isSlow
  }

  /** Whether one of them is still under way. */
  get isBusy(): boolean {
    return this.#asks.size > 0
  }

  get borrowers(): (Borrower | undefined)[] {
    return [...this.#asks].map(({ borrower }) => borrower)
  }

  /** Whether it is under way, and nobody has taken the connection back. */
  get isOpen(): boolean {
    return this.#checkout?.state === 'open'
  }

  get checkout(): Checkout<PgClient> | undefined {
    return this.#checkout
  }

  begin(checkout: Checkout<PgClient>, unrefsIdle: boolean): void {
    this.#unrefsIdle = unrefsIdle
    this.#checkout = checkout
    setPipeline(checkout.resource, true)
    if (unrefsIdle) checkout.resource.ref?.()
  }

  /** Whether one more may join, if none has been running for that long. */
  canBeJoined(longestMillis: number, pool: ResourcePool<PgClient>): boolean {
    if (this.#isSlow || this.#checkout?.state !== 'open') return false
    if (this.#checkout.resource._queryable === false || isFaulty(this.#checkout.resource)) return false
    if (longestMillis !== Infinity && systemClock.monotonic() - this.#firstSince > longestMillis) return false
    return pool.reuse(this.#checkout)
  }

  add(ask: Ask): Checkout<PgClient> {
    const checkout = this.#checkout
    if (checkout === undefined) throw new Error('bug: a loan that has not begun')
    if (this.#asks.size === 0) this.#firstSince = systemClock.monotonic()
    else gatherWrites(checkout.resource)
    this.#asks.add(ask)
    return checkout
  }

  /** How long it ran since it was first, ms; nothing where it was none of these. */
  done(ask: Ask): number | undefined {
    if (!this.#asks.delete(ask) || this.#checkout === undefined) return undefined
    const now = systemClock.monotonic()
    const millis = now - this.#firstSince
    this.#firstSince = now
    if (this.isBusy) return millis
    const { resource } = this.#checkout
    setPipeline(resource, false)
    if (this.#unrefsIdle) resource.unref?.()
    return millis
  }
}

/** Whether somebody still waits for it. */
function isWanted({ ask: { borrower } }: Place): boolean {
  return !borrower?.isOver
}

/** The same, to be thrown somewhere else. */
function copyOf(error: unknown): unknown {
  if (!(error instanceof PoolError)) return error
  return Object.create(Object.getPrototypeOf(error), Object.getOwnPropertyDescriptors(error))
}

/** Allowed on a client that has nothing to do, says pg's documentation; its types call it read-only. */
function setPipeline(client: PgClient, pipeline: boolean): void {
  ;(client as { pipeline: boolean }).pipeline = pipeline
}

/**
 * Queries that join others on their connection in one turn of the event loop leave in one write, at its end: each write is a call into the
 * kernel, which takes longer than all else about a query. The first one leaves at once.
 */
function gatherWrites({ connection: { stream } }: PgClient): void {
  // Corked in this turn already; or a stream of the user's own, which can't be.
  if (stream.writableCorked !== 0) return
  stream.cork()
  process.nextTick(() => stream.uncork())
}
