import type { Alarm } from './alarm.js'
import { Backoff } from './backoff.js'
import { bounded } from './bounded.js'
import type { Instant } from './clock.js'
import type { Connector, DialFailure } from './connector.js'
import { PoolError } from './errors.js'
import { Fitness } from './fitness.js'
import type { GuardedConnector } from './guarded-connector.js'
import type { GuardedObserver } from './observer.js'
import type { ResourcePoolOptions } from './options.js'
import type { RetireReason } from './retirement.js'
import type { Held, Slot, SlotIn, StateNamed } from './slot.js'
import { Slots } from './slots.js'
import type { Counters } from './stats.js'

/** What the supply tells the pool. */
export interface Demand<R> {
  /** A resource is fit to be lent, its slot is in no hands. */
  ready(slot: Slot<R>, held: Held<R>): void
  /** A slot became free, or what can be supplied changed. */
  changed(): void
  dialFailed(kind: DialFailure, error: unknown): void
  /** What rests is to be idle: it is about to be looked at. */
  settle(): void
}

/**
 * The half of the pool that turns slots into fit resources and back: it dials, validates, resets and closes, each within a bound,
 * and judges them by what is known about their life ({@link Fitness}). Who gets a resource is not its business.
 */
export class Supply<R> {
  readonly slots = new Slots<R>()
  readonly backoff: Backoff
  readonly fitness: Fitness<R>
  readonly #connector: Connector<R>
  readonly #guarded: GuardedConnector<R>
  readonly #options: ResourcePoolOptions
  readonly #alarm: Alarm
  readonly #counters: Counters
  readonly #observer: GuardedObserver<R>
  readonly #demand: Demand<R>

  constructor(
    connector: Connector<R>,
    guarded: GuardedConnector<R>,
    options: ResourcePoolOptions,
    alarm: Alarm,
    counters: Counters,
    observer: GuardedObserver<R>,
    demand: Demand<R>,
  ) {
    this.#connector = connector
    this.#guarded = guarded
    this.#options = options
    this.#alarm = alarm
    this.#counters = counters
    this.#observer = observer
    this.#demand = demand
    this.backoff = new Backoff(options.clock, options.random)
    this.fitness = new Fitness(guarded, options, counters, this.slots)
  }

  /** Whether a slot is left to dial in. While backing off, one dial at a time goes out to see whether it is over. */
  get hasRoom(): boolean {
    if (this.slots.total >= this.#options.max) return false
    return this.backoff.round === 0 || this.slots.count('dialing') === 0
  }

  /** The same, and no pause is to be waited for first. */
  canDialNow(): boolean {
    return this.hasRoom && this.backoff.remainingMillis() === 0
  }

  /** Opens a slot and dials. */
  dial(): void {
    const { round } = this.backoff
    const abort = new AbortController()
    const dialing: StateNamed<R, 'dialing'> = { name: 'dialing', work: undefined, unwanted: false, lostWith: undefined }
    const slot = this.slots.open(dialing)
    this.#counters.dials += 1
    dialing.work = bounded(
      this.#alarm,
      this.#options.dialTimeoutMillis,
      () => this.#connector.dial({ signal: abort.signal, lost: (error) => this.#lost(slot, error) }),
      (outcome) => {
        if (outcome.how === 'done' && dialing.lostWith === undefined) return this.#dialled(slot, outcome.value)
        if (outcome.how === 'done') this.#guarded.destroy(outcome.value)
        if (outcome.how === 'abandoned') abort.abort()
        this.slots.move(slot, { name: 'gone' })
        if (!dialing.unwanted) {
          const error = outcome.how === 'failed' ? outcome.error : (dialing.lostWith ?? this.#dialTimeout())
          this.#dialFailed(error, outcome.how === 'failed' ? this.#guarded.classify(error) : 'transient', round)
        }
        this.#demand.changed()
      },
      (late) => this.#guarded.destroy(late),
    )
  }

  /** Gives up dials, the youngest first, until `keep` are left. */
  abandonDials(keep: number): void {
    for (const slot of this.slots.snapshot('dialing').reverse()) {
      if (this.slots.count('dialing') <= keep) return
      slot.state.unwanted = true
      slot.state.work?.abandon()
    }
  }

  /** Asks a resource in nobody's hands for a sign of life. One that gives none condemns its generation. */
  validate(slot: Slot<R>, held: Held<R>): void {
    const against = this.fitness.suspicions
    const validating = { name: 'validating' as const, held }
    this.slots.move(slot, validating)
    this.#counters.pings += 1
    bounded(
      this.#alarm,
      this.#options.validationTimeoutMillis,
      () => this.#connector.ping(held.resource),
      (outcome) => {
        if (slot.state !== validating) return
        if (outcome.how !== 'done') return this.#foundDead(slot, held)
        held.provenAt = this.#options.clock.now()
        held.provenAgainst = against
        this.#demand.ready(slot, held)
      },
    )
  }

  /** Resets a returned resource before it is lent again. */
  restore(slot: Slot<R>, held: Held<R>): void {
    let finish!: () => void
    const done = new Promise<void>((resolve) => {
      finish = resolve
    })
    const returning: StateNamed<R, 'returning'> = { name: 'returning', held, done, work: undefined }
    this.slots.move(slot, returning)
    this.#counters.resets += 1
    returning.work = bounded(
      this.#alarm,
      this.#options.resetTimeoutMillis,
      () => this.#connector.reset(held.resource),
      (outcome) => {
        finish()
        const now = this.#options.clock.now()
        this.fitness.noteSign(held, now)
        const judged = this.fitness.unfit(held, now)
        const reason = outcome.how === 'done' || judged === 'broken' ? judged : 'reset'
        if (reason === undefined) return this.#demand.ready(slot, held)
        this.retire(slot, held, reason)
        // Whoever counted on it need not wait until it is closed, if another slot is free.
        this.#demand.changed()
      },
    )
  }

  /** Closes an idle resource that is no longer fit; `false` when it is. */
  retireUnfit(slot: SlotIn<R, 'idle'>, now: Instant): boolean {
    const reason = this.fitness.unfitIdle(slot, now)
    if (reason !== undefined) this.retire(slot, slot.state.held, reason)
    return reason !== undefined
  }

  /** Closes a resource. Its slot is free, and the promise resolved, when it is closed or was destroyed. */
  retire(slot: Slot<R>, held: Held<R>, reason: RetireReason): Promise<void> {
    this.slots.move(slot, { name: 'closing', held, reason })
    this.#counters.retired[reason] += 1
    return new Promise((resolve) => {
      bounded(
        this.#alarm,
        this.#options.closeTimeoutMillis,
        () => this.#connector.close(held.resource),
        (outcome) => {
          if (outcome.how !== 'done') {
            this.#counters.forcedCloses += 1
            this.#guarded.destroy(held.resource)
          }
          this.slots.move(slot, { name: 'gone' })
          resolve()
          this.#observer.retired(held.resource, reason)
          this.#demand.changed()
        },
      )
    })
  }

  /**
   * Ends a generation: what is idle or being validated is closed now, what is lent when it comes back. Only the current one can
   * be ended, so many dead resources of one generation end it once.
   */
  condemn(generation: number): Promise<void>[] {
    if (generation !== this.#counters.generation) return []
    this.#counters.generation += 1
    return this.retireUnlent('generation')
  }

  /** Closes all that is idle or being validated. */
  retireUnlent(reason: RetireReason): Promise<void>[] {
    this.#demand.settle()
    const closing: Promise<void>[] = []
    for (const slot of [...this.slots.snapshot('idle'), ...this.slots.snapshot('validating')]) {
      // Closing one may take others along.
      if (slot.state.name !== 'idle' && slot.state.name !== 'validating') continue
      closing.push(this.retire(slot, slot.state.held, reason))
    }
    return closing
  }

  #dialled(slot: Slot<R>, resource: R): void {
    const { clock, random, maxLifetimeMillis, lifetimeJitter } = this.#options
    const now = clock.now()
    const held: Held<R> = {
      resource,
      generation: this.#counters.generation,
      dialledAt: now,
      lifetimeMillis: maxLifetimeMillis * (1 - lifetimeJitter * random()),
      uses: 0,
      sharesReturned: 0,
      provenAt: now,
      provenAgainst: this.fitness.suspicions,
      lostWith: undefined,
    }
    this.backoff.reset()
    // Until it is lent or kept it counts as validating: supply under way, in nobody's hands.
    const fresh = { name: 'validating' as const, held }
    this.slots.move(slot, fresh)
    this.#observer.dialled(resource)
    if (slot.state === fresh) this.#demand.ready(slot, held)
  }

  #dialFailed(error: unknown, kind: DialFailure, round: number): void {
    this.#counters.dialFailures += 1
    if (kind !== 'permanent') this.backoff.failed(round, kind === 'crowded')
    this.#demand.dialFailed(kind, error)
  }

  #dialTimeout(): Error {
    return new PoolError(
      'POOL_DIAL_TIMEOUT',
      `no connection was established within ${this.#options.dialTimeoutMillis} ms`,
    )
  }

  #lost(slot: Slot<R>, error: Error): void {
    this.#demand.settle()
    const { state } = slot
    switch (state.name) {
      case 'dialing':
        state.lostWith ??= error
        return
      case 'idle':
        state.held.lostWith = error
        this.fitness.suspectAll()
        this.retire(slot, state.held, 'broken')
        this.#observer.lostIdle(state.held.resource, error)
        return
      case 'validating':
        state.held.lostWith = error
        this.#foundDead(slot, state.held)
        this.#observer.lostIdle(state.held.resource, error)
        return
      case 'shared':
      case 'full':
        if (state.held.lostWith === undefined) this.fitness.suspectAll()
        state.held.lostWith ??= error
        // Nobody may join those who use it.
        state.loans.retiring ??= 'broken'
        if (state.name === 'shared') this.slots.move(slot, { name: 'full', held: state.held, loans: state.loans })
        return
      case 'lent':
      case 'returning':
        if (state.held.lostWith === undefined) this.fitness.suspectAll()
        state.held.lostWith ??= error
        // Its reset may hang, and somebody may count on it.
        if (state.name === 'returning') state.work?.abandon()
        return
      case 'closing':
      case 'gone':
        return
      /* v8 ignore next 2 -- @preserve: for the compiler, which then asks for every new state here */
      default:
        state satisfies never
    }
  }

  #foundDead(slot: Slot<R>, held: Held<R>): void {
    this.retire(slot, held, 'invalid')
    this.condemn(held.generation)
    this.#demand.changed()
  }
}
