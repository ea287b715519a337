import type { Clock, Timer } from '../../pool/clock.js'
import type { CurrentInvocation } from '../../registry/environment.js'

/**
 * The deadlines of the invocations that use a pool: its margin before each is timed out. One timer for each invocation, set at its
 * first acquire; what is still running then is cut off.
 */
export class Deadlines {
  readonly #clock: Clock
  readonly #marginMillis: number
  readonly #strike: (invocation: CurrentInvocation) => void
  readonly #watched = new Map<CurrentInvocation, Timer>()
  readonly #struck = new WeakSet<CurrentInvocation>()

  constructor(clock: Clock, marginMillis: number, strike: (invocation: CurrentInvocation) => void) {
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
    if (this.#watched.has(invocation) || invocation.budgetMillis === Infinity) return
    this.clear(({ isAnswered }) => isAnswered)
    const strike = () => {
      this.#struck.add(invocation)
      this.#strike(invocation)
    }
    // Waits end first: their errors say more, and the work that holds a connection may only be waiting for another.
    const millis = this.remainingMillis(invocation) + this.#marginOf(invocation) / 10
    this.#watched.set(invocation, this.#clock.setTimer(millis, strike))
  }

  hasPassed(invocation: CurrentInvocation): boolean {
    return this.#struck.has(invocation)
  }

  /** Those invocations are over: no timer of theirs is left. */
  clear(whose: (invocation: CurrentInvocation) => boolean = () => true): void {
    for (const [invocation, timer] of this.#watched) {
      if (!whose(invocation)) continue
      timer.cancel()
      this.#watched.delete(invocation)
    }
  }

  /** One that is longer than the whole invocation would leave it no time at all. */
  #marginOf({ budgetMillis }: CurrentInvocation): number {
    return Math.min(this.#marginMillis, budgetMillis / 2)
  }
}
