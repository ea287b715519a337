import { type Clock, elapsedMillis, type Instant, NEVER, type Timer } from './clock.js'

/** A bound that rings later than this was slept through: the process was frozen, or had no turn. */
const SLEPT_MILLIS = 250

/**
 * A time limit. Rings once, unless it is cancelled before; never when it is `Infinity`. Keeps the process alive: somebody waits for it.
 *
 * One that fell due while the process slept says nothing of the other side, whose answer may lie unread in the socket: it runs once
 * more, from now on.
 */
export class Bound {
  readonly #clock: Clock
  readonly #millis: number
  readonly #ring: () => void
  #since: Instant | undefined
  #timer: Timer | undefined

  constructor(clock: Clock, millis: number, ring: () => void) {
    this.#clock = clock
    this.#millis = millis
    this.#ring = ring
    if (millis === NEVER) return
    this.#since = clock.now()
    this.#arm()
  }

  /** Idempotent. */
  cancel(): void {
    this.#timer?.cancel()
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(this.#millis, () => this.#due())
    this.#timer.ref()
  }

  #due(): void {
    const since = this.#since
    const isSlept = since !== undefined && elapsedMillis(since, this.#clock.now()) - this.#millis >= SLEPT_MILLIS
    if (!isSlept) return this.#ring()
    this.#since = undefined
    this.#arm()
  }
}

/**
 * Runs code that is not the pool's own (dial, ping, reset, close) under a time limit, and returns what ends it now as if its limit had
 * passed. `settled` is called exactly once and never before this returns, whatever the work does: throw, reject, hang, or settle after
 * its limit. A value that comes too late goes to `late`; an error that comes too late has nobody left to tell.
 */
export function bounded<T>(
  limit: readonly [clock: Clock, millis: number],
  work: () => T | PromiseLike<T>,
  settled: (outcome: Outcome<T>) => void,
  late?: (value: T) => void,
): () => void {
  let isOpen = true
  const settle = (outcome: Outcome<T>) => {
    if (!isOpen) return
    isOpen = false
    bound.cancel()
    settled(outcome)
  }
  const abandon = () => settle({ how: 'abandoned' })
  const bound = new Bound(...limit, abandon)
  const done = (value: T) => (isOpen ? settle({ how: 'done', value }) : late?.(value))
  started(work).then(done, (error: unknown) => settle({ how: 'failed', error }))
  return abandon
}

/** How bounded work ended; `abandoned` when its limit had passed first. */
export type Outcome<T> =
  | { readonly how: 'done'; readonly value: T }
  | { readonly how: 'failed'; readonly error: unknown }
  | { readonly how: 'abandoned' }

function started<T>(work: () => T | PromiseLike<T>): Promise<T> {
  try {
    return Promise.resolve(work())
  } catch (error) {
    return Promise.reject(error)
  }
}
