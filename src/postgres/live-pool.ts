import { isDeepStrictEqual } from 'node:util'
import { systemClock } from '../pool/clock.js'
import type { LivePool } from '../registry/environment.js'
import type { CredentialSource } from './connection/opening/credentials.js'
import type { PgConnector } from './connection/pg-connector.js'
import { leaseOf } from './connection/session/lease.js'
import type { ResolvedOptions } from './options/options.js'
import { UNNOTICED_MILLIS } from './options/resource-options.js'
import { readOptions } from './options/stock-values.js'
import type { Borrowing } from './query/borrowing/borrowing.js'

/** How long the end of a call waits for connections that it has asked for and that are to be kept, ms. A usual connect is done by then. */
const LONGEST_DIAL_MILLIS = 100

/** No device of AWS's forgets a flow of packets earlier (its documentation, "Connection tracking" and "NAT gateway timeout"), ms. */
const FORGOTTEN_MILLIS = 60_000

/** As many calls as the keep policy looks at, the one that is under way not counted. */
const MOST_REMEMBERED = 2

/** What the kernel knows of connections has been read by then: the turn in which this is asked for may have begun before the freeze. */
function twoTurns(): Promise<void> {
  return new Promise((resolve) => void setImmediate(() => setImmediate(resolve)))
}

/** The side of a pool that the environment works with. */
export function livePool(
  face: object,
  borrowing: Borrowing,
  connector: PgConnector,
  credentials: CredentialSource | undefined,
  { name, pooling, min, lingerMillis }: ResolvedOptions,
  given: { readonly min?: number | undefined },
  isWrapped: () => void,
): LivePool {
  const { pool } = borrowing
  const isMinGiven = given.min !== undefined || process.env.PG_THAW_MIN !== undefined
  let held: readonly number[] = []
  return {
    pool: face,
    name,
    pooling,
    min: isMinGiven ? min : undefined,
    get held() {
      return pool.mostWanted === 0 ? held : [...held, pool.mostWanted]
    },
    lingerMillis,
    counts() {
      const { counters, idle } = pool
      return {
        idle,
        acquires: counters.acquires,
        useMillis: counters.useMillis,
        waits: counters.waits,
        waitMillis: counters.waitMillis,
        acquireTimeouts: counters.acquireTimeouts,
        dials: counters.dials,
        dialFailures: counters.dialFailures,
        dialMillis: counters.dialMillis,
        pings: counters.pings,
        resets: counters.resets,
        unfinished: borrowing.unfinished,
        retired: { ...counters.retired },
      }
    },
    get isOpen() {
      return !pool.ended
    },
    madeWith: (others) => isDeepStrictEqual(readOptions(others), given),
    wake: (invocation, quietMillis = FORGOTTEN_MILLIS) => {
      isWrapped()
      credentials?.refreshAhead()
      borrowing.begun(invocation)
      if (pool.mostWanted > 0) held = [...held, pool.mostWanted].slice(-MOST_REMEMBERED)
      pool.countWantedAnew()
      // Silence can't be told from slowness: where it is to be expected, the ping goes ahead while the handler runs. Else it goes when the
      // connection is needed, so that a call without a database costs nothing and leaves nothing in flight.
      pool.wake(quietMillis >= FORGOTTEN_MILLIS, quietMillis < UNNOTICED_MILLIS ? twoTurns() : undefined)
    },
    trim: (keep, isWorth) => void pool.trim(keep, (client) => isWorth(leaseOf(client))),
    isBusy: (whose) => borrowing.isOut(whose),
    quiet: (whose) => borrowing.quiet(whose),
    reclaim: (whose) => borrowing.forsake(whose),
    get isRestoring() {
      return pool.isPreparing || connector.cancelled !== undefined
    },
    restored: async () => {
      const dialled = Promise.race([
        pool.whenNone('dialing'),
        new Promise<void>((late) => systemClock.setTimer(LONGEST_DIAL_MILLIS, late)),
      ])
      await Promise.all([pool.whenNone('returning'), connector.cancelled, dialled])
    },
    goodbye: async () => void (await pool.end(0)),
  }
}
