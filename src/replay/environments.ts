/** One call of a function: when it came and how long it ran, ms. */
export interface Call {
  readonly at: number
  readonly millis: number
}

/** What Lambda does with environments, as far as it is known; times in ms. */
const RECLAIMED_IDLE_MILLIS = 360_000
const RECLAIMED_AGE_MILLIS = 3 * 3_600_000
/** How far both lie apart, as a part of them, to either side. */
const SPREAD = 0.25
const COLD_START_MILLIS = 300

/** One environment of a function: how long it lay between each two of its calls, ms. After the last one it was reclaimed without a word. */
export interface History {
  readonly gapsMillis: readonly number[]
}

interface Live {
  readonly gapsMillis: number[]
  readonly bornAt: number
  readonly idleMillis: number
  readonly ageMillis: number
  quietAt: number
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
  let live: Live[] = []
  for (const { at, millis } of calls) {
    live = live.filter((it) => it.quietAt > at || at <= goneAt(it))
    const last = latest(live.filter((it) => it.quietAt <= at))
    if (last === undefined) {
      const [idleMillis, ageMillis] = [about(RECLAIMED_IDLE_MILLIS), about(RECLAIMED_AGE_MILLIS)]
      const quietAt = at + COLD_START_MILLIS + millis
      const started = { gapsMillis: [], bornAt: at, idleMillis, ageMillis, quietAt }
      live.push(started)
      all.push(started)
    } else {
      last.gapsMillis.push(at - last.quietAt)
      last.quietAt = at + millis
    }
  }
  return all
}

function goneAt({ quietAt, bornAt, idleMillis, ageMillis }: Live): number {
  return Math.min(quietAt + idleMillis, Math.max(quietAt, bornAt + ageMillis))
}

function latest(idle: readonly Live[]): Live | undefined {
  let last: Live | undefined
  for (const one of idle) if (last === undefined || one.quietAt > last.quietAt) last = one
  return last
}
