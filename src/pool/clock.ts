/** A moment on two clocks. Neither can be trusted alone: see {@link elapsedMillis}. */
export interface Instant {
  /** Wall clock, ms since the epoch. Right after a thaw, wrong when somebody sets the clock. */
  readonly wall: number
  /** Monotonic clock, ms. Never goes back, but may stand still while the process is frozen. */
  readonly monotonic: number
}

/** The pool's only source of time, so that a test can hold it in its hand. */
export interface Clock {
  now(): Instant
  /** The wall clock alone, where reading both would cost too much. */
  wall(): number
  /** Calls `ring` once after `millis`. A timer of its own must not keep the process alive unless `ref()` is called. */
  setTimer(millis: number, ring: () => void): Timer
}

/** A timer that was set on a {@link Clock}. */
export interface Timer {
  cancel(): void
  /** Lets the timer keep the process alive. */
  ref(): void
  unref(): void
}

/**
 * How long ago `since` was, in ms: the larger of what the two clocks say, and never negative. A frozen monotonic clock and a
 * wall clock that was set back can so make nothing look younger than it is.
 */
export function elapsedMillis(since: Instant, now: Instant): number {
  return Math.max(0, now.wall - since.wall, now.monotonic - since.monotonic)
}

/** Longest delay that `setTimeout` takes; a longer one would ring at once. */
const LONGEST_TIMEOUT_MILLIS = 2 ** 31 - 1

/** The clocks and timers of this process. */
export const systemClock: Clock = Object.freeze({
  now: () => ({ wall: Date.now(), monotonic: performance.now() }),
  wall: () => Date.now(),
  setTimer(millis: number, ring: () => void): Timer {
    const timeout = setTimeout(ring, Math.min(Math.ceil(millis), LONGEST_TIMEOUT_MILLIS)).unref()
    return {
      cancel: () => clearTimeout(timeout),
      ref: () => void timeout.ref(),
      unref: () => void timeout.unref(),
    }
  },
})
