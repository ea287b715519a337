import { type Clock, elapsedMillis, type Instant } from '../../pool/clock.js'
import { codeOf } from '../../pool/errors.js'

const REFUSED = new Set([
  '28P01', // invalid_password
  '28000', // invalid_authorization_specification
])

/** Whether a server refused a dial for who signs in, so that other credentials may help. */
export function isRefusal(error: unknown): boolean {
  const code = codeOf(error)
  return code !== undefined && REFUSED.has(code)
}

const BASE_MILLIS = 1000
const CEILING_MILLIS = 10_000

interface Refused {
  readonly error: unknown
  readonly round: number
  readonly since: Instant
  readonly millis: number
  /** Whether an attempt is under way that was let through after the pause. */
  readonly isProbing: boolean
}

/**
 * When to sign in again after a refusal that fresh credentials did not help. Each attempt is one more for the server to count, and
 * accounts are locked by such counts: so one at a time, and ever more seldom (with jitter), until one is accepted.
 */
export class RefusalPause {
  readonly #clock: Clock
  readonly #random: () => number
  #refused: Refused | undefined

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
  }

  /** Why the last attempt was refused, if none was accepted since. */
  get cause(): unknown {
    return this.#refused?.error
  }

  get isOver(): boolean {
    return this.#refused === undefined || elapsedMillis(this.#refused.since, this.#clock.now()) >= this.#refused.millis
  }

  get isNeeded(): boolean {
    return this.#refused !== undefined
  }

  /** Attempts that were under way together are refused together, and make the pause no longer. */
  refused(error: unknown): void {
    const last = this.#refused
    if (last !== undefined && !last.isProbing && !this.isOver) return
    const round = (last?.round ?? 0) + 1
    this.#refused = { error, round, since: this.#clock.now(), millis: this.#millis(round), isProbing: false }
  }

  /** The next attempt is made now: whoever comes while it is under way is too early. */
  probe(): void {
    if (this.#refused !== undefined) this.#refused = { ...this.#refused, since: this.#clock.now(), isProbing: true }
  }

  accepted(): void {
    this.#refused = undefined
  }

  #millis(round: number): number {
    const step = Math.min(CEILING_MILLIS, BASE_MILLIS * 2 ** (round - 1))
    return step * (0.5 + this.#random() / 2)
  }
}
