import type { Alarm, Alert } from './alarm.js'
import { Checkout, type Lender } from './checkout.js'
import type { Instant } from './clock.js'
import type { Condition, Connector, DialFailure } from './connector.js'
import { type AcquirePhase, AcquireTimeoutError, DialError, PoolError } from './errors.js'
import { GuardedConnector } from './guarded-connector.js'
import type { GuardedObserver } from './observer.js'
import type { ResourcePoolOptions } from './options.js'
import type { RetireReason } from './retirement.js'
import { Sharing } from './sharing.js'
import type { Held, Slot } from './slot.js'
import type { Counters } from './stats.js'
import { type Demand, Supply } from './supply.js'
import { WaitQueue } from './wait-queue.js'

/** What the lending tells the pool. */
export interface Keeping<R> {
  /** A fit resource that nobody waits for. */
  spare(slot: Slot<R>, held: Held<R>, now: Instant): void
  /** One rests: it is spare as long as nobody asks ({@link Sharing}). */
  rests(resource: R): void
  /** The pool has ended, and a slot is free. */
  freedAtEnd(): void
}

/**
 * The demand side of a pool: who waits, who is served with what, and what becomes of what comes back. {@link Supply} makes and
 * unmakes the resources.
 *
 * Each method below `serve` is an atomic section; each leaves the pool so that nobody waits while a fit resource is idle or could be
 * joined ({@link Sharing}), and that what is under way never exceeds those who wait for it.
 */
export class Lending<R> implements Demand<R> {
  readonly supply: Supply<R>
  readonly queue: WaitQueue<Checkout<R>>
  /** Once set, nobody is served, and what comes back is closed. */
  hasEnded = false
  readonly #connector: GuardedConnector<R>
  readonly #options: ResourcePoolOptions
  readonly #alarm: Alarm
  readonly #counters: Counters
  readonly #observer: GuardedObserver<R>
  readonly #keeping: Keeping<R>
  readonly #lender: Lender<R>
  readonly #sharing: Sharing<R>
  #lastDialError: unknown
  #probeAlert: Alert | undefined

  constructor(
    connector: Connector<R>,
    options: ResourcePoolOptions,
    alarm: Alarm,
    counters: Counters,
    observer: GuardedObserver<R>,
    keeping: Keeping<R>,
  ) {
    this.#connector = new GuardedConnector(connector, observer)
    this.#options = options
    this.#alarm = alarm
    this.#counters = counters
    this.#observer = observer
    this.#keeping = keeping
    this.supply = new Supply(connector, this.#connector, options, alarm, counters, observer, this)
    this.queue = new WaitQueue(options.clock, alarm, {
      timeout: (waitedMillis) => this.#timeout(waitedMillis),
      aborted: (reason) => this.aborted(reason),
      gaveUp: () => this.#sharing.serve(),
    })
    this.#lender = {
      returned: (slot, checkout, discard) => this.#checkIn(slot, checkout, discard),
      returnedLate: (checkout) => {
        counters.lateReturns += 1
        observer.returnedLate(checkout)
      },
    }
    const handOut = (checkout: Checkout<R>, held: Held<R>) => this.#handOut(checkout, held)
    this.#sharing = new Sharing(this.supply, this.queue, this.#connector, options, counters, this.#lender, handOut)
  }

  /** Lends what can be lent at once: an idle resource that is fit as it is, or a share of one that is in use. */
  tryLend(label: unknown, share: boolean): Checkout<R> | undefined {
    if (this.queue.length > 0 || this.hasEnded) return undefined
    if (this.#sharing.isResting) {
      const checkout = share ? this.#sharing.repeat(label) : undefined
      if (checkout !== undefined) return checkout
      this.settle()
    }
    const idle = this.supply.slots.newest('idle')
    if (idle === undefined) return share ? this.#sharing.tryJoin(label) : undefined
    const now = this.#options.clock.now()
    const { held } = idle.state
    const { fitness } = this.supply
    if (fitness.needsProof(held, now) || fitness.unfitIdle(idle, now) !== undefined) return undefined
    return this.#lend(idle, held, label, share)
  }

  /** What rests is idle from now on: to be called by whoever is about to look at the slots. */
  settle(): void {
    this.#sharing.settle()
  }

  /** The atomic section that everything leads to: serves those who wait from what there is, then dials for the rest. */
  serve(): void {
    if (this.hasEnded) return this.#keeping.freedAtEnd()
    this.#serveFromIdle()
    this.#joinOrDial()
  }

  changed(): void {
    this.serve()
  }

  ready(slot: Slot<R>, held: Held<R>): void {
    // Its sign of life may be older than what makes it suspect.
    if (this.queue.length > 0 && this.supply.fitness.isSuspect(held)) this.supply.validate(slot, held)
    else this.#lendOrKeep(slot, held, this.#options.clock.now())
  }

  dialFailed(kind: DialFailure, error: unknown): void {
    this.#lastDialError = error
    // Whoever can join now needs no dial.
    this.#sharing.serve()
    const { slots } = this.supply
    // Without a time limit there is nothing to try again within. While other resources live, or are being dialled with better luck,
    // the rest may still be served.
    const living = slots.staying - (kind === 'permanent' ? slots.count('dialing') : 0)
    this.queue.reject(
      () => new DialError(slots.gauges(this.#options.max, this.queue.length), error, kind !== 'permanent'),
      (terms) => kind === 'permanent' || terms.timeoutMillis === Number.POSITIVE_INFINITY,
      living > 0 ? 'first' : 'all',
    )
  }

  aborted(reason: unknown): PoolError {
    this.#counters.acquireAborts += 1
    return new PoolError('POOL_ACQUIRE_ABORTED', 'the caller gave up waiting for a connection', { cause: reason })
  }

  /** Whether as many callers wait as may, not counting those for whom a connection is under way or can be opened. */
  get isCrowded(): boolean {
    const { total, underWay } = this.supply.slots
    const { max, maxWaiting } = this.#options
    return this.queue.length - underWay - (max - total) >= maxWaiting
  }

  refused(): PoolError {
    this.#counters.acquireRefusals += 1
    const { length } = this.queue
    return new PoolError('POOL_QUEUE_FULL', `${length} callers wait for a connection already, and no more may`)
  }

  #serveFromIdle(): void {
    const { slots } = this.supply
    for (let slot = slots.newest('idle'); slot && this.queue.length > 0; slot = slots.newest('idle')) {
      const now = this.#options.clock.now()
      if (this.supply.retireUnfit(slot, now)) continue
      const { held } = slot.state
      if (this.supply.fitness.needsProof(held, now)) {
        if (slots.count('validating') >= this.queue.length) return
        this.supply.validate(slot, held)
      } else if (!this.#lendToFirst(slot, held)) return
    }
  }

  /** Joins first, because whoever joins needs no dial, and then again, because a dial may have taken the last slot. */
  #joinOrDial(): void {
    this.#sharing.serve()
    this.#dialForDemand()
    this.#sharing.serve()
  }

  /** Asks again before each dial whether it is needed. */
  #dialForDemand(): void {
    while (this.supply.slots.underWay < this.queue.length && this.supply.hasRoom) {
      const pause = this.supply.backoff.remainingMillis()
      if (pause > 0) return this.#dialAfter(pause)
      this.supply.dial()
    }
  }

  #dialAfter(pauseMillis: number): void {
    // Always anew: a success may have ended the pause that an older alert belongs to. Somebody waits for it, perhaps without a
    // time limit that would keep the process.
    this.#probeAlert?.cancel()
    this.#probeAlert = this.#alarm.set(pauseMillis, () => this.serve(), 'keeps-process')
  }

  #lendToFirst(slot: Slot<R>, held: Held<R>): boolean {
    return this.queue.offer(({ label, share }) => this.#lend(slot, held, label, share))
  }

  #lend(slot: Slot<R>, held: Held<R>, label: unknown, share: boolean): Checkout<R> {
    if (share) return this.#sharing.begin(slot, held, label)
    const checkout = new Checkout(this.#lender, slot, held.resource, label)
    this.supply.slots.move(slot, { name: 'lent', held, checkout })
    return this.#handOut(checkout, held)
  }

  #handOut(checkout: Checkout<R>, held: Held<R>): Checkout<R> {
    held.uses += 1
    this.#counters.acquires += 1
    this.#observer.acquired(held.resource)
    return checkout
  }

  #checkIn(slot: Slot<R>, checkout: Checkout<R>, discard: Error | boolean): void {
    this.#observer.released(checkout.resource, discard)
    const { state } = slot
    const now = this.#options.clock.now()
    if (state.name === 'lent') this.#settle(slot, state.held, discard ? 'discarded' : undefined, now)
    else if (state.name === 'shared' || state.name === 'full') {
      const rests = !discard && !this.hasEnded && this.#sharing.rest(slot, state, checkout, now)
      if (rests) return this.#keeping.rests(checkout.resource)
      const isBack = this.#sharing.checkIn(slot, state, checkout, discard, now)
      if (isBack) this.#settle(slot, state.held, state.loans.retiring, now)
    }
    // Else a listener has reclaimed the other loans of a shared one, and it is being closed.
  }

  /** The atomic section of a resource that came back altogether: retired, reset first, validated first, or lent on. */
  #settle(slot: Slot<R>, held: Held<R>, decided: RetireReason | undefined, now: Instant): void {
    const { fitness } = this.supply
    fitness.noteSign(held, now)
    const condition = this.#connector.inspect(held.resource)
    const reason = decided ?? fitness.unfit(held, now) ?? RETURNED_UNFIT[condition]
    if (reason !== undefined) this.supply.retire(slot, held, reason)
    else if (this.hasEnded) this.supply.retire(slot, held, 'end')
    else if (condition === 'dirty') this.supply.restore(slot, held)
    else if (this.queue.length > 0 && fitness.needsProof(held, now)) this.supply.validate(slot, held)
    else this.#lendOrKeep(slot, held, now)
  }

  /** The atomic section of a fit resource in nobody's hands. */
  #lendOrKeep(slot: Slot<R>, held: Held<R>, now: Instant): void {
    this.#lastDialError = undefined
    // It counts, and came back before this one.
    this.settle()
    if (this.hasEnded) this.supply.retire(slot, held, 'end')
    else if (this.#lendToFirst(slot, held)) this.#joinOrDial()
    else if (this.supply.slots.count('idle') >= this.#options.maxIdle) this.supply.retire(slot, held, 'surplus')
    else this.#keeping.spare(slot, held, now)
  }

  #phase(): AcquirePhase {
    const { slots, backoff } = this.supply
    if (slots.count('dialing') > 0 || backoff.round > 0) return 'dial'
    if (slots.count('validating') > 0) return 'validate'
    return slots.count('returning') > 0 ? 'reset' : 'wait'
  }

  #timeout(waitedMillis: number): AcquireTimeoutError {
    this.#counters.acquireTimeouts += 1
    const gauges = this.supply.slots.gauges(this.#options.max, this.queue.length)
    return new AcquireTimeoutError(this.#phase(), waitedMillis, gauges, this.#lastDialError)
  }
}

const RETURNED_UNFIT = { clean: undefined, dirty: undefined, unusable: 'busy' } as const satisfies Record<
  Condition,
  RetireReason | undefined
>
