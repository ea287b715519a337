import type { Clock, Instant } from './clock.js'
import type { Checkout, RetireReason } from './slot.js'

/** One dial, as its connector sees it. */
export interface Opening {
  /** How long somebody waits for it, ms; it is given up later, if at all. */
  readonly withinMillis: number
  /** For the connector to set: called at most once, when the dial is given up, to let go of what is half open at once. */
  onAbandon: (() => void) | undefined
  /**
   * To be called when the resource turns out to be unusable, at any time from the dial to its end, also more than once. This is
   * how the pool hears of a connection that dies while idle or lent.
   */
  lost(error: Error): void
}

/**
 * Whether trying again may help, decided from codes and facts, never from a message. `crowded`: the other side is there and full, so
 * each attempt costs it something, and is worth a longer pause. `absent`: nobody is there, which passes if somebody is about to come.
 */
export type DialFailure = 'permanent' | 'transient' | 'crowded' | 'absent'

/**
 * What a returned resource looks like, from what is known locally: `clean` can be lent again as it is, `dirty` has to be reset first,
 * `unusable` can't be trusted: something is running on it, or nobody knows; `faulty` has reported an error that is its own.
 */
export type Condition = 'clean' | 'dirty' | 'unusable' | 'faulty'

/**
 * All that a pool needs to know of what it pools. Each of these may throw, reject, hang or settle late without costing the pool a
 * slot or a waiter.
 */
export interface Connector<R> {
  /** Opens a resource. When it rejects, nothing may be left open. */
  dial(opening: Opening): R | PromiseLike<R>
  classify(error: unknown): DialFailure
  /** Asks for an answer; rejects when there is none. */
  ping(resource: R): void | PromiseLike<void>
  /** Decides what a return needs. Local and quick: it runs at every return. */
  inspect(resource: R): Condition
  /** Silent for longer than this, the other side has certainly ended it, ms; never where this is missing. */
  leaseMillis?(resource: R): number
  /** When the other side last answered, on the pool's clock; unknown where this is missing or returns nothing. */
  lastAnswer?(resource: R, now: Instant): Instant | undefined
  /** Brings a dirty resource back; rejects when that fails. */
  reset(resource: R): void | PromiseLike<void>
  /** Says that it is over, and settles when the other side can't count the resource any more. Starts before it returns. */
  close(resource: R): void | PromiseLike<void>
  /** Takes the resource away without a word, at once. */
  destroy(resource: R): void
}

/** What takes time: a caller waits, a resource is dialled, or asked for an answer. */
export type Timed = 'acquire' | 'connect' | 'ping'

export type Ended = (error?: unknown) => void

/**
 * Hears what happens in a pool, after it has happened: the counts have changed, and calling the pool from here is allowed.
 * Whatever an observer throws goes to its own `fault`, and no further.
 */
export interface PoolObserver<R> {
  /** Something begins that takes time. What this returns is called once when it has ended, with an error where it failed. */
  begins?(what: Timed): Ended | undefined
  /** A resource was opened; it has not been lent yet. */
  dialled?(resource: R): void
  acquired?(resource: R): void
  /** It came back, with the error or flag of the borrower; what becomes of it is decided afterwards. */
  released?(discard: Error | boolean | undefined, resource: R): void
  /** Whether anybody wants to know how long loans last: looked at before each call of {@link used}. */
  readonly uses?: { readonly hasSubscribers: boolean }
  /** One that came back had been lent for so long. */
  used?(millis: number): void
  /** It is about to be closed, and its count has changed. */
  retiring?(resource: R, reason: RetireReason): void
  /** It is closed and its slot is free. */
  retired?(resource: R, reason: RetireReason): void
  /** One that nobody had lent was lost. */
  lostIdle?(resource: R, error: Error): void
  /** What a borrower gave back has to be cleaned up, or is still at work. */
  returnedDirty?(checkout: Checkout<R>, condition: Condition): void
  /** A borrower that the pool had given up returned its checkout after all. */
  returnedLate?(checkout: Checkout<R>): void
  /** Something that is not the pool's own threw where nobody could be told: an observer, `inspect`, `destroy`. */
  fault?(error: unknown): void
}

/** What a `ResourcePool` is built with; checked by whoever builds it. Times in ms, `Infinity` for no limit. */
export interface ResourcePoolOptions {
  /** Most resources at once, those that are closing included. May be changed while the pool is in use. */
  readonly max: number
  /** Idle resources that the idle timeout leaves alone. */
  readonly min: number
  /** Most resources that may stay idle; 0 pools nothing. */
  readonly maxIdle: number
  /** Most callers that may wait while no resource is under way for them; another one is refused at once. */
  readonly maxWaiting: number
  /** Loans of one resource. */
  readonly maxUses: number
  readonly idleTimeoutMillis: number
  readonly maxLifetimeMillis: number
  /** Fraction of the lifetime that chance may take off: 0.1 for up to a tenth. */
  readonly lifetimeJitter: number
  /** An answer younger than this is trusted; `Infinity` trusts always. */
  readonly validationBypassMillis: number
  /** Longest silence of a resource that is asked for an answer: as long as its dial took, within these bounds. */
  readonly leastValidationMillis: number
  readonly validationTimeoutMillis: number
  readonly resetTimeoutMillis: number
  readonly dialTimeoutMillis: number
  /** How long a caller waits for somebody to be there at all; never longer than for the rest. */
  readonly absenceMillis: number
  readonly closeTimeoutMillis: number
  readonly clock: Clock
  /** From 0 up to 1, like `Math.random`. */
  readonly random: () => number
}
