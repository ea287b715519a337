import { isDeepStrictEqual } from 'node:util'
import type { ResourcePool } from '../pool/resource-pool.js'
import type { CurrentInvocation, LivePool } from '../registry/environment.js'
import type { CredentialSource } from './connection/credential-source.js'
import type { PgClient } from './connection/pg-client.js'
import type { PgConnector } from './connection/pg-connector.js'
import type { ResolvedOptions } from './options/options.js'
import { publishLeak } from './pool-events.js'
import { Borrower } from './query/borrower.js'
import type { Deadlines } from './query/deadlines.js'
import { reclaimedError } from './query/loan.js'

/** The side of a pool that the environment works with. */
export function livePool(
  face: object,
  pool: ResourcePool<PgClient>,
  connector: PgConnector,
  deadlines: Deadlines,
  credentials: CredentialSource | undefined,
  { name, pooling, min, leaseMillis }: ResolvedOptions,
  given: object,
): LivePool {
  return {
    pool: face,
    name,
    pooling,
    min,
    leaseMillis,
    get isOpen() {
      return !pool.ended
    },
    madeWith: (options) => isDeepStrictEqual({ ...options }, given),
    wake: () => {
      credentials?.refreshAhead()
      pool.wake()
    },
    trim: (keep) => void pool.trim(keep),
    reclaim: (isOver) => {
      deadlines.clear()
      reclaim(face, pool, isOver)
    },
    get isRestoring() {
      return pool.gauges().returning > 0 || connector.cancelled !== undefined
    },
    restored: async () => {
      await Promise.all([pool.restored(), connector.cancelled])
    },
    goodbye: async () => {
      const ended = pool.end(0)
      // Not left to the timer of `end`: the process may have no further turn.
      pool.reclaim()
      await ended
    },
  }
}

/** Ends what borrowers of invocations that are over still hold or wait for. What was acquired outside of any is left alone. */
function reclaim(face: object, pool: ResourcePool<PgClient>, isOver: (invocation: CurrentInvocation) => boolean): void {
  const isLeft = (label: unknown): label is Borrower =>
    label instanceof Borrower && label.invocation !== undefined && isOver(label.invocation)
  pool.turnAway(
    (label) => {
      const left = isLeft(label)
      if (left) label.forget()
      return left
    },
    () => reclaimedError(undefined),
  )
  for (const checkout of pool.reclaim(isLeft)) {
    if (checkout.label instanceof Borrower) checkout.label.forget()
    publishLeak(face, checkout, false)
  }
}
