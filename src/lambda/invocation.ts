import { type Clock, elapsedMillis, type Instant } from '../pool/clock.js'
import type { CurrentInvocation } from '../registry/environment.js'

/** What is kept free before the function's timeout, so that a failure can still be answered, ms. */
const DEADLINE_MARGIN_MILLIS = 100

/** The part of Lambda's context that tells the time left; other callers have none. */
export interface TimedContext {
  getRemainingTimeInMillis?(): number
}

/** One call of a wrapped handler, from its begin to its end. */
export class Invocation implements CurrentInvocation {
  readonly #clock: Clock
  readonly #begun: Instant
  readonly #budgetMillis: number

  constructor(clock: Clock, context: TimedContext | undefined) {
    this.#clock = clock
    this.#begun = clock.now()
    const remaining = context?.getRemainingTimeInMillis?.() ?? Number.POSITIVE_INFINITY
    this.#budgetMillis = remaining - DEADLINE_MARGIN_MILLIS
  }

  remainingMillis(): number {
    return Math.max(0, this.#budgetMillis - this.#elapsedMillis())
  }

  /** Whether Lambda's own time limit has passed, too. */
  get hasTimedOut(): boolean {
    return this.#elapsedMillis() >= this.#budgetMillis + DEADLINE_MARGIN_MILLIS
  }

  #elapsedMillis(): number {
    return elapsedMillis(this.#begun, this.#clock.now())
  }
}
