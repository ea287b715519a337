import { type Clock, elapsedMillis, type Instant, type Timer } from './clock.js'

/** Something that is due after a while. Cancelling it, or its ring, ends it. */
export interface Alert {
  /** Idempotent. */
  cancel(): void
}

/** Whether an alert may keep the process alive until it rings: only where somebody waits for it. */
export type Patience = 'keeps-process' | 'lets-exit'

/**
 * All the time limits of a pool on one timer.
 *
 * An alert is due when either clock says so, but the timer runs on the monotonic one alone: after a freeze the owner calls
 * {@link Alarm.sweep}, which rings whatever fell due while the process slept. Until then nothing is lost, because everything that
 * matters is also judged from stored facts where it is used.
 */
export class Alarm {
  readonly #clock: Clock
  /**
   * Binary heap by the monotonic due time, then by the order in which they were set; each alert knows its place, so that
   * cancelling does not search.
   */
  readonly #heap: PendingAlert[] = []
  #timer: { readonly timer: Timer; readonly due: number } | undefined
  /** How many pending alerts keep the process alive; the timer is referenced while there is one. */
  #keeping = 0
  #alertsSet = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get pending(): number {
    return this.#heap.length
  }

  /** Rings once after `millis`; never when that is `Infinity`. */
  set(millis: number, ring: () => void, patience: Patience): Alert {
    if (millis === Number.POSITIVE_INFINITY) return never
    this.#alertsSet += 1
    const alert = new PendingAlert(this.#clock.now(), millis, this.#alertsSet, ring, patience, (it) => this.#cancel(it))
    alert.place = this.#heap.length
    this.#heap.push(alert)
    this.#lift(alert)
    if (patience === 'keeps-process') {
      this.#keeping += 1
      if (this.#keeping === 1) this.#timer?.timer.ref()
    }
    if (this.#heap[0] === alert) this.#arm()
    return alert
  }

  /** Rings all that is due by either clock. Called after a sleep, when the heap's order by one clock says too little. */
  sweep(): void {
    const now = this.#clock.now()
    const due = this.#heap.filter((alert) => alert.isDue(now)).sort((one, other) => (one.precedes(other) ? -1 : 1))
    for (const alert of due) this.#ring(alert)
    this.#arm()
  }

  /** No timer is left afterwards; alerts that are pending stay silent. */
  stop(): void {
    for (const alert of this.#heap) alert.place = DETACHED
    this.#heap.length = 0
    this.#keeping = 0
    this.#disarm()
  }

  #onTimer(): void {
    this.#timer = undefined
    const now = this.#clock.now()
    for (let first = this.#heap[0]; first?.isDue(now); first = this.#heap[0]) this.#ring(first)
    this.#arm()
  }

  #ring(alert: PendingAlert): void {
    if (alert.place === DETACHED) return
    this.#cancel(alert)
    alert.ring()
  }

  #cancel(alert: PendingAlert): void {
    if (alert.place === DETACHED) return
    const last = this.#heap.pop()
    if (last !== undefined && last !== alert) {
      last.place = alert.place
      this.#heap[last.place] = last
      this.#lift(last)
      this.#sink(last)
    }
    alert.place = DETACHED
    if (alert.patience === 'keeps-process') {
      this.#keeping -= 1
      if (this.#keeping === 0) this.#timer?.timer.unref()
    }
    // The timer stays: it rings early at worst, and setting a timer per waiter would cost more than that.
  }

  #arm(): void {
    const first = this.#heap[0]
    if (first === undefined) return
    if (this.#timer !== undefined && this.#timer.due <= first.due) return
    this.#disarm()
    const timer = this.#clock.setTimer(Math.max(0, first.due - this.#clock.now().monotonic), () => this.#onTimer())
    if (this.#keeping > 0) timer.ref()
    this.#timer = { timer, due: first.due }
  }

  #disarm(): void {
    this.#timer?.timer.cancel()
    this.#timer = undefined
  }

  #lift(alert: PendingAlert): void {
    while (alert.place > 0) {
      const parent = this.#heap[(alert.place - 1) >> 1]
      if (parent === undefined || parent.precedes(alert)) return
      this.#swap(alert, parent)
    }
  }

  #sink(alert: PendingAlert): void {
    for (;;) {
      const left = this.#heap[2 * alert.place + 1]
      const right = this.#heap[2 * alert.place + 2]
      const least = right !== undefined && left !== undefined && right.precedes(left) ? right : left
      if (least === undefined || alert.precedes(least)) return
      this.#swap(alert, least)
    }
  }

  #swap(one: PendingAlert, other: PendingAlert): void {
    const place = one.place
    one.place = other.place
    other.place = place
    this.#heap[one.place] = one
    this.#heap[other.place] = other
  }
}

const DETACHED = -1

class PendingAlert implements Alert {
  place = DETACHED
  readonly due: number
  readonly ring: () => void
  readonly patience: Patience
  readonly #since: Instant
  readonly #millis: number
  readonly #order: number
  readonly #detach: (alert: PendingAlert) => void

  constructor(
    since: Instant,
    millis: number,
    order: number,
    ring: () => void,
    patience: Patience,
    detach: (alert: PendingAlert) => void,
  ) {
    this.#since = since
    this.#millis = millis
    this.#order = order
    this.due = since.monotonic + millis
    this.ring = ring
    this.patience = patience
    this.#detach = detach
  }

  isDue(now: Instant): boolean {
    return elapsedMillis(this.#since, now) >= this.#millis
  }

  /** Of those that are due together, the one that was set first rings first: callers who came first are turned away first. */
  precedes(other: PendingAlert): boolean {
    return this.due === other.due ? this.#order < other.#order : this.due < other.due
  }

  cancel(): void {
    this.#detach(this)
  }
}

const never: Alert = Object.freeze({ cancel: () => {} })
