import { type Clock, elapsedMillis, type Instant } from '../pool/clock.js'
import type { CurrentInvocation, Whose } from '../registry/environment.js'
import type { InvocationAccount } from './invocation-report.js'

/** What is read from Lambda's context; other callers may have none of it. */
export interface InvocationContext {
  readonly awsRequestId?: unknown
  getRemainingTimeInMillis?(): number
}

/** One call of a wrapped handler. Made before it begins: work that is asked for between two calls belongs to the second. */
export class Invocation implements CurrentInvocation {
  isAnswered = false
  /** Whether its async context was entered instead of left at its end. */
  isEntered = false
  /** Calls that are part of it, and not over. */
  parts = 0
  /** Whether who asked for it has gone: what it still does is outside of any. */
  isLeft = false
  budgetMillis = Infinity
  requestId: unknown
  /** Where somebody listens to what it does. */
  account: InvocationAccount | undefined
  /** What its answer waits for, if anything. */
  ended: Promise<void> | undefined
  /** While its end waits: stops waiting. */
  hurry: (() => void) | undefined
  readonly isMe: Whose = (invocation) => invocation === this
  readonly #clock: Clock
  #begun: Instant

  constructor(clock: Clock) {
    this.#clock = clock
    this.#begun = clock.now()
  }

  begin(context: InvocationContext | null | undefined): void {
    this.#begun = this.#clock.now()
    this.budgetMillis = context?.getRemainingTimeInMillis?.() ?? this.budgetMillis
    this.requestId = context?.awsRequestId
  }

  remainingMillis(): number {
    return Math.max(0, this.budgetMillis - elapsedMillis(this.#begun, this.#clock.now()))
  }
}
