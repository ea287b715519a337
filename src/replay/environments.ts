/** One call of a function: when it came, ms since the epoch or anything else, and how long it ran, ms. */
export interface Call {
  readonly at: number
  readonly millis: number
}

/** One environment of a function: when each of its calls came and was over, ms. After the last one it was reclaimed without a word. */
export interface History {
  readonly begins: readonly number[]
  readonly ends: readonly number[]
}

/** What Lambda does with environments, as far as it is known; ms. */
const RECLAIMED_IDLE_MILLIS = 360_000
const RECLAIMED_AGE_MILLIS = 3 * 3_600_000
/** How far both lie apart, as a part of them, to either side. */
const SPREAD = 0.25
const COLD_START_MILLIS = 300

interface Live {
  readonly begins: number[]
  readonly ends: number[]
  readonly idleMillis: number
  readonly ageMillis: number
}

/**
 * The environments that a function's calls would have had. A call goes to the one that was used last and is idle; where none is, a new one
 * starts. One is reclaimed when it has been idle for about 6 minutes or, idle, past an age of about 3 hours.
 *
 * @param calls in the order in which they came
 * @param random from 0 up to 1, like `Math.random`
 */
export function environmentsOf(calls: Iterable<Call>, random: () => number): History[] {
  const about = (millis: number) => millis * (1 - SPREAD + 2 * SPREAD * random())
  const all: Live[] = []
  /** Whoever is to be over first, last. */
  const busy: Live[] = []
  /** Whoever was used last, last. */
  const idle: Live[] = []
  for (const { at, millis } of calls) {
    for (let next = busy.at(-1); next !== undefined && endOf(next) <= at; next = busy.at(-1)) {
      idle.push(next)
      busy.pop()
    }
    let taken = idle.pop()
    while (taken !== undefined && at > goneAt(taken)) taken = idle.pop()
    const isCold = taken === undefined
    if (taken === undefined) {
      taken = { begins: [], ends: [], idleMillis: about(RECLAIMED_IDLE_MILLIS), ageMillis: about(RECLAIMED_AGE_MILLIS) }
      all.push(taken)
    }
    taken.begins.push(at)
    taken.ends.push(at + millis + (isCold ? COLD_START_MILLIS : 0))
    putInOrder(busy, taken)
  }
  return all
}

function endOf({ ends }: History): number {
  return ends.at(-1) ?? 0
}

function goneAt(environment: Live): number {
  const { begins, idleMillis, ageMillis } = environment
  const quietAt = endOf(environment)
  return Math.min(quietAt + idleMillis, Math.max(quietAt, (begins[0] ?? 0) + ageMillis))
}

function putInOrder(busy: Live[], one: Live): void {
  const end = endOf(one)
  let [from, to] = [0, busy.length]
  while (from < to) {
    const middle = (from + to) >> 1
    if (endOf(busy[middle] as Live) > end) from = middle + 1
    else to = middle
  }
  busy.splice(from, 0, one)
}
