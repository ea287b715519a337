import { Alarm } from './alarm.js'
import type { Checkout } from './checkout.js'
import type { Connector } from './connector.js'
import { PoolError, type PoolGauges } from './errors.js'
import { IdleExpiry } from './idle-expiry.js'
import { Lending } from './lending.js'
import { GuardedObserver, type PoolObserver } from './observer.js'
import type { ResourcePoolOptions } from './options.js'
import type { SlotState } from './slot.js'
import { Counters, type PoolStats } from './stats.js'
import type { Supply } from './supply.js'

/** What one acquire asks for. */
export interface AcquireOptions {
  /** Longest time until the checkout is there, ms, all phases together. Default: none. */
  readonly timeoutMillis?: number | undefined
  /** Takes the caller out of the queue when it is aborted. What is being dialled for it goes on, for the next one. */
  readonly signal?: AbortSignal | undefined
  /** Kept on the checkout. */
  readonly label?: unknown
  /** Whether a resource that others use at the same time will do. Default false. */
  readonly share?: boolean | undefined
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
 * - *shared*, *full*: several checkouts, each of which gives back its own loan; the last one gives back the resource. Or the pool, while
 *   it rests between two loans: idle in all but name ({@link Sharing}).
 * - *closing*: the pool, until the connector has closed it, or the bound has passed and it was destroyed.
 *
 * This class is what users of a pool see. {@link Lending} decides who is served, {@link Supply} makes and unmakes what is lent.
 * Everything between two awaits is one atomic section. Whatever settles late finds its slot in another state, and stops there.
 */
export class ResourcePool<R> {
  readonly #options: ResourcePoolOptions
  readonly #alarm: Alarm
  readonly #counters = new Counters()
  readonly #lending: Lending<R>
  readonly #supply: Supply<R>
  readonly #idleExpiry: IdleExpiry<R>
  #ending: { readonly ended: Promise<EndReport>; readonly settle: (report: EndReport) => void } | undefined
  #reclaimedAtEnd = 0

  constructor(connector: Connector<R>, options: ResourcePoolOptions, observer: PoolObserver<R> = {}) {
    this.#options = options
    this.#alarm = new Alarm(options.clock)
    const guarded = new GuardedObserver(observer, this.#counters)
    this.#lending = new Lending(connector, options, this.#alarm, this.#counters, guarded, {
      spare: (slot, held, now) => {
        this.#supply.slots.move(slot, { name: 'idle', held, since: now })
        this.#idleExpiry.watch()
        guarded.idle(held.resource)
      },
      rests: (resource) => {
        this.#idleExpiry.watch()
        guarded.idle(resource)
      },
      freedAtEnd: () => this.#settleEnd(),
    })
    this.#supply = this.#lending.supply
    const { clock, idleTimeoutMillis, min } = options
    const settle = () => this.#lending.settle()
    this.#idleExpiry = new IdleExpiry(this.#supply, this.#alarm, clock, idleTimeoutMillis, min, settle)
  }

  /**
   * Lends a resource: at once where a fit one is idle, else in arrival order.
   *
   * @throws {PoolError} `POOL_ENDED`, `POOL_ACQUIRE_ABORTED`, `POOL_QUEUE_FULL`.
   * @throws {AcquireTimeoutError} when the time was over first.
   * @throws {DialError} when dialling failed for good, or failed at all and there is no time limit to try again within.
   */
  acquire(options: AcquireOptions = {}): Promise<Checkout<R>> {
    const { timeoutMillis = Number.POSITIVE_INFINITY, signal, label, share = false } = options
    if (signal?.aborted) return Promise.reject(this.#lending.aborted(signal.reason))
    if (this.#ending !== undefined) return Promise.reject(endedError())
    const checkout = this.#lending.tryLend(label, share)
    if (checkout !== undefined) return Promise.resolve(checkout)
    if (this.#lending.isCrowded) return Promise.reject(this.#lending.refused())
    const turn = this.#lending.queue.join({ timeoutMillis, signal, label, share })
    this.#lending.serve()
    return turn
  }

  /** The same where it needs no waiting: nobody waits, and a resource can be lent as it is. */
  tryAcquire(label?: unknown, share = false): Checkout<R> | undefined {
    return this.#lending.tryLend(label, share)
  }

  /** Whether `end` was called. */
  get ended(): boolean {
    return this.#ending !== undefined
  }

  gauges(): PoolGauges {
    this.#lending.settle()
    return this.#supply.slots.gauges(this.#options.max, this.#lending.queue.length)
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
    this.#lending.settle()
    const { slots } = this.#supply
    const spare = () => Math.max(0, slots.count('validating') - this.#lending.queue.length)
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
    this.#supply.abandonDials(this.#lending.queue.length)
    return trimmed
  }

  /**
   * To be called when the process may have slept: what fell due meanwhile is done, what certainly ended is closed, and all that is
   * idle is asked for a sign of life at once, ahead of the first acquire.
   */
  wake(): void {
    this.#lending.settle()
    // First of all: what falls due may lead to a loan.
    this.#supply.fitness.suspectAll()
    this.#alarm.sweep()
    const now = this.#options.clock.now()
    for (const slot of this.#supply.slots.snapshot('idle')) {
      if (slot.state.name !== 'idle' || this.#supply.retireUnfit(slot, now)) continue
      if (this.#supply.fitness.needsProof(slot.state.held, now)) this.#supply.validate(slot, slot.state.held)
    }
    this.#lending.serve()
  }

  /**
   * Closes what is idle or being dialled, and lets each loan that is out be its resource's last. The pool stays usable. Resolves
   * when what could be closed at once is closed.
   */
  async drain(): Promise<void> {
    const closing = this.#supply.condemn(this.#counters.generation)
    this.#supply.abandonDials(0)
    // Whoever counted on one that is closing now need not wait until it is closed, if another slot is free.
    this.#lending.serve()
    await Promise.all(closing)
  }

  /** What was dialled until now is not lent again: idle ones are closed at once, the others when they come back. Dials go on. */
  condemn(): void {
    this.#supply.condemn(this.#counters.generation)
    this.#lending.serve()
  }

  /**
   * Takes back what is lent, for good: each resource is closed, each checkout dead. With `which`, only from borrowers with such a
   * label; a resource that they share with others is closed under all its borrowers, or with `leave` left alone. Returns the reclaimed
   * checkouts.
   */
  reclaim(which: (label: unknown) => boolean = () => true, sharedWithOthers: 'take' | 'leave' = 'take'): Checkout<R>[] {
    const { slots } = this.#supply
    const lent = [...slots.snapshot('lent'), ...slots.snapshot('shared'), ...slots.snapshot('full')]
    return lent.flatMap((slot) => {
      const out = checkoutsOf(slot.state)
      const wanted = out.filter(({ label }) => which(label)).length
      if (wanted === 0 || (sharedWithOthers === 'leave' && wanted < out.length)) return []
      const reclaimed = out.filter((checkout) => checkout.reclaim())
      // None, if the last is on its way back just now, or came back when another resource was closed.
      if (reclaimed.length > 0) this.#supply.retire(slot, slot.state.held, 'reclaimed')
      return reclaimed
    })
  }

  /** Turns away callers that wait, if they have such a label. */
  turnAway(which: (label: unknown) => boolean, error: () => Error): void {
    this.#lending.queue.reject(error, ({ label }) => which(label), 'all')
    // Whoever is first now may take what those would not.
    this.#lending.serve()
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
    let settle!: (report: EndReport) => void
    const ended = new Promise<EndReport>((resolve) => {
      settle = resolve
    })
    this.#ending = { ended, settle }
    this.#lending.hasEnded = true
    this.#lending.queue.reject(endedError, () => true, 'all')
    this.#supply.abandonDials(0)
    this.#supply.retireUnlent('end')
    const reclaim = () => {
      this.#reclaimedAtEnd = this.reclaim().length
    }
    this.#alarm.set(patienceMillis, reclaim, 'keeps-process')
    this.#settleEnd()
    return ended
  }

  #settleEnd(): void {
    if (this.#ending === undefined || this.#supply.slots.total > 0) return
    this.#alarm.stop()
    this.#ending.settle({ reclaimed: this.#reclaimedAtEnd })
  }
}

/** The loans of a slot; none where it is not lent any more. */
function checkoutsOf<R>(state: SlotState<R>): Checkout<R>[] {
  if (state.name === 'lent') return [state.checkout]
  return state.name === 'shared' || state.name === 'full' ? state.loans.out.snapshot() : []
}

function endedError(): PoolError {
  return new PoolError('POOL_ENDED', 'Cannot use a pool after calling end on the pool')
}
