import { type Clock, elapsedMillis, type Instant } from './clock.js'

const BASE_MILLIS = 50
/** What a fleet may lose when the database is back; one prober for each environment is no storm. */
const CEILING_MILLIS = 500

/**
 * When to dial again after a transient failure. While it holds, one dial at a time may probe; the pauses have full jitter
 * (anything from nothing to the doubled step), so that a fleet whose database comes back doesn't return in step.
 */
export class Backoff {
  readonly #clock: Clock
  readonly #random: () => number
  #round = 0
  #pause: { readonly since: Instant; readonly millis: number } | undefined

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  /** Failed rounds since the last success. A dial remembers the round in which it started. */
  get round(): number {
    return this.#round
  }

  /** How long until the next probe may start, ms. */
  remainingMillis(): number {
    if (this.#pause === undefined) return 0
    return Math.max(0, this.#pause.millis - elapsedMillis(this.#pause.since, this.#clock.now()))
  }

  /** A dial that started in `round` failed. Of those that failed together only the first makes the pause longer. */
  failed(round: number): void {
    if (round < this.#round) return
    const step = Math.min(CEILING_MILLIS, BASE_MILLIS * 2 ** this.#round)
    this.#round += 1
    this.#pause = { since: this.#clock.now(), millis: this.#random() * step }
  }

  reset(): void {
    this.#round = 0
    this.#pause = undefined
  }
}
