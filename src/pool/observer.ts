import type { Checkout } from './checkout.js'
import type { RetireReason } from './retirement.js'
import type { Counters } from './stats.js'

/**
 * Hears what happens in a pool, after it has happened: the counts have changed, and calling the pool from here is allowed.
 * Whatever an observer throws goes to its own `fault`, and no further.
 */
export interface PoolObserver<R> {
  /** A resource was opened; it has not been lent yet. */
  dialled?(resource: R): void
  acquired?(resource: R): void
  /** It came back, with the error or flag of the borrower; what becomes of it is decided afterwards. */
  released?(resource: R, discard: Error | boolean): void
  /** It is in nobody's hands and waits for the next borrower. */
  idle?(resource: R): void
  /** It is closed and its slot is free. */
  retired?(resource: R, reason: RetireReason): void
  /** One that nobody had lent was lost. */
  lostIdle?(resource: R, error: Error): void
  /** A borrower that the pool had given up returned its checkout after all. */
  returnedLate?(checkout: Checkout<R>): void
  /** Something that is not the pool's own threw where nobody could be told: an observer, `inspect`, `destroy`. */
  fault?(error: unknown): void
}

/** An observer that can't throw; what it would have thrown is counted. */
export class GuardedObserver<R> {
  readonly #observer: PoolObserver<R>
  readonly #counters: Counters

  constructor(observer: PoolObserver<R>, counters: Counters) {
    this.#observer = observer
    this.#counters = counters
  }

  dialled(resource: R): void {
    try {
      this.#observer.dialled?.(resource)
    } catch (error) {
      this.fault(error)
    }
  }

  acquired(resource: R): void {
    try {
      this.#observer.acquired?.(resource)
    } catch (error) {
      this.fault(error)
    }
  }

  released(resource: R, discard: Error | boolean): void {
    try {
      this.#observer.released?.(resource, discard)
    } catch (error) {
      this.fault(error)
    }
  }

  idle(resource: R): void {
    try {
      this.#observer.idle?.(resource)
    } catch (error) {
      this.fault(error)
    }
  }

  retired(resource: R, reason: RetireReason): void {
    try {
      this.#observer.retired?.(resource, reason)
    } catch (error) {
      this.fault(error)
    }
  }

  lostIdle(resource: R, error: Error): void {
    try {
      this.#observer.lostIdle?.(resource, error)
    } catch (fault) {
      this.fault(fault)
    }
  }

  returnedLate(checkout: Checkout<R>): void {
    try {
      this.#observer.returnedLate?.(checkout)
    } catch (error) {
      this.fault(error)
    }
  }

  fault(error: unknown): void {
    this.#counters.faults += 1
    try {
      this.#observer.fault?.(error)
    } catch {
      // The last resort has failed as well; the pool's state is what has to survive it.
    }
  }
}
