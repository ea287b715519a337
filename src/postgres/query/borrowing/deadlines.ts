import { type Clock, elapsedMillis, type Instant, type Timer } from '../../../pool/clock.js'
import type { CurrentInvocation } from '../../../registry/environment.js'

/** What an answer needs after the deadline: more where the function is slow enough to have a long timeout. */
const LEAST_MARGIN_MILLIS = 100
const MOST_MARGIN_MILLIS = 500

/**
 * The deadlines of the invocations that use a pool: its margin before each is timed out. What is still running then is cut off.
 *
 * There is one timer for all of them, and it stays when an invocation is over: each call would else set one and take it back. Where it
 * rings for nobody, it is set anew for whoever is next.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #marginMillis: number | undefined
  readonly #strike: (invocation: CurrentInvocation) => void
  /** When each strikes. */
  readonly #watched = new Map<CurrentInvocation, { readonly since: Instant; readonly millis: number }>()
  readonly #struck = new WeakSet<CurrentInvocation>()
  #timer: { readonly since: Instant; readonly millis: number; readonly timer: Timer } | undefined

  constructor(clock: Clock, marginMillis: number | undefined, strike: (invocation: CurrentInvocation) => void) {
    this.#clock = clock
    this.#marginMillis = marginMillis
    this.#strike = strike
  }

  /** How long until the deadline, ms; never negative. */
  remainingMillis(invocation: CurrentInvocation): number {
    return Math.max(0, invocation.remainingMillis() - this.#marginOf(invocation))
  }

  /** To be called at each acquire. */
  watch(invocation: CurrentInvocation): void {
    // Before it has begun, its end is not known.
    if (this.#watched.has(invocation) || this.#struck.has(invocation) || invocation.budgetMillis === Infinity) return
    for (const other of this.#watched.keys()) if (other.isAnswered) this.#watched.delete(other)
    // Waits end first: their errors say more, and the work that holds a connection may only be waiting for another.
    const millis = this.remainingMillis(invocation) + this.#marginOf(invocation) / 10
    const since = this.#clock.now()
    this.#watched.set(invocation, { since, millis })
    if (this.#timer === undefined || this.#left(this.#timer, since) > millis) this.#set(since, millis)
  }

  hasPassed(invocation: CurrentInvocation): boolean {
    return this.#struck.has(invocation)
  }

  /** Those invocations are over. */
  clear(whose: (invocation: CurrentInvocation) => boolean): void {
    for (const invocation of this.#watched.keys()) if (whose(invocation)) this.#watched.delete(invocation)
  }

  /** No timer is left. */
  end(): void {
    this.#watched.clear()
    this.#timer?.timer.cancel()
  }

  #set(since: Instant, millis: number): void {
    this.#timer?.timer.cancel()
    this.#timer = { since, millis, timer: this.#clock.setTimer(millis, () => this.#ring()) }
  }

  #ring(): void {
    this.#timer = undefined
    const now = this.#clock.now()
    let next = Infinity
    for (const [invocation, due] of this.#watched) {
      const left = this.#left(due, now)
      if (left > 0) next = Math.min(next, left)
      else {
        this.#watched.delete(invocation)
        this.#struck.add(invocation)
        this.#strike(invocation)
      }
    }
    if (next < Infinity && this.#timer === undefined) this.#set(now, next)
  }

  #left({ since, millis }: { readonly since: Instant; readonly millis: number }, now: Instant): number {
    return millis - elapsedMillis(since, now)
  }

  /** One that is longer than the whole invocation would leave it no time at all. */
  #marginOf({ budgetMillis }: CurrentInvocation): number {
    const millis = this.#marginMillis ?? Math.max(LEAST_MARGIN_MILLIS, Math.min(budgetMillis / 10, MOST_MARGIN_MILLIS))
    return Math.min(millis, budgetMillis / 2)
  }
}
