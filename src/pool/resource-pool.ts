import { Backoff } from './backoff.js'
import { Bound, bounded } from './bounded.js'
import { type Clock, elapsedMillis, type Instant, NEVER, type Timer } from './clock.js'
import type {
  Condition,
  Connector,
  DialFailure,
  Ended,
  Opening,
  PoolObserver,
  ResourcePoolOptions,
  Timed,
} from './connector.js'
import {
  type AcquirePhase,
  AcquireTimeoutError,
  DialError,
  doubleRelease,
  PoolError,
  type PoolGauges,
} from './errors.js'
import {
  Chain,
  Checkout,
  moveTo,
  type RetireReason,
  Slot,
  type SlotState,
  type StateName,
  type Working,
} from './slot.js'
import { Counters, type PoolStats } from './stats.js'
import { type AcquireOptions, Waiter } from './waiter.js'

/** How long a dial may say nothing before another slot is tried beside it, ms; half of the caller's time if that is less. */
const SILENCE_MILLIS = 1000

const IDLE = { name: 'idle' } as const
const GONE = { name: 'gone' } as const

/** What `end` had to take by force: checkouts that had not been returned when the patience was over. */
export interface EndReport {
  readonly reclaimed: number
}

/**
 * A pool of resources that someone else can take away at any time, in a process that may stop at any time.
 *
 * A slot is one unit of capacity (its states: {@link SlotState}). It is opened by a dial and exists until its resource is closed,
 * so there are never more resources than `max`, closing ones included. Who owns a slot:
 *
 * - *dialing*: the pool. A dial is started for demand, but belongs to nobody: whoever is first in the queue when it is done gets it.
 *   One that says nothing for a second stops to count as supply, so that another slot is tried; the first to be done serves.
 * - *idle*: the pool; the newest is lent first, so that the others can grow old.
 * - *validating*, *returning*: the pool, while the connector pings or resets the resource within a bound.
 * - *lent*: one {@link Checkout}, which gives it back once, or loses it when the pool reclaims it.
 * - *closing*: the pool, until the connector has closed it, or the bound has passed and it was destroyed.
 *
 * {@link ResourcePool.release} is the one place that takes back, `#serve` the one that serves the queue, {@link Slot.whyNotLend} the one
 * that says why a resource isn't lent. Everything between two awaits is one atomic section: it leaves the pool so that nobody waits
 * while a fit resource is idle, and so that what is under way never exceeds those who wait for it. Whatever settles late finds its slot
 * in another state, and stops there. No correctness hangs on a timer: what matters is judged from stored facts where it is used.
 */
export class ResourcePool<R> {
  readonly #connector: Connector<R>
  readonly #options: ResourcePoolOptions
  readonly #observer: PoolObserver<R>
  readonly #clock: Clock
  readonly #backoff: Backoff
  readonly #counters = new Counters()
  /** `generation` is counted with the others; the rest of what all slots are judged by. */
  readonly #known = { generation: 0, suspicions: 0, trusted: 0, staying: 0 }
  readonly #chains: Readonly<Record<StateName, Chain<Slot<R>>>> = {
    lent: new Chain(),
    idle: new Chain(),
    dialing: new Chain(),
    validating: new Chain(),
    returning: new Chain(),
    closing: new Chain(),
  }
  readonly #waiting = new Chain<Waiter<R>>()
  /** Dials that have said nothing for so long that nobody counts on them any more. */
  readonly #silent = new Chain<Slot<R>>()
  #mostWanted = 0
  /** Of the last dial, if it failed; silent where the other side said nothing at all. */
  #dialFailure: { readonly error: unknown; readonly at: Instant; readonly isSilence: boolean } | undefined
  #probe: Timer | undefined
  #idleTimer: Timer | undefined
  /** The suspicion of which it will be known in a moment what there was to it. */
  #glance: number | undefined
  /** Rings when the first of those that were idle then is too old, on the monotonic clock. */
  #ageTimer: Timer | undefined
  #agesAt = NEVER
  /** Who waits until none is in such a state. */
  #watching: { readonly state: 'returning' | 'closing' | 'dialing'; readonly none: () => void }[] = []
  #ended: Promise<EndReport> | undefined
  #finish: ((report: EndReport) => void) | undefined
  #patience: Bound | undefined
  /** What the end had to reclaim. */
  #reclaimed = 0

  constructor(connector: Connector<R>, options: ResourcePoolOptions, observer: PoolObserver<R> = {}) {
    this.#connector = connector
    this.#options = options
    this.#observer = observer
    this.#clock = options.clock
    this.#backoff = new Backoff(options.clock, options.random)
  }

  /**
   * Lends a resource: at once where a fit one is idle, else in arrival order.
   *
   * @throws {PoolError} `POOL_ENDED`, `POOL_QUEUE_FULL`.
   * @throws {AcquireTimeoutError} when the time was over first.
   * @throws {DialError} when dialling failed for good, or failed at all and there is no time limit to try again within.
   */
  acquire(options: AcquireOptions = {}): Promise<Checkout<R>> {
    if (this.#ended !== undefined) return Promise.reject(endedError())
    const checkout = this.tryAcquire(options.label, options.proves)
    if (checkout !== undefined) return Promise.resolve(checkout)
    const { lent, closing } = this.#chains
    const { max, maxWaiting } = this.#options
    // Those for whom a resource is under way, or can be opened or asked for an answer, don't count.
    if (this.#waiting.length - (max - lent.length - closing.length) >= maxWaiting) {
      this.#counters.acquireRefusals += 1
      const text = `${this.#waiting.length} callers wait for a connection already, and no more may`
      return Promise.reject(new PoolError('POOL_QUEUE_FULL', text))
    }
    return new Promise((resolve, reject) => this.#join(new Waiter(options, resolve, reject)))
  }

  /** The same where it needs no waiting: nobody waits, and a resource can be lent as it is, or to somebody who proves it. */
  tryAcquire(label?: unknown, proves = false): Checkout<R> | undefined {
    const slot = this.#chains.idle.newest
    if (slot === undefined || this.#waiting.length > 0 || this.#ended !== undefined) return undefined
    const monotonic = this.#clock.monotonic()
    const why = slot.whyNotLend(this.#clock.wall(), monotonic, this.#options, this.#known)
    if (why === undefined) return this.#lend(slot, label, monotonic)
    if (why !== 'unproven' || !proves) return undefined
    const checkout = this.#lend(slot, label, monotonic)
    if (this.#glance === undefined) {
      this.#counters.pings += 1
      checkout.proofEnded = this.#begins('ping')
    }
    checkout.provesAgainst = this.#known.suspicions
    return checkout
  }

  /** What was lent unproven has given its first answer. */
  proved(checkout: Checkout<R>): void {
    const { provesAgainst, slot } = checkout
    if (provesAgainst === undefined) return
    checkout.provesAgainst = undefined
    this.#heard(slot, this.#clock.now())
    slot.provenAgainst = provesAgainst
    this.#hasEnded(checkout.proofEnded)
    checkout.proofEnded = undefined
  }

  /** What was lent unproven turned out to be dead, or silent: takes it back, closes it, and condemns its generation. */
  disproved(checkout: Checkout<R>, error: unknown = pingTimeout(checkout.silenceMillis)): void {
    if (checkout.state !== 'open') return
    checkout.state = 'released'
    this.#guard(() => this.#observer.released?.(undefined, checkout.resource))
    this.#useEnds(checkout, this.#clock.monotonic() - checkout.slot.lentAt, error)
    this.#foundDead(checkout.slot)
  }

  /** Takes back: see {@link Checkout.release}. `answered` where the borrower knows that the other side answered just now. */
  release(checkout: Checkout<R>, discard: Error | boolean = false, answered = false): void {
    const { slot, resource } = checkout
    if (checkout.state !== 'open') return this.#releasedAgain(checkout)
    checkout.state = 'released'
    const wall = this.#clock.wall()
    const monotonic = this.#clock.monotonic()
    try {
      this.#observer.released?.(discard || undefined, resource)
    } catch (error) {
      this.#fault(error)
    }
    // As in `#useEnds`, but without a call: it runs at every return.
    const counters = this.#counters
    const useMillis = monotonic - slot.lentAt
    counters.useMillis += useMillis
    if (useMillis > counters.maxUseMillis) counters.maxUseMillis = useMillis
    if (checkout.proofEnded !== undefined || this.#observer.uses?.hasSubscribers) this.#tellUse(checkout, useMillis)
    // Whatever was suspected meanwhile stays suspected: nobody knows which of the two came first.
    if (answered) {
      slot.provenWall = wall
      slot.provenMonotonic = monotonic
    } else this.#noteAnswer(slot, { wall, monotonic })
    let condition: Condition = 'unusable'
    try {
      condition = this.#connector.inspect(resource)
    } catch (error) {
      this.#fault(error)
    }
    if ((condition === 'dirty' || condition === 'unusable') && !discard)
      this.#guard(() => this.#observer.returnedDirty?.(checkout, condition))
    const why = discard ? 'discarded' : slot.whyNotLend(wall, monotonic, this.#options, this.#known)
    if (condition === 'faulty' && !discard) this.#retire(slot, 'fault')
    else if (why !== undefined && why !== 'unproven') this.#retire(slot, why)
    else if (condition === 'unusable') this.#retire(slot, 'busy')
    else if (this.#ended !== undefined && this.#waiting.length === 0) this.#retire(slot, 'end')
    else if (condition === 'dirty') this.#restore(slot)
    else if (why === 'unproven' && this.#waiting.length > 0) this.#validate(slot)
    else this.#keep(slot, wall, monotonic)
  }

  /** Whether what is lent would be lent again as it is; then it counts as one more use. For who has several work on one loan. */
  reuse({ slot, provesAgainst = slot.provenAgainst }: Checkout<R>): boolean {
    const why = this.#whyNotLend(slot)
    // It answers all the time, or is about to: an answer is old only where something may have killed it since.
    if (why !== undefined && (why !== 'unproven' || provesAgainst < this.#known.trusted)) return false
    slot.uses += 1
    return true
  }

  /** Whether `end` was called. */
  get ended(): boolean {
    return this.#ended !== undefined
  }

  /** Callers in the queue. */
  get waiting(): number {
    return this.#waiting.length
  }

  /** Resources in the hands of borrowers. */
  get lent(): number {
    return this.#chains.lent.length
  }

  /** Most resources that were lent or waited for at once, since {@link countWantedAnew}; never more than `max`. */
  get mostWanted(): number {
    return Math.min(this.#mostWanted, this.#options.max)
  }

  /** Begins the count of {@link mostWanted} anew, with what is lent now. */
  countWantedAnew(): void {
    this.#mostWanted = this.#chains.lent.length
  }

  /** Whether a returned resource is being reset, or one is being dialled. */
  get isPreparing(): boolean {
    return this.#chains.returning.length > 0 || this.#chains.dialing.length > 0
  }

  /** Whether a slot is left to dial in. While backing off, one dial at a time goes out to see whether it is over. */
  get hasRoom(): boolean {
    if (this.#total() >= this.#options.max) return false
    return this.#backoff.round === 0 || this.#chains.dialing.length === 0
  }

  gauges(): PoolGauges {
    const lengths = Object.entries(this.#chains).map(([name, { length }]) => [name, length])
    const counts: Record<StateName, number> = Object.fromEntries(lengths)
    const dialing = counts.dialing + this.#silent.length
    return { max: this.#options.max, ...counts, dialing, total: this.#total(), waiting: this.#waiting.length }
  }

  /** Resources in nobody's hands. */
  get idle(): number {
    return this.#chains.idle.length
  }

  /** What is counted, as it counts. */
  get counters(): Readonly<Counters> {
    return this.#counters
  }

  /** All gauges and counters of this moment. */
  stats(): PoolStats {
    return this.#counters.snapshot(this.gauges(), this.#known.generation)
  }

  /**
   * Closes idle resources down to `keep`, those idle longest first, and gives up dials that nobody waits for, unless they make up what is
   * to be kept. Those that are not worth keeping go first, and all of them. Returns how many it closed.
   */
  trim(keep: number, isWorth: (resource: R) => boolean = () => true): number {
    const { idle, validating } = this.#chains
    // What is validated though nobody waits for it would be idle next: it counts, and goes first.
    const unwanted = validating.snapshot().slice(0, Math.max(0, validating.length - this.#waiting.length))
    const spare = [...unwanted, ...idle.snapshot()]
    const worth = new Set(keep > 0 ? spare.filter(({ resource }) => isWorth(resource)).slice(-keep) : [])
    const surplus = spare.filter((slot) => !worth.has(slot))
    this.#retireUnlent('trim', surplus)
    this.#abandonDials(Math.max(this.#waiting.length, keep - worth.size))
    return surplus.length
  }

  /**
   * To be called when the process may have slept: what certainly ended is closed, and the rest has to give an answer before it is lent.
   * With `asks` it is asked at once, whether or not somebody will want it. With `seen`, all that can have happened meanwhile is known when
   * that resolves, which is so soon that nobody asks, and who needs a proven resource waits for it.
   */
  wake(asks = true, seen?: Promise<unknown>): void {
    if (this.#known.staying === 0 && this.#waiting.length === 0) return
    const { trusted } = this.#known
    const suspicion = this.#suspect()
    this.#glance = seen && suspicion
    void seen?.then(() => this.#glanced(suspicion, trusted))
    for (const slot of this.#chains.idle.snapshot()) {
      if (slot.state.name !== 'idle') continue
      const why = this.#whyNotLend(slot)
      if (why !== undefined && why !== 'unproven') this.#retire(slot, why)
      else if (why !== undefined && asks) this.#validate(slot)
    }
    this.#serve()
  }

  #suspect(): number {
    this.#known.suspicions += 1
    this.#known.trusted = this.#known.suspicions
    return this.#known.suspicions
  }

  /** Nothing has come to light: what was trusted before is trusted again, unless something else happened since. */
  #glanced(suspicion: number, trusted: number): void {
    if (this.#known.trusted === suspicion) this.#known.trusted = trusted
    if (this.#glance !== suspicion) return
    this.#glance = undefined
    this.#serve()
  }

  /** Whether it will be known in a moment what {@link wake} waits for. */
  get isGlancing(): boolean {
    return this.#glance !== undefined
  }

  /** Lets no resource that is open now be lent again, and gives up dials. The pool stays usable. Resolves when what is closing is closed. */
  drain(): Promise<void> {
    this.#abandonDials(0)
    this.condemn()
    return this.whenNone('closing')
  }

  /** What was dialled until now is not lent again: idle ones are closed at once, the others when they come back. Dials go on. */
  condemn(): void {
    this.#condemn(this.#known.generation)
    this.#serve()
  }

  /**
   * Takes back what is lent, for good: each resource is closed, each checkout dead. With `which`, only from borrowers with such a
   * label. Returns the reclaimed checkouts; the closing is under way then.
   */
  reclaim(which: (label: unknown) => boolean = () => true): Checkout<R>[] {
    // Taking one may bring others back by themselves.
    return this.#out(which).filter((checkout) => {
      if (checkout.state !== 'open') return false
      checkout.state = 'reclaimed'
      this.#useEnds(checkout, this.#clock.monotonic() - checkout.slot.lentAt)
      this.#retire(checkout.slot, 'reclaimed')
      return true
    })
  }

  /** Turns away callers that wait, if they have such a label; without an error their promises are never settled. Returns how many. */
  turnAway(which: (label: unknown) => boolean, error?: () => Error): number {
    const away = this.#waiting.snapshot().filter(({ label }) => which(label))
    for (const waiter of away) this.#settle(waiter, error?.())
    this.#serve()
    return away.length
  }

  /** Resolves when none is being reset, or closed, or dialled. */
  whenNone(state: 'returning' | 'closing' | 'dialing'): Promise<void> {
    if (this.#chains[state].length === 0) return Promise.resolve()
    return new Promise((none) => void this.#watching.push({ state, none }))
  }

  /**
   * Ends the pool: newcomers are refused at once, who waits is still served, what is lent may come back. When `patienceMillis` have
   * passed, who still waits is rejected and what is still lent is reclaimed. Resolves when every resource is closed. Later calls get
   * the same promise; one without patience ends that of the first.
   */
  end(patienceMillis = NEVER): Promise<EndReport> {
    if (this.#ended !== undefined) {
      if (patienceMillis <= 0) this.#force()
      return this.#ended
    }
    const ended = new Promise<EndReport>((resolve) => {
      this.#finish = resolve
    })
    this.#ended = ended
    if (patienceMillis <= 0) this.#force()
    else {
      this.#patience = new Bound(this.#clock, patienceMillis, () => this.#force())
      this.#serve()
    }
    return ended
  }

  #force(): void {
    this.turnAway(() => true, endedError)
    this.#reclaimed += this.reclaim().length
    this.#serve()
  }

  #join(waiter: Waiter<R>): void {
    const { timeoutMillis } = waiter
    if (timeoutMillis !== NEVER) {
      const since = this.#clock.now()
      waiter.since = since
      waiter.limit = new Bound(this.#clock, timeoutMillis, () => {
        this.#settle(waiter, this.#overdue(since))
        this.#serve()
      })
    }
    waiter.waitsSince = this.#clock.monotonic()
    this.#counters.waits += 1
    moveTo(waiter, this.#waiting)
    this.#mostWanted = Math.max(this.#mostWanted, this.#chains.lent.length + this.#waiting.length)
    const ended = this.#begins('acquire')
    // It may have been settled from within.
    if (waiter.chain === undefined) this.#hasEnded(ended)
    else waiter.ended = ended
    this.#serve()
  }

  #total(): number {
    return this.#known.staying + this.#chains.closing.length
  }

  /** The loans that are out, of such labels; not those that are on their way back just now. */
  #out(which: (label: unknown) => boolean): Checkout<R>[] {
    const states = this.#chains.lent.snapshot().map(({ state }) => state)
    return states.filter((it): it is Checkout<R> => it.name === 'lent' && it.state === 'open' && which(it.label))
  }

  #lend(slot: Slot<R>, label: unknown, monotonic: number): Checkout<R> {
    const checkout = new Checkout<R>(this, slot, label)
    slot.state = checkout
    slot.lentAt = monotonic
    slot.uses += 1
    moveTo(slot, this.#chains.lent)
    if (this.#chains.lent.length > this.#mostWanted) this.#mostWanted = this.#chains.lent.length
    this.#counters.acquires += 1
    try {
      this.#observer.acquired?.(checkout.resource)
    } catch (error) {
      this.#fault(error)
    }
    return checkout
  }

  /** The atomic section of a fit resource in nobody's hands: whoever waits first gets it, else it is idle. */
  #keep(slot: Slot<R>, wall: number, monotonic: number): void {
    const { idle } = this.#chains
    const first = this.#waiting.oldest
    this.#dialFailure = undefined
    if (first !== undefined) {
      // A success may be what the others waited for to be dialled for; whoever was the last to be served lets the rest be closed.
      this.#settle(first, slot)
      if (this.hasRoom || this.#ended !== undefined) this.#serve()
    } else if (this.#ended !== undefined) this.#retire(slot, 'end')
    else if (idle.length >= this.#options.maxIdle) this.#retire(slot, 'surplus')
    else {
      slot.state = IDLE
      slot.idleWall = wall
      slot.idleMonotonic = monotonic
      moveTo(slot, idle)
      if (this.#idleTimer === undefined) this.#watchIdle(this.#options.idleTimeoutMillis)
      if (slot.agesAt < this.#agesAt) this.#watchAge(slot.agesAt, monotonic)
    }
  }

  /** The atomic section that everything leads to: serves those who wait from what is idle, then dials for the rest. */
  #serve(): void {
    const { idle, validating, dialing, returning } = this.#chains
    for (let first = this.#waiting.oldest; first !== undefined; first = this.#waiting.oldest) {
      const slot = idle.newest
      if (slot === undefined) break
      const why = this.#whyNotLend(slot)
      if (why === undefined) this.#settle(first, slot)
      else if (why !== 'unproven') this.#retire(slot, why)
      else if (this.#glance !== undefined) return
      else if (validating.length < this.#waiting.length) this.#validate(slot)
      else break
    }
    const underWay = () => dialing.length + validating.length + returning.length
    while (this.#waiting.newest !== undefined && underWay() < this.#waiting.length && this.hasRoom) {
      const pause = this.#backoff.remainingMillis()
      if (pause > 0) {
        // Always anew: a success may have ended the pause that an older timer belongs to.
        this.#probe?.cancel()
        this.#probe = this.#clock.setTimer(pause, () => this.#serve())
        this.#probe.ref()
        break
      }
      this.#dial(this.#waiting.newest.timeoutMillis)
    }
    this.#tellWhoWatches()
    if (this.#waiting.length > 0) return
    // Nobody is to be dialled for any more.
    this.#probe?.cancel()
    if (this.#ended !== undefined) this.#settleEnd()
  }

  /** Dials. When it has said nothing for so long, it is no supply any more: another slot is tried beside it. */
  #dial(patienceMillis: number): void {
    const { dialTimeoutMillis } = this.#options
    const withinMillis = Math.min(dialTimeoutMillis, patienceMillis)
    const { round } = this.#backoff
    const state: Working = { name: 'dialing', abandon: undefined }
    const slot = new Slot<R>(state)
    moveTo(slot, this.#chains.dialing)
    this.#known.staying += 1
    this.#counters.dials += 1
    const opening: Opening = { withinMillis, onAbandon: undefined, lost: (error) => this.#lost(slot, error) }
    const silence = new Bound(this.#clock, Math.min(SILENCE_MILLIS, patienceMillis / 2), () => {
      moveTo(slot, this.#silent)
      this.#serve()
    })
    const began = this.#clock.now()
    const ended = this.#begins('connect')
    state.abandon = bounded<R>(
      [this.#clock, dialTimeoutMillis],
      () => this.#connector.dial(opening),
      (outcome) => {
        silence.cancel()
        if (outcome.how === 'done' && slot.lostWith === undefined) {
          this.#dialled(slot, outcome.value, began)
          return this.#hasEnded(ended)
        }
        if (outcome.how === 'done') this.#destroy(outcome.value)
        // The failure of one that was given up is no news.
        const isNews = slot.state === state
        this.#known.staying -= 1
        this.#move(slot, GONE)
        if (outcome.how === 'abandoned') this.#guard(() => opening.onAbandon?.())
        const isFailed = outcome.how === 'failed'
        const error = isFailed ? outcome.error : (slot.lostWith ?? dialTimeout(dialTimeoutMillis))
        this.#hasEnded(ended, error)
        if (isNews) this.#dialFailed(error, isFailed, round)
        this.#serve()
      },
      (late) => this.#destroy(late),
    )
    // It may have been given up from within.
    if (slot.state !== state) state.abandon()
  }

  #dialled(slot: Slot<R>, resource: R, began: Instant): void {
    const { random, maxLifetimeMillis, lifetimeJitter, leastValidationMillis, validationTimeoutMillis } = this.#options
    slot.resource = resource
    this.#guard(() => {
      slot.leaseMillis = this.#connector.leaseMillis?.(resource) ?? Infinity
    })
    slot.generation = this.#known.generation
    slot.lifetimeMillis = maxLifetimeMillis * (1 - lifetimeJitter * random())
    slot.dialledAt = this.#clock.now()
    const dialMillis = elapsedMillis(began, slot.dialledAt)
    this.#counters.dialled(slot.dialledAt.monotonic - began.monotonic)
    slot.silenceMillis = Math.min(validationTimeoutMillis, Math.max(leastValidationMillis, dialMillis))
    slot.agesAt = slot.dialledAt.monotonic + slot.lifetimeMillis
    this.#heard(slot, slot.dialledAt)
    slot.provenAgainst = this.#known.suspicions
    this.#backoff.reset()
    const fresh: Working = { name: 'validating', abandon: undefined }
    this.#move(slot, fresh)
    this.#guard(() => this.#observer.dialled?.(resource))
    if (slot.state === fresh) this.#ready(slot)
    this.#tellWhoWatches()
  }

  /** Whoever has been told leaves the list. */
  #tellWhoWatches(): void {
    this.#watching = this.#watching.filter(({ state, none }) => this.#chains[state].length > 0 || none())
  }

  #dialFailed(error: unknown, isClassified: boolean, round: number): void {
    const classify = () => this.#connector.classify(error)
    const kind = isClassified ? (this.#guard(classify) ?? 'permanent') : 'transient'
    const mayPass = kind !== 'permanent'
    this.#counters.dialFailures += 1
    this.#dialFailure = { error, at: this.#clock.now(), isSilence: !isClassified }
    if (mayPass) this.#backoff.failed(round, kind === 'crowded')
    // While other resources live, or are being dialled with better luck, the rest may still be served.
    const living = this.#known.staying - (mayPass ? 0 : this.gauges().dialing)
    for (const waiter of this.#waiting.snapshot().slice(0, living > 0 ? 1 : undefined)) {
      if (mayPass && this.#mayTryAgain(waiter, kind)) continue
      this.#settle(waiter, new DialError(this.gauges(), error, mayPass))
    }
  }

  /** Without a time limit there is nothing to try again within. */
  #mayTryAgain({ since }: Waiter<R>, kind: DialFailure): boolean {
    if (since === undefined) return false
    const nextMillis = elapsedMillis(since, this.#clock.now()) + this.#backoff.remainingMillis()
    return kind !== 'absent' || nextMillis <= this.#options.absenceMillis
  }

  /** Gives up dials until `keep` are left: first the silent ones, then the youngest. */
  #abandonDials(keep: number): void {
    for (const slot of [...this.#chains.dialing.snapshot(), ...this.#silent.snapshot()].slice(keep).reverse()) {
      const { state } = slot
      if (state.name !== 'dialing') continue
      this.#move(slot, GONE)
      state.abandon?.()
    }
  }

  /** Asks a resource in nobody's hands for an answer. One that gives none condemns its generation. */
  #validate(slot: Slot<R>): void {
    const { suspicions } = this.#known
    this.#counters.pings += 1
    const ended = this.#begins('ping')
    const settled = (isDone: boolean) => {
      if (!isDone) return this.#foundDead(slot)
      this.#heard(slot, this.#clock.now())
      slot.provenAgainst = suspicions
      this.#ready(slot)
    }
    this.#work(slot, 'validating', slot.silenceMillis, 'ping', settled, ended)
  }

  /**
   * The connector works on a resource, within a bound: `settled` hears how it went, unless the slot has left that state first, and `ended`
   * in any case.
   */
  #work(
    slot: Slot<R>,
    name: 'validating' | 'returning' | 'closing',
    millis: number,
    what: 'ping' | 'reset' | 'close',
    settled: (isDone: boolean) => void,
    ended?: Ended,
  ): void {
    const state: Working = { name, abandon: undefined }
    const { state: before } = slot
    this.#move(slot, state)
    // Nobody waits for an answer any more, and its bound would keep the process.
    if (before.name === 'validating') before.abandon?.()
    const work = () => this.#connector[what](slot.resource)
    state.abandon = bounded<void>([this.#clock, millis], work, (outcome) => {
      const { how } = outcome
      const isCurrent = slot.state === state
      // One whose answer is of no use any more has not failed.
      const silence = () => (isCurrent ? pingTimeout(millis) : slot.lostWith)
      if (ended !== undefined)
        this.#hasEnded(ended, how === 'failed' ? outcome.error : how === 'abandoned' ? silence() : undefined)
      if (isCurrent) settled(how === 'done')
    })
    // It may have been overtaken, or lost, from within.
    if (slot.state !== state || (name === 'returning' && slot.lostWith !== undefined)) state.abandon?.()
  }

  #foundDead(slot: Slot<R>): void {
    this.#retire(slot, 'invalid')
    this.#condemn(slot.generation)
    this.#serve()
  }

  /** It has answered; if since then something may have killed it unseen, whoever waits needs a younger answer. */
  #ready(slot: Slot<R>): void {
    const { wall, monotonic } = this.#clock.now()
    const isSuspect = slot.provenAgainst < this.#known.trusted
    // Not by the age of its answer: where none is trusted, that would never end.
    if (isSuspect && this.#waiting.length > 0 && this.#options.validationBypassMillis !== NEVER) this.#validate(slot)
    else this.#keep(slot, wall, monotonic)
  }

  /** Resets a returned resource before it is lent again. */
  #restore(slot: Slot<R>): void {
    const { resetTimeoutMillis } = this.#options
    this.#counters.resets += 1
    this.#work(slot, 'returning', resetTimeoutMillis, 'reset', (isDone) => {
      this.#noteAnswer(slot, this.#clock.now())
      const why = this.#whyNotLend(slot)
      if (!isDone && why !== 'broken') this.#retire(slot, 'reset')
      else if (why === undefined || why === 'unproven') this.#ready(slot)
      else this.#retire(slot, why)
      this.#serve()
    })
  }

  /** Closes a resource. Its slot is free when it is closed or was destroyed. */
  #retire(slot: Slot<R>, reason: RetireReason): void {
    this.#known.staying -= 1
    this.#counters.retired[reason] += 1
    this.#work(slot, 'closing', this.#options.closeTimeoutMillis, 'close', (isDone) => {
      if (!isDone) {
        this.#counters.forcedCloses += 1
        this.#destroy(slot.resource)
      }
      this.#move(slot, GONE)
      this.#guard(() => this.#observer.retired?.(slot.resource, reason))
      this.#serve()
    })
    this.#guard(() => this.#observer.retiring?.(slot.resource, reason))
  }

  #move(slot: Slot<R>, state: SlotState<R>): void {
    slot.state = state
    moveTo(slot, state.name === 'gone' ? undefined : this.#chains[state.name])
  }

  /**
   * Ends a generation: what is idle or being validated is closed now, what is lent when it comes back. Only the current one can
   * be ended, so many dead resources of one generation end it once.
   */
  #condemn(generation: number): void {
    if (generation !== this.#known.generation) return
    this.#known.generation += 1
    this.#retireUnlent('generation')
  }

  #retireUnlent(reason: RetireReason, slots?: Slot<R>[]): void {
    const { idle, validating } = this.#chains
    for (const slot of slots ?? [...idle.snapshot(), ...validating.snapshot()]) {
      // Closing one may take others along.
      if (slot.state.name === 'idle' || slot.state.name === 'validating') this.#retire(slot, reason)
    }
  }

  #lost(slot: Slot<R>, error: Error): void {
    const { name } = slot.state
    if (name === 'closing' || name === 'gone') return
    if (slot.lostWith === undefined && name !== 'dialing' && name !== 'validating') this.#suspect()
    slot.lostWith ??= error
    // Its reset may hang, and somebody may count on it.
    if (slot.state.name === 'returning') return slot.state.abandon?.()
    if (name === 'idle') this.#retire(slot, 'broken')
    else if (name === 'validating') this.#foundDead(slot)
    else return
    this.#guard(() => this.#observer.lostIdle?.(slot.resource, error))
  }

  /** Closes what has been idle for too long, for processes that don't freeze. One timer, for the one that is idle longest. */
  #watchIdle(millis: number): void {
    if (millis === NEVER) return
    const { idleTimeoutMillis, min } = this.#options
    this.#idleTimer = this.#clock.setTimer(millis, () => {
      this.#idleTimer = undefined
      const now = this.#clock.now()
      // The chain is in the order of their ages: those that have to go stand in front.
      for (let slot = this.#chains.idle.oldest; slot?.state.name === 'idle'; slot = this.#chains.idle.oldest) {
        const why = this.#whyNotLend(slot)
        if (why !== undefined && why !== 'unproven') this.#retire(slot, why)
        else if (this.#known.staying <= min) return
        else
          return this.#watchIdle(
            idleTimeoutMillis - elapsedMillis({ wall: slot.idleWall, monotonic: slot.idleMonotonic }, now),
          )
      }
    })
  }

  /** Closes what has grown too old while it was idle. One timer, for the one that will be the first. */
  #watchAge(at: number, now: number): void {
    this.#ageTimer?.cancel()
    this.#agesAt = at
    this.#ageTimer = this.#clock.setTimer(at - now, () => {
      const idle = this.#chains.idle.snapshot()
      const now = this.#clock.monotonic()
      this.#agesAt = NEVER
      this.#retireUnlent(
        'lifetime',
        idle.filter((slot) => slot.agesAt <= now),
      )
      const next = Math.min(NEVER, ...idle.map((slot) => slot.agesAt).filter((at) => at > now))
      if (next < NEVER) this.#watchAge(next, now)
    })
  }

  #whyNotLend(slot: Slot<R>): RetireReason | 'unproven' | undefined {
    const { wall, monotonic } = this.#clock.now()
    return slot.whyNotLend(wall, monotonic, this.#options, this.#known)
  }

  #noteAnswer(slot: Slot<R>, now: Instant): void {
    const answered = this.#guard(() => this.#connector.lastAnswer?.(slot.resource, now))
    if (answered !== undefined) this.#heard(slot, answered)
  }

  #heard(slot: Slot<R>, { wall, monotonic }: Instant): void {
    slot.provenWall = wall
    slot.provenMonotonic = monotonic
  }

  /** Takes it out of the queue, and serves or rejects it; with neither it is left unsettled. */
  #settle(waiter: Waiter<R>, how: Slot<R> | Error | undefined): void {
    moveTo(waiter, undefined)
    waiter.limit?.cancel()
    const monotonic = this.#clock.monotonic()
    this.#counters.waited(monotonic - waiter.waitsSince)
    if (how instanceof Slot) waiter.resolve(this.#lend(how, waiter.label, monotonic))
    else if (how !== undefined) waiter.reject(how)
    this.#hasEnded(waiter.ended, how instanceof Slot ? undefined : how)
  }

  /** Whoever met nothing but dials that failed hears of those. */
  #overdue(since: Instant): AcquireTimeoutError | DialError {
    this.#counters.acquireTimeouts += 1
    const { error, at, isSilence } = this.#dialFailure ?? {}
    const gauges = this.gauges()
    const hasFailed = at !== undefined && at.monotonic >= since.monotonic && !isSilence
    if (hasFailed && gauges.total === gauges.dialing && this.#silent.length === 0)
      return new DialError(gauges, error, true)
    return new AcquireTimeoutError(this.#phase(), elapsedMillis(since, this.#clock.now()), gauges, error)
  }

  #phase(): AcquirePhase {
    const { validating, returning } = this.#chains
    if (this.gauges().dialing > 0 || this.#backoff.round > 0) return 'dial'
    if (validating.length > 0) return 'validate'
    return returning.length > 0 ? 'reset' : 'wait'
  }

  #releasedAgain(checkout: Checkout<R>): void {
    if (checkout.state === 'released') throw doubleRelease()
    checkout.state = 'released'
    this.#counters.lateReturns += 1
    this.#guard(() => this.#observer.returnedLate?.(checkout))
  }

  #settleEnd(): void {
    this.#retireUnlent('end')
    this.#abandonDials(0)
    if (this.#total() > 0) return
    this.#idleTimer?.cancel()
    this.#ageTimer?.cancel()
    this.#patience?.cancel()
    this.#finish?.({ reclaimed: this.#reclaimed })
  }

  #destroy(resource: R): void {
    this.#guard(() => this.#connector.destroy(resource))
  }

  /** It was lent for so long. */
  #useEnds(checkout: Checkout<R>, millis: number, error?: unknown): void {
    const counters = this.#counters
    counters.useMillis += millis
    counters.maxUseMillis = Math.max(counters.maxUseMillis, millis)
    this.#tellUse(checkout, millis, error)
  }

  /** Whatever it was still to prove, nobody will hear of. */
  #tellUse({ proofEnded }: Checkout<R>, millis: number, error?: unknown): void {
    this.#hasEnded(proofEnded, error)
    if (this.#observer.uses?.hasSubscribers) this.#guard(() => this.#observer.used?.(millis))
  }

  #begins(what: Timed): Ended | undefined {
    return this.#guard(() => this.#observer.begins?.(what))
  }

  #hasEnded(ended: Ended | undefined, error?: unknown): void {
    if (ended !== undefined) this.#guard(() => ended(error))
  }

  /** What is not the pool's own may throw, and harms nobody. */
  #guard<T>(what: () => T): T | undefined {
    try {
      return what()
    } catch (error) {
      this.#fault(error)
      return undefined
    }
  }

  #fault(error: unknown): void {
    this.#counters.faults += 1
    try {
      this.#observer.fault?.(error)
    } catch {
      // The last resort has failed as well; the pool's state is what has to survive it.
    }
  }
}

function dialTimeout(millis: number): PoolError {
  return new PoolError('POOL_DIAL_TIMEOUT', `no connection was established within ${millis} ms`)
}

function pingTimeout(millis: number): PoolError {
  return new PoolError('POOL_PING_TIMEOUT', `no answer to a ping within ${millis} ms`)
}

function endedError(): PoolError {
  return new PoolError('POOL_ENDED', 'Cannot use a pool after calling end on the pool')
}
