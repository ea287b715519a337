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
 * Queries that follow one another closely are what programs do most, and they share. So a resource whose only borrower returned it
 * *rests*: it stays as it was, in the state of a loan without one, and the next who shares takes it without any of what a return and
 * a loan else take. For everybody else it is idle; whoever looks at the pool with other intentions has it settled first.
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
  /** Nobody changes its state before it was settled. */
  #resting: SlotIn<R, 'shared' | 'full'> | undefined

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

  /** Whether a resource rests. Then nobody waits. */
  get isResting(): boolean {
    return this.#resting !== undefined
  }

  /**
   * The atomic section of a share that comes back and may rest; `false` when it may not, and nothing has happened. It may if it was the
   * only one, nobody waits, its borrower heard from it just now, and it could go on as it is.
   */
  rest(slot: Slot<R>, state: StateNamed<R, 'shared' | 'full'>, checkout: Checkout<R>, now: Instant): boolean {
    // One at a time.
    this.settle()
    const { held, loans } = state
    const { fitness, slots } = this.#supply
    if (!loans.isOneAlone || this.#queue.length > 0) return false
    if (loans.retiring !== undefined || fitness.unfit(held, now) !== undefined || fitness.isSuspect(held)) return false
    if (slots.count('idle') >= this.#options.maxIdle) return false
    fitness.noteSign(held, now)
    if (held.provenAt !== now || this.#connector.inspect(held.resource) !== 'clean') return false
    // Whoever came from within those two joined, or waits, or took it away, or left another to rest.
    if (!loans.isOneAlone || this.#queue.length > 0 || slot.state !== state || this.isResting) return false
    loans.remove(checkout)
    this.#resting = slot as SlotIn<R, 'shared' | 'full'>
    return true
  }

  /** Lends what rests to the next who shares; `undefined` when it is not fit as it is. */
  repeat(label: unknown): Checkout<R> | undefined {
    const slot = this.#resting
    if (slot === undefined || !this.#supply.fitness.isFitAsItIs(slot.state.held)) return undefined
    const { held, loans } = slot.state
    this.#resting = undefined
    loans.restart()
    const checkout = new Checkout(this.#lender, slot, held.resource, label)
    loans.add(checkout)
    return this.#handOut(checkout, held)
  }

  /** What rests is idle from now on, and was since it came back. */
  settle(): void {
    const slot = this.#resting
    if (slot === undefined) return
    this.#resting = undefined
    const { held, loans } = slot.state
    this.#supply.slots.move(slot, { name: 'idle', held, since: held.provenAt })
    this.#leave(held, loans)
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
      this.#leave(held, loans)
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

  #leave(held: Held<R>, loans: Loans<R>): void {
    held.sharesReturned = loans.remembered
    this.#connector.unshare(held.resource)
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
