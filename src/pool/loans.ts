import { Chain } from './chain.js'
import type { Checkout } from './checkout.js'
import type { RetireReason } from './retirement.js'

/**
 * How many loans must have come back before a shared resource takes one more at a time. Until its borrowers are seen to be quick,
 * one of them may be slow, and whoever joined it would have to wait.
 */
const RETURNS_PER_STEP = 4

/** How many must have come back before what was learned is remembered: a few quick ones say little about the next. */
const LEAST_REMEMBERED = 64

/** Loans that came back earlier count as well, but no more of them: borrowers may have changed their ways. */
const MOST_REMEMBERED = 256

/**
 * The loans of one shared resource, from the first until none is left. A resource takes few at first and more as they come back,
 * so that a slow borrower has nobody behind it that another resource could have served.
 *
 * Under load a resource is often in nobody's hands for an instant, when all its answers came at once. What was learned until then is
 * remembered, but believed again only step by step, from the first return on: as many more as have come back since.
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
  #remembered: number
  #returned = 0

  constructor(isOnly: boolean, remembered: number) {
    this.#isOnly = isOnly
    this.#remembered = remembered
  }

  /** How many loans of the resource have come back, as far as that matters for those to come. */
  get remembered(): number {
    return Math.min(this.#remembered + this.#returned, MOST_REMEMBERED)
  }

  get hasRoom(): boolean {
    if (this.retiring !== undefined || this.isSuspect) return false
    if (this.#isOnly) return true
    const earlier = this.#remembered < LEAST_REMEMBERED ? 0 : this.#remembered
    const proven = Math.floor((earlier + this.#returned) / RETURNS_PER_STEP)
    return this.out.length <= Math.min(proven, this.#returned)
  }

  /** Whether one is out, and it was the only one since the first. */
  get isOneAlone(): boolean {
    return this.out.length === 1 && this.#returned === 0
  }

  /** None is out, and the next will be a first one again. */
  restart(): void {
    this.#remembered = this.remembered
    this.#returned = 0
  }

  add(checkout: Checkout<R>): void {
    this.out.add(checkout)
  }

  remove(checkout: Checkout<R>): void {
    this.out.remove(checkout)
    this.#returned += 1
  }
}
