import { elapsedMillis, type Instant } from './clock.js'
import type { GuardedConnector } from './guarded-connector.js'
import type { ResourcePoolOptions } from './options.js'
import { judge, judgeIdle, type RetireReason } from './retirement.js'
import type { Held, SlotIn } from './slot.js'
import type { Slots } from './slots.js'
import type { Counters } from './stats.js'

/**
 * How long what was judged at its return needs no other judgement, ms, by the wall clock alone. A clock that was set back would have to
 * land within it to deceive.
 */
const FRESH_MILLIS = 2

/** What is known about the life of resources: which must not be lent again, and which must give a sign of life first. */
export class Fitness<R> {
  readonly #connector: GuardedConnector<R>
  readonly #options: ResourcePoolOptions
  readonly #counters: Counters
  readonly #slots: Slots<R>
  readonly #freshMillis: number
  /** Grows whenever something happened that may have killed resources unseen: each must then prove itself again. */
  #suspicions = 0

  constructor(connector: GuardedConnector<R>, options: ResourcePoolOptions, counters: Counters, slots: Slots<R>) {
    this.#connector = connector
    this.#options = options
    this.#counters = counters
    this.#slots = slots
    this.#freshMillis = Math.min(FRESH_MILLIS, options.validationBypassMillis, options.idleTimeoutMillis)
  }

  /** How many suspicions there were so far: what a sign of life that is asked for now will stand against. */
  get suspicions(): number {
    return this.#suspicions
  }

  suspectAll(): void {
    this.#suspicions += 1
  }

  /** Whether something may have killed it since it was proven, however young the proof is. */
  isSuspect(held: Held<R>): boolean {
    const trustsAlways = this.#options.validationBypassMillis === Number.POSITIVE_INFINITY
    return !trustsAlways && held.provenAgainst !== this.#suspicions
  }

  needsProof(held: Held<R>, now: Instant): boolean {
    return this.isSuspect(held) || elapsedMillis(held.provenAt, now) >= this.#options.validationBypassMillis
  }

  /** Why a resource must not be lent again once it is back. */
  unfit(held: Held<R>, now: Instant): RetireReason | undefined {
    return judge(held, now, this.#counters.generation, this.#options)
  }

  /** Why an idle resource must not be lent again. The idle timeout spares `min` of them. */
  unfitIdle({ state: { held, since } }: SlotIn<R, 'idle'>, now: Instant): RetireReason | undefined {
    const reason = judgeIdle(held, since, now, this.#counters.generation, this.#options)
    return reason === 'idle' && this.#slots.staying <= this.#options.min ? undefined : reason
  }

  /** Whether one that has rested since its last sign of life, when it was fit, may be lent as it is. */
  isFitAsItIs(held: Held<R>): boolean {
    const { clock } = this.#options
    const restedMillis = clock.wall() - held.provenAt.wall
    if (restedMillis >= 0 && restedMillis < this.#freshMillis) return true
    const now = clock.now()
    if (this.needsProof(held, now)) return false
    return judgeIdle(held, held.provenAt, now, this.#counters.generation, this.#options) === undefined
  }

  /** Takes note of the last sign of life that a returned resource gave to its borrower. */
  noteSign(held: Held<R>, now: Instant): void {
    // Whatever was suspected meanwhile stays suspected: nobody knows which of the two came first.
    held.provenAt = this.#connector.lastSign(held.resource, now) ?? held.provenAt
  }
}
