import { Checkout, type Lender } from './checkout.js'
import type { Instant } from './clock.js'
import type { GuardedConnector } from './guarded-connector.js'
import { Loans } from './loans.js'
import type { ResourcePoolOptions } from './options.js'
import type { Held, Slot, SlotIn, StateNamed } from './slot.js'
import type { Counters } from './stats.js'
import type { Supply } from './supply.js'
import type { WaitQueue } from './wait-queue.js'

/**
 * The loans of a resource to several borrowers at once: who may join whom, and what becomes of a share that comes back.
 *
 * A caller that shares takes an idle resource like any other, but others who share may join it: only where no slot is left to open,
 * only the first in the queue, and only as many as {@link Loans} has room for. One that doesn't share stops the joining as soon as
 * it is first in the queue, so it waits for what is lent now and for nothing that came after it.
 *
 * Each method that lends leaves the slot's state right before anybody else's code (a hook, an observer) is called.
 */
export class Sharing<R> {
  readonly #supply: Supply<R>
  readonly #queue: WaitQueue<Checkout<R>>
  readonly #connector: GuardedConnector<R>
  readonly #options: ResourcePoolOptions
  readonly #counters: Counters
  readonly #lender: Lender<R>
  readonly #handOut: (checkout: Checkout<R>, held: Held<R>) => Checkout<R>

  constructor(
    supply: Supply<R>,
    queue: WaitQueue<Checkout<R>>,
    connector: GuardedConnector<R>,
    options: ResourcePoolOptions,
    counters: Counters,
    lender: Lender<R>,
    handOut: (checkout: Checkout<R>, held: Held<R>) => Checkout<R>,
  ) {
    this.#supply = supply
    this.#queue = queue
    this.#connector = connector
    this.#options = options
    this.#counters = counters
    this.#lender = lender
    this.#handOut = handOut
  }

  /** Lends a resource in nobody's hands to the first of those who will share it. */
  begin(slot: Slot<R>, held: Held<R>, label: unknown): Checkout<R> {
    const checkout = this.#add(slot, held, new Loans(this.#options.max === 1, held.sharesReturned), label)
    this.#connector.share(held.resource)
    return this.#handOut(checkout, held)
  }

  /** Serves those who wait and share, as far as there is room. */
  serve(): void {
    while (this.#queue.length > 0) {
      const slot = this.#joinable()
      if (slot === undefined || !this.#queue.offer(({ label }) => this.#join(slot, label), 'sharers')) return
    }
  }

  tryJoin(label: unknown): Checkout<R> | undefined {
    const slot = this.#joinable()
    return slot === undefined ? undefined : this.#join(slot, label)
  }

  /**
   * The atomic section of a share that comes back: it makes room for the next, or is the last. `true` when it was, and the resource
   * is in nobody's hands.
   */
  checkIn(
    slot: Slot<R>,
    { held, loans }: StateNamed<R, 'shared' | 'full'>,
    checkout: Checkout<R>,
    discard: Error | boolean,
    now: Instant,
  ): boolean {
    loans.remove(checkout)
    loans.retiring ??= discard ? 'discarded' : this.#supply.fitness.unfit(held, now)
    if (loans.out.length > 0) {
      this.#enter(slot, held, loans)
      this.serve()
      return false
    }
    // Nobody may join it while the connector looks at it.
    this.#supply.slots.move(slot, { name: 'full', held, loans })
    if (this.#queue.length === 0 || !this.#canGoOn(held, loans, now) || !this.#goOn(slot, held, loans)) {
      held.sharesReturned = loans.remembered
      this.#connector.unshare(held.resource)
      return true
    }
    this.serve()
    return false
  }

  /** Whether the last share may go to the next who shares as it is; else it is treated like any resource that comes back. */
  #canGoOn(held: Held<R>, loans: Loans<R>, now: Instant): boolean {
    this.#supply.fitness.noteSign(held, now)
    const isClean = this.#connector.inspect(held.resource) === 'clean'
    return isClean && loans.hasRoom && !this.#supply.fitness.needsProof(held, now)
  }

  #goOn(slot: Slot<R>, held: Held<R>, loans: Loans<R>): boolean {
    return this.#queue.offer(({ label }) => this.#handOut(this.#add(slot, held, loans, label), held), 'sharers')
  }

  /** The shared resource whose turn it is, where nothing better can be had. */
  #joinable(): SlotIn<R, 'shared'> | undefined {
    if (this.#supply.canDialNow()) return undefined
    const { slots, fitness } = this.#supply
    for (let slot = slots.oldest('shared'); slot !== undefined; slot = slots.oldest('shared')) {
      const { held, loans } = slot.state
      loans.retiring = fitness.unfit(held, this.#options.clock.now())
      loans.isSuspect = fitness.isSuspect(held)
      if (loans.hasRoom) return slot
      // Those who use it are left in peace; it is closed, or asked for a sign of life, after the last of them.
      slots.move(slot, { name: 'full', held, loans })
    }
    return undefined
  }

  #join(slot: SlotIn<R, 'shared'>, label: unknown): Checkout<R> {
    const { held, loans } = slot.state
    this.#counters.joins += 1
    return this.#handOut(this.#add(slot, held, loans, label), held)
  }

  #add(slot: Slot<R>, held: Held<R>, loans: Loans<R>, label: unknown): Checkout<R> {
    const checkout = new Checkout(this.#lender, slot, held.resource, label)
    loans.add(checkout)
    this.#enter(slot, held, loans)
    return checkout
  }

  /** Behind the others in any case: so they are joined in turn. */
  #enter(slot: Slot<R>, held: Held<R>, loans: Loans<R>): void {
    this.#supply.slots.move(slot, { name: loans.hasRoom ? 'shared' : 'full', held, loans })
  }
}
