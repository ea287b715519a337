import type { Alarm, Alert } from './alarm.js'
import { Chain, type Link } from './chain.js'
import { type Clock, elapsedMillis, type Instant } from './clock.js'

/** What one caller waits with. */
export interface WaitTerms {
  /** Longest wait, ms; `Infinity` for none. */
  readonly timeoutMillis: number
  readonly signal: AbortSignal | undefined
  readonly label: unknown
  /** Whether a resource that others use at the same time will do. */
  readonly share: boolean
}

/** How the queue makes the errors of those it turns away, and whom it tells. */
export interface Refusals {
  timeout(waitedMillis: number): Error
  aborted(reason: unknown): Error
  /** Somebody gave up: whoever is first now may take what that one would not. */
  gaveUp(): void
}

/**
 * Callers that wait, in the order in which they came. A waiter leaves the queue in the same step that settles it, so one that is
 * in the queue can still be served, each settles once, and nobody overtakes.
 */
export class WaitQueue<T> {
  readonly #clock: Clock
  readonly #alarm: Alarm
  readonly #refusals: Refusals
  readonly #waiters = new Chain<Waiter<T>>()

  constructor(clock: Clock, alarm: Alarm, refusals: Refusals) {
    this.#clock = clock
    this.#alarm = alarm
    this.#refusals = refusals
  }

  get length(): number {
    return this.#waiters.length
  }

  /** Puts a caller at the end of the queue. The signal has been asked already: it is not aborted. */
  join(terms: WaitTerms): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const waiter = new Waiter<T>(terms, this.#clock.now(), resolve, reject)
      waiter.limit = this.#alarm.set(
        terms.timeoutMillis,
        () => this.#giveUp(waiter, this.#overdue(waiter)),
        'keeps-process',
      )
      if (terms.signal !== undefined) {
        waiter.onAbort = () => this.#giveUp(waiter, this.#refusals.aborted(terms.signal?.reason))
        terms.signal.addEventListener('abort', waiter.onAbort, { once: true })
      }
      this.#waiters.add(waiter)
    })
  }

  /**
   * Offers something to the first in the queue; whoever can't take it any more is turned away, and the next one is asked. Returns
   * whether the first one that can took it: not if it is only for those who share, and that one doesn't. `make` is called for the
   * one who takes it, and only then.
   */
  offer(make: (terms: WaitTerms) => T, to: 'anybody' | 'sharers' = 'anybody'): boolean {
    // Nobody waits at most returns, and reading the clocks is most of what a return costs.
    if (this.#waiters.oldest === undefined) return false
    const now = this.#clock.now()
    for (let first = this.#waiters.oldest; first !== undefined; first = this.#waiters.oldest) {
      // Judged here too: after a freeze the timer that should have turned it away comes late.
      if (elapsedMillis(first.since, now) >= first.terms.timeoutMillis) {
        this.#turnAway(first, this.#overdue(first))
        continue
      }
      if (to === 'sharers' && !first.terms.share) return false
      this.#leave(first)
      first.resolve(make(first.terms))
      return true
    }
    return false
  }

  /** Turns away everybody, or only the first, that `whom` names. */
  reject(error: () => Error, whom: (terms: WaitTerms) => boolean, howMany: 'first' | 'all'): void {
    for (const waiter of howMany === 'all' ? this.#waiters.snapshot() : [this.#waiters.oldest]) {
      if (waiter !== undefined && whom(waiter.terms)) this.#turnAway(waiter, error())
    }
  }

  #overdue(waiter: Waiter<T>): Error {
    return this.#refusals.timeout(elapsedMillis(waiter.since, this.#clock.now()))
  }

  /** Turned away on its own account, and not while somebody is being served. */
  #giveUp(waiter: Waiter<T>, error: Error): void {
    this.#turnAway(waiter, error)
    this.#refusals.gaveUp()
  }

  #turnAway(waiter: Waiter<T>, error: Error): void {
    this.#leave(waiter)
    waiter.reject(error)
  }

  #leave(waiter: Waiter<T>): void {
    this.#waiters.remove(waiter)
    waiter.limit?.cancel()
    if (waiter.onAbort !== undefined) waiter.terms.signal?.removeEventListener('abort', waiter.onAbort)
  }
}

class Waiter<T> implements Link<Waiter<T>> {
  older: Waiter<T> | undefined
  newer: Waiter<T> | undefined
  limit: Alert | undefined
  onAbort: (() => void) | undefined
  readonly terms: WaitTerms
  readonly since: Instant
  readonly resolve: (value: T) => void
  readonly reject: (error: Error) => void

  constructor(terms: WaitTerms, since: Instant, resolve: (value: T) => void, reject: (error: Error) => void) {
    this.terms = terms
    this.since = since
    this.resolve = resolve
    this.reject = reject
  }
}
