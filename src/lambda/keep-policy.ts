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
  /** How long the server keeps an idle session, ms; `Infinity` without a lease. */
  readonly leaseMillis: number
  readonly initialization: InitializationType
  /** Invocations of this environment so far, the one that ends included. */
  readonly invocations: number
  /** The last gaps between the environment's invocations, newest last, ms; the policy looks at three. */
  readonly gapsMillis: readonly number[]
}

/** How many gaps are worth remembering. */
export const REMEMBERED_GAPS = 3

/** How many calls say how many connections one needs. */
const REMEMBERED_CALLS = 3

/**
 * How many idle connections survive the freeze that is about to come: `min`, or without one as many as each of the last three calls held
 * at once, so that a call opens nothing that its predecessors needed too.
 *
 * - `never`: none.
 * - `always`: so many.
 * - `auto`: so many once the environment has proved that it is called again, or was made to be (provisioned concurrency).
 *   None for a cold one, since most environments of a burst are never called again; and none where the last gaps all
 *   outlasted the lease, since the server would end the session before the next call could use it.
 */
export function connectionsToKeep(seen: Observations): number {
  const { pooling, initialization, gapsMillis } = seen
  if (pooling === 'never') return 0
  const min = seen.min ?? Math.min(...(seen.held.length > 0 ? seen.held.slice(-REMEMBERED_CALLS) : [1]))
  if (pooling === 'always' || initialization === 'provisioned-concurrency') return min
  const isTooSlow = gapsMillis.length >= REMEMBERED_GAPS && gapsMillis.every((gap) => gap >= seen.leaseMillis)
  return seen.invocations < 2 || isTooSlow ? 0 : min
}
