import { Chain } from './chain.js'
import type { Checkout } from './checkout.js'
import type { RetireReason } from './retirement.js'

/**
 * How many loans must have come back before a shared resource takes one more at a time. Until its borrowers are seen to be quick,
 * one of them may be slow, and whoever joined it would have to wait.
 */
const RETURNS_PER_STEP = 4

/**
 * The loans of one shared resource, from the first until none is left. A resource takes few at first and more as they come back,
 * so that a slow borrower has nobody behind it that another resource could have served.
 */
export class Loans<R> {
  /** Those that are out, in the order in which they were lent. */
  readonly out = new Chain<Checkout<R>>()
  /** Set once the resource must not be lent again: it takes no more, and is closed when the last is back. */
  retiring: RetireReason | undefined
  /** Set once the resource may be dead: it takes no more, so that it can be asked for a sign of life when the last is back. */
  isSuspect = false
  /** Whether there is no other resource that could serve: then waiting is never better than joining. */
  readonly #isOnly: boolean
  #returned = 0

  constructor(isOnly: boolean) {
    this.#isOnly = isOnly
  }

  get hasRoom(): boolean {
    if (this.retiring !== undefined || this.isSuspect) return false
    return this.#isOnly || this.out.length < 1 + Math.floor(this.#returned / RETURNS_PER_STEP)
  }

  add(checkout: Checkout<R>): void {
    this.out.add(checkout)
  }

  remove(checkout: Checkout<R>): void {
    this.out.remove(checkout)
    this.#returned += 1
  }
}
