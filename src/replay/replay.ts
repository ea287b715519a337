import type { History } from './environments.js'

/** Decides for one environment, whose every call holds one connection. */
export interface Policy {
  /** The lease of a connection that is opened now, ms. */
  dial(gapsMillis: readonly number[]): number
  /** Whether it survives the end of the call. */
  keeps(gapsMillis: readonly number[], leaseMillis: number, calls: number): boolean
}

/** What a policy comes to. */
export interface Outcome {
  /** Calls that were not their environment's first. */
  readonly warm: number
  /** Those of them that found a connection that was open. */
  readonly reused: number
  /** How long sessions were idle at the database, those included whose environment was gone, ms. */
  readonly idleMillis: number
}

/** How many gaps a policy is told, newest last. */
const TOLD_GAPS = 32

/** A connection that is needed so shortly before its lease is over is not certain to be there, ms. */
const MARGIN_MILLIS = 1000

/** Replays environments with a policy: what is kept stays until the next call or the end of its lease. */
export function replay(histories: Iterable<History>, { dial, keeps }: Policy): Outcome {
  let [warm, reused, idleMillis] = [0, 0, 0]
  for (const { gapsMillis } of histories) {
    let lease = dial([])
    for (let call = 0; call <= gapsMillis.length; call += 1) {
      const isKept = keeps(gapsMillis.slice(Math.max(0, call - TOLD_GAPS), call), lease, call + 1)
      const gap = gapsMillis[call] ?? Infinity
      if (isKept) idleMillis += Math.min(gap, lease)
      if (gap === Infinity) break
      warm += 1
      if (isKept && gap <= lease - MARGIN_MILLIS) reused += 1
      else lease = dial(gapsMillis.slice(Math.max(0, call + 1 - TOLD_GAPS), call + 1))
    }
  }
  return { warm, reused, idleMillis }
}

/** What sessions and connects cost together, where a connect is worth so much idle time. */
export function cost({ warm, reused, idleMillis }: Outcome, connectMillis: number): number {
  return idleMillis + connectMillis * (warm - reused)
}

/** The same of somebody who knows how long each gap will be. */
export function leastCost(histories: Iterable<History>, connectMillis: number): number {
  let sum = 0
  for (const { gapsMillis } of histories) for (const gap of gapsMillis) sum += Math.min(gap, connectMillis)
  return sum
}
