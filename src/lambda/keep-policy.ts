import type { Pooling } from '../registry/environment.js'

/** How Lambda initialised the environment (`AWS_LAMBDA_INITIALIZATION_TYPE`). */
export type InitializationType = 'on-demand' | 'provisioned-concurrency' | 'snap-start' | 'lambda-managed-instances'

/** What the keep policy decides from. */
export interface Observations {
  /** The pool's option. */
  readonly pooling: Pooling
  /** Most idle connections that may survive. */
  readonly min: number
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

/**
 * How many idle connections survive the freeze that is about to come.
 *
 * - `never`: none.
 * - `always`: `min`.
 * - `auto`: `min` once the environment has proved that it is called again, or was made to be (provisioned concurrency, Managed
 *   Instances). None for a cold one, since most environments of a burst are never called again; and none where the last gaps all
 *   outlasted the lease, since the server would end the session before the next call could use it.
 */
export function connectionsToKeep(seen: Observations): number {
  switch (seen.pooling) {
    case 'never':
      return 0
    case 'always':
      return seen.min
    case 'auto':
      if (isMadeToStay(seen.initialization)) return seen.min
      return seen.invocations < 2 || gapsOutlastLease(seen) ? 0 : seen.min
  }
}

function isMadeToStay(initialization: InitializationType): boolean {
  return initialization === 'provisioned-concurrency' || initialization === 'lambda-managed-instances'
}

function gapsOutlastLease({ gapsMillis, leaseMillis }: Observations): boolean {
  return gapsMillis.length >= REMEMBERED_GAPS && gapsMillis.every((gap) => gap >= leaseMillis)
}
