import { Alarm } from '../../pool/alarm.js'
import type { Clock } from '../../pool/clock.js'
import type { CurrentInvocation } from '../../registry/environment.js'

/**
 * The deadlines of the invocations that use a pool: its margin before each is timed out. One alert for each invocation, set at its
 * first acquire; what is still running then is cut off.
 */
export class Deadlines {
  readonly #alarm: Alarm
  readonly #marginMillis: number
  readonly #strike: (invocation: CurrentInvocation) => void
  #watched = new WeakSet<CurrentInvocation>()
  readonly #struck = new WeakSet<CurrentInvocation>()

  constructor(clock: Clock, marginMillis: number, strike: (invocation: CurrentInvocation) => void) {
    this.#alarm = new Alarm(clock)
    this.#marginMillis = marginMillis
    this.#strike = strike
  }

  /** How long until the deadline, ms; never negative. */
  remainingMillis(invocation: CurrentInvocation): number {
    return Math.max(0, invocation.remainingMillis() - this.#marginOf(invocation))
  }

  /** One that is longer than the whole invocation would leave it no time at all. */
  #marginOf({ budgetMillis }: CurrentInvocation): number {
    return Math.min(this.#marginMillis, budgetMillis / 2)
  }

  /** To be called at each acquire. */
  watch(invocation: CurrentInvocation): void {
    if (this.#watched.has(invocation) || invocation.budgetMillis === Number.POSITIVE_INFINITY) return
    this.#watched.add(invocation)
    const strike = () => {
      this.#struck.add(invocation)
      this.#strike(invocation)
    }
    // Waits end first: their errors say more, and the work that holds a connection may only be waiting for another.
    this.#alarm.set(this.remainingMillis(invocation) + this.#marginOf(invocation) / 10, strike, 'lets-exit')
  }

  hasPassed(invocation: CurrentInvocation): boolean {
    return this.#struck.has(invocation)
  }

  /** No invocation is open any more: no timer is left. */
  clear(): void {
    this.#alarm.stop()
    this.#watched = new WeakSet()
  }
}
