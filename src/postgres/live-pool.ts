import { isDeepStrictEqual } from 'node:util'
import { systemClock } from '../pool/clock.js'
import type { LivePool } from '../registry/environment.js'
import type { CredentialSource } from './connection/credentials.js'
import type { PgConnector } from './connection/pg-connector.js'
import type { ResolvedOptions } from './options/options.js'
import { readOptions } from './options/stock-values.js'
import type { Borrowing } from './query/borrowing.js'

/** How long the end of a call waits for connections that it has asked for and that are to be kept, ms. A usual connect is done by then. */
const LONGEST_DIAL_MILLIS = 100

/** As many calls as the keep policy looks at, the one that is under way not counted. */
const MOST_REMEMBERED = 2

/** The side of a pool that the environment works with. */
export function livePool(
  face: object,
  borrowing: Borrowing,
  connector: PgConnector,
  credentials: CredentialSource | undefined,
  { name, pooling, min, leaseMillis, lingerMillis }: ResolvedOptions,
  given: { readonly min?: number | undefined },
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
    leaseMillis,
    lingerMillis,
    get isOpen() {
      return !pool.ended
    },
    madeWith: (others) => isDeepStrictEqual(readOptions(others), given),
    wake: (invocation) => {
      credentials?.refreshAhead()
      borrowing.begun(invocation)
      if (pool.mostWanted > 0) held = [...held, pool.mostWanted].slice(-MOST_REMEMBERED)
      pool.countWantedAnew()
      pool.wake()
    },
    trim: (keep) => pool.trim(keep),
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
