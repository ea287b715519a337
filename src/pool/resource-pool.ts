import { Alarm, type Alert } from './alarm.js'
import { Checkout, type Lender } from './checkout.js'
import { elapsedMillis, type Instant } from './clock.js'
import type { Condition, Connector, DialFailure } from './connector.js'
import { type AcquirePhase, AcquireTimeoutError, DialError, PoolError, type PoolGauges } from './errors.js'
import { GuardedObserver, type PoolObserver } from './observer.js'
import type { ResourcePoolOptions } from './options.js'
import type { RetireReason } from './retirement.js'
import type { Held, Slot } from './slot.js'
import { Counters, type PoolStats } from './stats.js'
import { Supply } from './supply.js'
import { WaitQueue } from './wait-queue.js'

/** What one acquire asks for. */
export interface AcquireOptions {
  /** Longest time until the checkout is there, ms, all phases together. Default: none. */
  readonly timeoutMillis?: number | undefined
  /** Takes the caller out of the queue when it is aborted. What is being dialled for it goes on, for the next one. */
  readonly signal?: AbortSignal | undefined
  /** Kept on the checkout. */
  readonly label?: unknown
}

/** What `end` had to take by force. */
export interface EndReport {
  /** Checkouts that had not been returned when the patience was over. */
  readonly reclaimed: number
}

/**
 * A pool of resources that someone else can take away at any time, in a process that may stop at any time.
 *
 * A slot is one unit of capacity (its states: {@link SlotState}). It is opened by a dial and exists until its resource is closed,
 * so there are never more resources than `max`, closing ones included. Who owns a slot:
 *
 * - *dialing*: the pool. A dial is started for demand, but belongs to nobody: whoever is first in the queue when it is done gets it.
 * - *idle*: the pool; the newest is lent first, so that the others can grow old.
 * - *validating*, *returning*: the pool, while the connector pings or resets the resource within a bound.
 * - *lent*: one {@link Checkout}, which gives it back once, or loses it when the pool reclaims it.
 * - *closing*: the pool, until the connector has closed it, or the bound has passed and it was destroyed.
 *
 * This class is the demand side: who waits, who is served, what is kept. {@link Supply} makes and unmakes what is lent.
 * Everything between two awaits is one atomic section; each leaves the pool so that nobody waits while a fit resource is idle,
 * and that what is under way never exceeds those who wait for it.
 */
export class ResourcePool<R> {
  readonly #connector: Connector<R>
  readonly #options: ResourcePoolOptions
  readonly #observer: GuardedObserver<R>
  readonly #alarm: Alarm
  readonly #counters = new Counters()
  readonly #queue: WaitQueue<Checkout<R>>
  readonly #supply: Supply<R>
  readonly #lender: Lender<R>
  #lastDialError: unknown
  #probeAlert: Alert | undefined
  #idleAlert: Alert | undefined
  #ending: { readonly ended: Promise<EndReport>; readonly settle: (report: EndReport) => void } | undefined
  #reclaimedAtEnd = 0

  constructor(connector: Connector<R>, options: ResourcePoolOptions, observer: PoolObserver<R> = {}) {
    this.#connector = connector
    this.#options = options
    this.#alarm = new Alarm(options.clock)
    this.#observer = new GuardedObserver(observer, this.#counters)
    this.#queue = new WaitQueue(options.clock, this.#alarm, {
      timeout: (waitedMillis) => this.#timeout(waitedMillis),
      aborted: (reason) => this.#aborted(reason),
    })
    this.#supply = new Supply(connector, options, this.#alarm, this.#counters, this.#observer, {
      ready: (slot, held) => this.#lendOrKeep(slot, held, options.clock.now()),
      changed: () => this.#serve(),
      dialFailed: (kind, error) => this.#dialFailed(kind, error),
    })
    this.#lender = {
      returned: (slot, discard) => this.#checkIn(slot, discard),
      returnedLate: (checkout) => {
        this.#counters.lateReturns += 1
        this.#observer.returnedLate(checkout)
      },
    }
  }

  /**
   * Lends a resource: at once where a fit one is idle, else in arrival order.
   *
   * @throws {PoolError} `POOL_ENDED`, `POOL_ACQUIRE_ABORTED`.
   * @throws {AcquireTimeoutError} when the time was over first.
   * @throws {DialError} when dialling failed for good, or failed at all and there is no time limit to try again within.
   */
  acquire(options: AcquireOptions = {}): Promise<Checkout<R>> {
    const { timeoutMillis = Number.POSITIVE_INFINITY, signal, label } = options
    if (signal?.aborted) return Promise.reject(this.#aborted(signal.reason))
    if (this.#ending !== undefined) return Promise.reject(endedError())
    const checkout = this.tryAcquire(label)
    if (checkout !== undefined) return Promise.resolve(checkout)
    const turn = this.#queue.join({ timeoutMillis, signal, label })
    this.#serve()
    return turn
  }

  /** Lends a resource if one is idle and fit as it is, and nobody waits. */
  tryAcquire(label?: unknown): Checkout<R> | undefined {
    if (this.#queue.length > 0) return undefined
    const slot = this.#supply.slots.newest('idle')
    if (slot === undefined) return undefined
    const now = this.#options.clock.now()
    const { held } = slot.state
    if (this.#supply.needsProof(held, now) || this.#supply.unfitIdle(slot, now) !== undefined) return undefined
    return this.#lend(slot, held, label)
  }

  /** Whether `end` was called. */
  get ended(): boolean {
    return this.#ending !== undefined
  }

  gauges(): PoolGauges {
    const { slots } = this.#supply
    return {
      max: this.#options.max,
      total: slots.total,
      idle: slots.count('idle'),
      lent: slots.count('lent'),
      dialing: slots.count('dialing'),
      validating: slots.count('validating'),
      returning: slots.count('returning'),
      closing: slots.count('closing'),
      waiting: this.#queue.length,
    }
  }

  /** All gauges and counters of this moment. */
  stats(): PoolStats {
    return this.#counters.snapshot(this.gauges())
  }

  /**
   * Closes idle resources down to `keep`, those idle longest first, and gives up dials that nobody waits for. Those that are being
   * validated though nobody waits for them would be idle next: they count, and go first. The goodbyes are under way when this
   * returns. Returns how many it closed.
   */
  trim(keep: number): number {
    const { slots } = this.#supply
    const spare = () => Math.max(0, slots.count('validating') - this.#queue.length)
    let trimmed = 0
    for (let slot = slots.oldest('validating'); slot && spare() > 0; slot = slots.oldest('validating')) {
      if (slots.count('idle') + spare() <= keep) break
      this.#supply.retire(slot, slot.state.held, 'trim')
      trimmed += 1
    }
    for (let slot = slots.oldest('idle'); slot && slots.count('idle') > keep; slot = slots.oldest('idle')) {
      this.#supply.retire(slot, slot.state.held, 'trim')
      trimmed += 1
    }
    this.#supply.abandonDials(this.#queue.length)
    return trimmed
  }

  /**
   * To be called when the process may have slept: what fell due meanwhile is done, what certainly ended is closed, and all that is
   * idle is asked for a sign of life at once, ahead of the first acquire.
   */
  wake(): void {
    this.#alarm.sweep()
    this.#supply.suspectAll()
    const now = this.#options.clock.now()
    for (const slot of this.#supply.slots.snapshot('idle')) {
      if (slot.state.name !== 'idle' || this.#supply.retireUnfit(slot, now)) continue
      if (this.#supply.needsProof(slot.state.held, now)) this.#supply.validate(slot, slot.state.held)
    }
    this.#serve()
  }

  /**
   * Closes what is idle or being dialled, and lets each loan that is out be its resource's last. The pool stays usable. Resolves
   * when what could be closed at once is closed.
   */
  async drain(): Promise<void> {
    const closing = this.#supply.condemn(this.#counters.generation)
    this.#supply.abandonDials(0)
    // Whoever counted on one that is closing now need not wait until it is closed, if another slot is free.
    this.#serve()
    await Promise.all(closing)
  }

  /** Takes back all that is lent, for good: each resource is closed, each checkout dead. Returns those checkouts. */
  reclaim(): Checkout<R>[] {
    const reclaimed: Checkout<R>[] = []
    for (const slot of this.#supply.slots.snapshot('lent')) {
      const { name, checkout, held } = slot.state
      // One may be on its way back just now, and closing one may bring others back.
      if (name !== 'lent' || !checkout.reclaim()) continue
      this.#supply.retire(slot, held, 'reclaimed')
      reclaimed.push(checkout)
    }
    return reclaimed
  }

  /** Resolves when no returned resource is being reset any more. */
  async restored(): Promise<void> {
    await Promise.all(this.#supply.slots.snapshot('returning').map((slot) => slot.state.done))
  }

  /**
   * Ends the pool: callers that wait are rejected, what is idle is closed, what is lent may come back until `patienceMillis` have
   * passed and is then reclaimed. Resolves when every resource is closed. Later calls get the same promise.
   */
  end(patienceMillis = Number.POSITIVE_INFINITY): Promise<EndReport> {
    if (this.#ending !== undefined) return this.#ending.ended
    let settle: (report: EndReport) => void = () => {}
    const ended = new Promise<EndReport>((resolve) => {
      settle = resolve
    })
    this.#ending = { ended, settle }
    this.#queue.reject(endedError, () => true, 'all')
    this.#supply.abandonDials(0)
    this.#supply.retireUnlent('end')
    const reclaim = () => {
      this.#reclaimedAtEnd = this.reclaim().length
    }
    this.#alarm.set(patienceMillis, reclaim, 'keeps-process')
    this.#settleEnd()
    return ended
  }

  /** The atomic section that everything leads to: serves those who wait from what is idle, then dials for the rest. */
  #serve(): void {
    if (this.#ending !== undefined) return this.#settleEnd()
    this.#serveFromIdle()
    this.#dialForDemand()
  }

  #serveFromIdle(): void {
    const { slots } = this.#supply
    for (let slot = slots.newest('idle'); slot && this.#queue.length > 0; slot = slots.newest('idle')) {
      const now = this.#options.clock.now()
      if (this.#supply.retireUnfit(slot, now)) continue
      const { held } = slot.state
      if (this.#supply.needsProof(held, now)) {
        if (slots.count('validating') >= this.#queue.length) return
        this.#supply.validate(slot, held)
      } else if (!this.#lendToFirst(slot, held)) return
    }
  }

  #dialForDemand(): void {
    while (this.#dialIsNeeded()) {
      const pause = this.#supply.backoff.remainingMillis()
      if (pause > 0) return this.#dialAfter(pause)
      this.#supply.dial()
    }
  }

  /** Asked again before each dial. While backing off, one dial at a time goes out to see whether it is over. */
  #dialIsNeeded(): boolean {
    const { slots, backoff } = this.#supply
    const underWay = slots.count('dialing') + slots.count('validating') + slots.count('returning')
    if (underWay >= this.#queue.length || slots.total >= this.#options.max) return false
    return backoff.round === 0 || slots.count('dialing') === 0
  }

  #dialAfter(pauseMillis: number): void {
    // Always anew: a success may have ended the pause that an older alert belongs to. Somebody waits for it, perhaps without a
    // time limit that would keep the process.
    this.#probeAlert?.cancel()
    this.#probeAlert = this.#alarm.set(pauseMillis, () => this.#serve(), 'keeps-process')
  }

  #dialFailed(kind: DialFailure, error: unknown): void {
    this.#lastDialError = error
    const { slots } = this.#supply
    // Without a time limit there is nothing to try again within. While other resources live, or are being dialled with better luck,
    // the rest may still be served.
    const living = slots.staying - (kind === 'permanent' ? slots.count('dialing') : 0)
    this.#queue.reject(
      () => new DialError(this.gauges(), error),
      (terms) => kind === 'permanent' || terms.timeoutMillis === Number.POSITIVE_INFINITY,
      living > 0 ? 'first' : 'all',
    )
  }

  #lendToFirst(slot: Slot<R>, held: Held<R>): boolean {
    return this.#queue.offer((label) => this.#lend(slot, held, label))
  }

  #lend(slot: Slot<R>, held: Held<R>, label: unknown): Checkout<R> {
    const checkout = new Checkout(this.#lender, slot, held.resource, label)
    held.uses += 1
    this.#supply.slots.move(slot, { name: 'lent', held, checkout })
    this.#counters.acquires += 1
    this.#observer.acquired(held.resource)
    return checkout
  }

  /** The atomic section of a return: retired, reset first, or lent on. */
  #checkIn(slot: Slot<R>, discard: Error | boolean): void {
    const { state } = slot
    if (state.name !== 'lent') throw new Error(`bug: a slot that is ${state.name} was returned`)
    const { held } = state
    this.#observer.released(held.resource, discard)
    this.#supply.noteSign(held)
    const now = this.#options.clock.now()
    const condition = this.#inspect(held.resource)
    const reason = discard ? 'discarded' : (this.#supply.unfit(held, now) ?? RETURNED_UNFIT[condition])
    if (reason !== undefined) this.#supply.retire(slot, held, reason)
    else if (this.#ending !== undefined) this.#supply.retire(slot, held, 'end')
    else if (condition === 'dirty') this.#supply.restore(slot, held)
    else if (this.#queue.length > 0 && this.#supply.needsProof(held, now)) this.#supply.validate(slot, held)
    else this.#lendOrKeep(slot, held, now)
  }

  /** The atomic section of a fit resource in nobody's hands. */
  #lendOrKeep(slot: Slot<R>, held: Held<R>, now: Instant): void {
    this.#lastDialError = undefined
    if (this.#ending !== undefined) this.#supply.retire(slot, held, 'end')
    else if (this.#lendToFirst(slot, held)) this.#dialForDemand()
    else if (this.#supply.slots.count('idle') >= this.#options.maxIdle) this.#supply.retire(slot, held, 'surplus')
    else this.#keep(slot, held, now)
  }

  #keep(slot: Slot<R>, held: Held<R>, now: Instant): void {
    this.#supply.slots.move(slot, { name: 'idle', held, since: now })
    if (this.#idleAlert === undefined) this.#expireIdleAfter(this.#options.idleTimeoutMillis)
  }

  #expireIdleAfter(millis: number): void {
    if (millis === Number.POSITIVE_INFINITY) return
    this.#idleAlert = this.#alarm.set(
      millis,
      () => {
        this.#idleAlert = undefined
        this.#expireIdle()
      },
      'lets-exit',
    )
  }

  /** The chain of idle ones is in the order of their ages: those that have to go stand in front. */
  #expireIdle(): void {
    const now = this.#options.clock.now()
    const { slots } = this.#supply
    let oldest = slots.oldest('idle')
    while (oldest !== undefined && this.#supply.retireUnfit(oldest, now)) oldest = slots.oldest('idle')
    if (oldest === undefined || slots.staying <= this.#options.min) return
    this.#expireIdleAfter(this.#options.idleTimeoutMillis - elapsedMillis(oldest.state.since, now))
  }

  #settleEnd(): void {
    if (this.#ending === undefined || this.#supply.slots.total > 0) return
    this.#alarm.stop()
    this.#ending.settle({ reclaimed: this.#reclaimedAtEnd })
  }

  #inspect(resource: R): Condition {
    try {
      return this.#connector.inspect(resource)
    } catch (error) {
      this.#observer.fault(error)
      return 'unusable'
    }
  }

  #phase(): AcquirePhase {
    const { slots, backoff } = this.#supply
    if (slots.count('dialing') > 0 || backoff.round > 0) return 'dial'
    if (slots.count('validating') > 0) return 'validate'
    return slots.count('returning') > 0 ? 'reset' : 'wait'
  }

  #timeout(waitedMillis: number): AcquireTimeoutError {
    this.#counters.acquireTimeouts += 1
    return new AcquireTimeoutError(this.#phase(), waitedMillis, this.gauges(), this.#lastDialError)
  }

  #aborted(reason: unknown): PoolError {
    this.#counters.acquireAborts += 1
    return new PoolError('POOL_ACQUIRE_ABORTED', 'the caller gave up waiting for a connection', { cause: reason })
  }
}

const RETURNED_UNFIT = { clean: undefined, dirty: undefined, unusable: 'busy' } as const satisfies Record<
  Condition,
  RetireReason | undefined
>

function endedError(): PoolError {
  return new PoolError('POOL_ENDED', 'Cannot use a pool after calling end on the pool')
}
