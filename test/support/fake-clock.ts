import type { Clock, Instant, Timer } from '../../src/pool/clock'

interface FakeTimer {
  readonly due: number
  readonly ring: () => void
  keepsProcess: boolean
}

/** Lets everything run that needs no timer: promise callbacks, next ticks, and what follows from them. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** A clock held by hand: time passes, or jumps, only when a test says so. */
export class FakeClock implements Clock {
  #wall = Date.UTC(2026, 0, 1)
  #monotonic = 1000
  readonly #timers = new Set<FakeTimer>()

  now(): Instant {
    return { wall: this.#wall, monotonic: this.#monotonic }
  }

  wall(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#monotonic
  }

  setTimer(millis: number, ring: () => void): Timer {
    const timer: FakeTimer = { due: this.#monotonic + millis, ring, keepsProcess: false }
    this.#timers.add(timer)
    return {
      cancel: () => void this.#timers.delete(timer),
      ref: () => {
        timer.keepsProcess = true
      },
    }
  }

  /** Timers that are set and have neither rung nor been cancelled. */
  get liveTimers(): number {
    return this.#timers.size
  }

  /** Whether one of them would keep a process alive. */
  get keepsProcess(): boolean {
    return [...this.#timers].some((timer) => timer.keepsProcess)
  }

  /** Both clocks run for `millis`; timers ring in order, each followed by all that it sets off. */
  async advance(millis: number): Promise<void> {
    const end = this.#monotonic + millis
    await settled()
    for (let next = this.#nextDue(end); next !== undefined; next = this.#nextDue(end)) {
      this.#pass(Math.max(0, next.due - this.#monotonic))
      this.#timers.delete(next)
      next.ring()
      await settled()
    }
    this.#pass(end - this.#monotonic)
  }

  /** Both clocks go on, but the process got no turn: timers that fell due ring at the next {@link advance}. */
  stall(millis: number): void {
    this.#pass(millis)
  }

  /** The process is frozen: the wall clock goes on, the monotonic one stands still, no timer rings. */
  freeze(millis: number): void {
    this.#wall += millis
  }

  /** Somebody sets the wall clock. */
  setWall(wall: number): void {
    this.#wall = wall
  }

  #pass(millis: number): void {
    this.#wall += millis
    this.#monotonic += millis
  }

  #nextDue(end: number): FakeTimer | undefined {
    let next: FakeTimer | undefined
    for (const timer of this.#timers) {
      if (timer.due <= end && (next === undefined || timer.due < next.due)) next = timer
    }
    return next
  }
}
