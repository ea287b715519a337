import { type Clock, elapsedMillis, type Instant } from './clock.js'

/** The first step of the pauses and the last, ms: while the other side is away, so that a fleet loses little when it is back… */
const AWAY = { base: 50, ceiling: 500 }
/** …and while it is full, where each attempt costs it a process. */
const CROWDED = { base: 200, ceiling: 2000 }

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
  failed(round: number, isCrowded = false): void {
    if (round < this.#round) return
    const { base, ceiling } = isCrowded ? CROWDED : AWAY
    const step = Math.min(ceiling, base * 2 ** this.#round)
    this.#round += 1
    this.#pause = { since: this.#clock.now(), millis: this.#random() * step }
  }

  reset(): void {
    this.#round = 0
    this.#pause = undefined
  }
}
