import type { Alarm } from './alarm.js'
import { type Clock, elapsedMillis } from './clock.js'
import type { Supply } from './supply.js'

/**
 * Closes what has been idle for too long, for processes that don't freeze. One alert, for the one that is idle longest; correctness
 * doesn't depend on it, since each is judged again before it is lent.
 */
export class IdleExpiry<R> {
  readonly #supply: Supply<R>
  readonly #alarm: Alarm
  readonly #clock: Clock
  readonly #timeoutMillis: number
  readonly #min: number
  readonly #settle: () => void
  #isWatching = false

  constructor(supply: Supply<R>, alarm: Alarm, clock: Clock, timeoutMillis: number, min: number, settle: () => void) {
    this.#supply = supply
    this.#alarm = alarm
    this.#clock = clock
    this.#timeoutMillis = timeoutMillis
    this.#min = min
    this.#settle = settle
  }

  /** To be called when a resource becomes idle. */
  watch(): void {
    if (!this.#isWatching && this.#timeoutMillis !== Number.POSITIVE_INFINITY) this.#watchFor(this.#timeoutMillis)
  }

  #watchFor(millis: number): void {
    this.#isWatching = true
    this.#alarm.set(millis, () => this.#expire(), 'lets-exit')
  }

  /** The chain of idle ones is in the order of their ages: those that have to go stand in front. */
  #expire(): void {
    this.#isWatching = false
    this.#settle()
    const now = this.#clock.now()
    const { slots } = this.#supply
    let oldest = slots.oldest('idle')
    while (oldest !== undefined && this.#supply.retireUnfit(oldest, now)) oldest = slots.oldest('idle')
    if (oldest === undefined || slots.staying <= this.#min) return
    this.#watchFor(this.#timeoutMillis - elapsedMillis(oldest.state.since, now))
  }
}
