import { LEASES_MILLIS, USUAL_LEASE_MILLIS } from '../postgres/connection/session/lease.js'
import type { Pooling } from '../registry/environment.js'

/** How Lambda initialised the environment (`AWS_LAMBDA_INITIALIZATION_TYPE`). */
export type InitializationType = 'on-demand' | 'provisioned-concurrency' | 'snap-start'

/** What the keep policy decides from. */
export interface Observations {
  /** The pool's option. */
  readonly pooling: Pooling
  /** Idle connections that may survive, where the user has said so. */
  readonly min: number | undefined
  /** Most connections that each of the last calls which used the pool held at once, newest last; the policy looks at three. */
  readonly held: readonly number[]
  readonly initialization: InitializationType
  /** Invocations of this environment so far, the one that ends included. */
  readonly invocations: number
  /** The last gaps between the environment's invocations, newest last, ms. */
  readonly gapsMillis: readonly number[]
}

/** How many idle connections survive a freeze, and which: those whose lease is worth it. */
export interface Keeping {
  readonly most: number
  /** `leaseMillis`: how long the server keeps an idle session, ms; `Infinity` without a lease. */
  isWorth(leaseMillis: number): boolean
}

/** How many gaps are worth remembering. */
export const REMEMBERED_GAPS = 32

/** How many calls say how many connections one needs. */
const REMEMBERED_CALLS = 3

/** How many gaps that all outlasted the lease say that the next one will, ever since. */
const TOO_SLOW = 3

/** What a connect is worth: so many ms of a session that sits idle. */
const CONNECT_MILLIS = 75_000

/** What a gap still counts for with each that comes after it. */
const FADING = 0.95

/** A connection that is needed so shortly before its lease is over is not certain to be there, ms. */
const MARGIN_MILLIS = 1000

/** Whether a connection that was idle for so long is certain to be there. */
export function fits(gapMillis: number, leaseMillis: number): boolean {
  return gapMillis <= leaseMillis - MARGIN_MILLIS
}

/**
 * What a lease has been worth, ms: each gap that fitted it saved a connect, at the cost of a session that sat idle meanwhile; each that did
 * not cost the whole lease. Later gaps count for more. Without any, it owes half of itself, since most environments are not called again.
 */
export function credit(gapsMillis: readonly number[], leaseMillis: number): number {
  let sum = 0
  for (const gap of gapsMillis) {
    sum = FADING * sum + (fits(gap, leaseMillis) ? CONNECT_MILLIS - gap : -leaseMillis)
  }
  return sum - leaseMillis / 2
}

/**
 * The lease of a connection that is dialled now: the one most in credit, or else the usual one. Never shorter than the invocation can last
 * (`withinMillis`), during which its borrower may leave it idle, as far as the usual one is not.
 */
export function leaseToDial(gapsMillis: readonly number[], withinMillis: number): number {
  let best = { lease: USUAL_LEASE_MILLIS, credit: 0 }
  for (const lease of LEASES_MILLIS) {
    const its = credit(gapsMillis, lease)
    if (its > best.credit && lease >= Math.min(withinMillis, USUAL_LEASE_MILLIS)) best = { lease, credit: its }
  }
  return best.lease
}

/**
 * What survives the freeze that is about to come: `min`, or without one as many as each of the last three calls held at once, so that a call
 * opens nothing that its predecessors needed too.
 *
 * - `never`: nothing.
 * - `always`: so many.
 * - `auto`: so many once the environment has proved that it is called again, or was made to be (provisioned concurrency);
 *   nothing of a cold one, since most environments of a burst are never called again. With a `min` of the user's until the last
 *   gaps all outlasted the lease; without one while the lease is in credit.
 */
export function connectionsToKeep(seen: Observations): Keeping {
  const { pooling, min, held, initialization, gapsMillis } = seen
  if (pooling === 'never') return { most: 0, isWorth: () => false }
  const most = min ?? Math.min(...(held.length > 0 ? held.slice(-REMEMBERED_CALLS) : [1]))
  if (pooling === 'always' || initialization === 'provisioned-concurrency') return { most, isWorth: () => true }
  if (seen.invocations < 2) return { most: 0, isWorth: () => false }
  const last = gapsMillis.slice(-TOO_SLOW)
  const isWorth =
    min === undefined
      ? (lease: number) => lease === Infinity || credit(gapsMillis, lease) > 0
      : (lease: number) => last.length < TOO_SLOW || last.some((gap) => gap < lease)
  return { most, isWorth }
}
