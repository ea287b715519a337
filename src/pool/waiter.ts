import type { Bound } from './bounded.js'
import { type Instant, NEVER } from './clock.js'
import type { Ended } from './connector.js'
import type { Chain, Checkout, Link } from './slot.js'

/** What one acquire asks for. */
export interface AcquireOptions {
  /** Longest time until the checkout is there, ms, all phases together. Default: none. */
  readonly timeoutMillis?: number | undefined
  /** Kept on the checkout, and what a caller that waits can be turned away by. */
  readonly label?: unknown
  /** Whether it takes what has to give an answer first, and asks for that itself: see {@link Checkout.isUnproven}. */
  readonly proves?: boolean | undefined
}

/** One caller in the queue. It leaves the queue in the step that settles it: so it settles once, and can be served while it is there. */
export class Waiter<R> implements Link<Waiter<R>> {
  chain: Chain<Waiter<R>> | undefined = undefined
  older: Waiter<R> | undefined = undefined
  newer: Waiter<R> | undefined = undefined
  limit: Bound | undefined = undefined
  /** Where its time is limited. */
  since: Instant | undefined = undefined
  /** On the monotonic clock. */
  waitsSince = 0
  ended: Ended | undefined = undefined
  declare readonly timeoutMillis: number
  declare readonly label: unknown
  declare readonly resolve: (checkout: Checkout<R>) => void
  declare readonly reject: (error: Error) => void

  constructor(
    { timeoutMillis = NEVER, label }: AcquireOptions,
    resolve: (checkout: Checkout<R>) => void,
    reject: (error: Error) => void,
  ) {
    this.timeoutMillis = timeoutMillis
    this.label = label
    this.resolve = resolve
    this.reject = reject
  }
}
