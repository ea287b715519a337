/** A moment on two clocks. Neither can be trusted alone: see {@link elapsedMillis}. */
export interface Instant {
  /** Wall clock, ms since the epoch. Right after a thaw, wrong when somebody sets the clock. */
  readonly wall: number
  /** Monotonic clock, ms. Never goes back, but may stand still while the process is frozen. */
  readonly monotonic: number
}

/** The time limit that is none. */
export const NEVER = Number.POSITIVE_INFINITY

/** The pool's only source of time, so that a test can hold it in its hand. */
export interface Clock {
  now(): Instant
  /** Its two halves, for where each loan reads them. */
  wall(): number
  monotonic(): number
  /** Calls `ring` once after `millis`. The timer must not keep the process alive unless `ref()` is called. */
  setTimer(millis: number, ring: () => void): Timer
}

/** A timer that was set on a {@link Clock}. */
export interface Timer {
  cancel(): void
  ref(): void
}

/** How long ago `since` was, in ms: the larger of what the two clocks say, so that nothing looks younger than it is, and never negative. */
export function elapsedMillis(since: Instant, now: Instant): number {
  return Math.max(0, now.wall - since.wall, now.monotonic - since.monotonic)
}

/** Longest delay that `setTimeout` takes; a longer one would ring at once. */
const LONGEST_TIMEOUT_MILLIS = 2 ** 31 - 1

/** The clocks and timers of this process. */
export const systemClock: Clock = {
  now: () => ({ wall: Date.now(), monotonic: performance.now() }),
  wall: Date.now,
  monotonic: performance.now.bind(performance),
  setTimer(millis, ring) {
    const timeout = setTimeout(ring, Math.min(Math.ceil(millis), LONGEST_TIMEOUT_MILLIS)).unref()
    return { cancel: () => clearTimeout(timeout), ref: () => void timeout.ref() }
  },
}
