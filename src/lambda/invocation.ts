import { type Clock, elapsedMillis, type Instant } from '../pool/clock.js'
import type { CurrentInvocation } from '../registry/environment.js'

/** The part of Lambda's context that tells the time left; other callers have none. */
export interface TimedContext {
  getRemainingTimeInMillis?(): number
}

/** One call of a wrapped handler, from its begin to its end. */
export class Invocation implements CurrentInvocation {
  readonly #clock: Clock
  readonly #begun: Instant
  readonly budgetMillis: number

  constructor(clock: Clock, context: TimedContext | undefined) {
    this.#clock = clock
    this.#begun = clock.now()
    this.budgetMillis = context?.getRemainingTimeInMillis?.() ?? Number.POSITIVE_INFINITY
  }

  remainingMillis(): number {
    return Math.max(0, this.budgetMillis - this.#elapsedMillis())
  }

  /** Whether Lambda's own time limit has passed, too. */
  get hasTimedOut(): boolean {
    return this.#elapsedMillis() >= this.budgetMillis
  }

  #elapsedMillis(): number {
    return elapsedMillis(this.#begun, this.#clock.now())
  }
}
