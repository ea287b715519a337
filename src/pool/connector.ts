import type { Instant } from './clock.js'

/** What a dial is told. */
export interface DialContext {
  /** Aborted when nobody needs the resource any more or its time is over: let go of what is half open, at once. */
  readonly signal: AbortSignal
  /**
   * To be called when the resource turns out to be unusable, at any time from the dial to its end, also more than once. This is
   * how the pool hears of a connection that dies while idle or lent.
   */
  readonly lost: (error: Error) => void
}

/**
 * Whether trying again may help, decided from codes and facts, never from a message. `crowded`: the other side is there and full, so
 * each attempt costs it something, and is worth a longer pause.
 */
export type DialFailure = 'permanent' | 'transient' | 'crowded'

/** What a returned resource looks like, from what is known locally. */
export type Condition =
  /** Can be lent again as it is. */
  | 'clean'
  /** Has to be reset first. */
  | 'dirty'
  /** Can't be trusted: something is running on it, or nobody knows. */
  | 'unusable'

/**
 * All that a pool needs to know of what it pools. Each of these may throw, reject, hang or settle late without costing the pool a
 * slot or a waiter.
 */
export interface Connector<R> {
  /** Opens a resource. When it rejects, nothing may be left open. */
  dial(context: DialContext): R | PromiseLike<R>
  classify(error: unknown): DialFailure
  /** Asks for a sign of life; rejects when there is none. */
  ping(resource: R): void | PromiseLike<void>
  /** Decides what a return needs. Local and quick: it runs at every return. */
  inspect(resource: R): Condition
  /** When the other side last answered, on the pool's clock; unknown where this is missing or returns nothing. */
  lastSign?(resource: R, now: Instant): Instant | undefined
  /** Brings a dirty resource back; rejects when that fails. */
  reset(resource: R): void | PromiseLike<void>
  /** Says goodbye, and settles when the other side can't count the resource any more. Starts before it returns. */
  close(resource: R): void | PromiseLike<void>
  /** Takes the resource away without a word, at once. */
  destroy(resource: R): void
  /** Called before the first of several loans at once, and after the last, on a resource that nobody uses at that moment. */
  share?(resource: R): void
  unshare?(resource: R): void
}
