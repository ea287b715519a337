import { fits, REMEMBERED_GAPS } from '../lambda/keep-policy.js'
import type { History } from './environments.js'

/** Decides for one environment, whose every call holds one connection. Gaps are those between its calls, newest last, ms. */
export interface Policy {
  /** The lease of a connection that is opened now, ms. */
  dial(gapsMillis: readonly number[]): number
  /** Whether it survives the end of the call. */
  keeps(gapsMillis: readonly number[], leaseMillis: number, calls: number): boolean
}

/** What a policy comes to. */
export interface Outcome {
  /** Calls that were not their environment's first, and those of them that found a connection that was open. */
  warm: number
  reused: number
  /** How long sessions were idle at the database, those included whose environment was gone, ms. */
  idleMillis: number
}

/**
 * Replays environments with a policy: what is kept stays until the next call or the end of its lease. `idle` hears of each session that was
 * idle, from when to when.
 */
export function replay(
  histories: Iterable<History>,
  { dial, keeps }: Policy,
  idle: (from: number, to: number) => void = () => {},
): Outcome {
  const outcome = { warm: 0, reused: 0, idleMillis: 0 }
  for (const { begins, ends } of histories) {
    const gapsMillis: number[] = []
    let lease = dial(gapsMillis)
    for (const [at, end] of ends.entries()) {
      const isKept = keeps(gapsMillis, lease, at + 1)
      const gap = (begins[at + 1] ?? Infinity) - end
      if (isKept) {
        outcome.idleMillis += Math.min(gap, lease)
        idle(end, end + Math.min(gap, lease))
      }
      if (gap === Infinity) break
      outcome.warm += 1
      gapsMillis.push(gap)
      if (gapsMillis.length > REMEMBERED_GAPS) gapsMillis.shift()
      if (isKept && fits(gap, lease)) outcome.reused += 1
      else lease = dial(gapsMillis)
    }
  }
  return outcome
}

/** What sessions and connects cost together, where a connect is worth so much time of an idle session; ms. */
export function costOf({ warm, reused, idleMillis }: Outcome, connectMillis: number): number {
  return idleMillis + connectMillis * (warm - reused)
}

/** The same of somebody who knows how long each gap will be. */
export function leastCost(histories: Iterable<History>, connectMillis: number): number {
  let sum = 0
  for (const { begins, ends } of histories) {
    for (let at = 1; at < begins.length; at += 1) {
      sum += Math.min((begins[at] as number) - (ends[at - 1] as number), connectMillis)
    }
  }
  return sum
}
