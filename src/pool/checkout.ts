import type { Link } from './chain.js'
import { PoolError } from './errors.js'
import type { Slot } from './slot.js'

/** Where a checkout is returned to. */
export interface Lender<R> {
  returned(slot: Slot<R>, checkout: Checkout<R>, discard: Error | boolean): void
  returnedLate(checkout: Checkout<R>): void
}

type CheckoutState = 'open' | 'released' | 'reclaimed'

/**
 * One loan of one resource. It can be released once; what a former borrower does with its checkout later can't touch the next
 * loan, because that is another object.
 */
export class Checkout<R> implements Link<Checkout<R>> {
  /** Its place among the loans of one resource. */
  older: Checkout<R> | undefined
  newer: Checkout<R> | undefined
  readonly resource: R
  /** Whatever the borrower gave at acquire to be recognised by, for instance where it was. */
  readonly label: unknown
  readonly #slot: Slot<R>
  readonly #lender: Lender<R>
  #state: CheckoutState = 'open'

  /** @internal */
  constructor(lender: Lender<R>, slot: Slot<R>, resource: R, label: unknown) {
    this.#lender = lender
    this.#slot = slot
    this.resource = resource
    this.label = label
  }

  /** `open` until it is released by its borrower or reclaimed by the pool. */
  get state(): CheckoutState {
    return this.#state
  }

  /**
   * Returns the resource. With `discard` it is closed instead of lent again; an error says why.
   *
   * After the pool has reclaimed it, the call is reported and does nothing more.
   *
   * @throws {PoolError} `POOL_DOUBLE_RELEASE` when it was released before.
   */
  release(discard: Error | boolean = false): void {
    switch (this.#state) {
      case 'open':
        this.#state = 'released'
        return this.#lender.returned(this.#slot, this, discard)
      case 'reclaimed':
        this.#state = 'released'
        return this.#lender.returnedLate(this)
      case 'released':
        throw new PoolError(
          'POOL_DOUBLE_RELEASE',
          'Release called on client which has already been released to the pool.',
        )
    }
  }

  /** @internal The pool takes the resource back; `false` when it is not out. */
  reclaim(): boolean {
    if (this.#state !== 'open') return false
    this.#state = 'reclaimed'
    return true
  }
}
