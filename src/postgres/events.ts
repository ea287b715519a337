import type { Pool as PgPool } from 'pg'
import type { PoolObserver } from '../pool/connector.js'
import { ACQUIRE, begin, CONNECT, FAULT, PING, RELEASE, RESET, RETIRE } from '../registry/channels.js'
import type { PgClient } from './connection/pg-client.js'
import { type Log, removalText } from './log.js'
import type { ResolvedOptions } from './options/options.js'
import { borrowerOf } from './query/borrowing/borrower.js'
import { publishLeak, warnOfDirtyReturn } from './query/borrowing/reports.js'

/**
 * Tells pg.Pool's events, in its order and with its arguments, and lets idle connections not keep the process. What listeners
 * throw is published, and harms nobody.
 */
export function observing(
  pool: PgPool,
  { allowExitOnIdle }: ResolvedOptions,
  log: Log | undefined,
): PoolObserver<PgClient> {
  const timed = { acquire: ACQUIRE, connect: CONNECT, ping: PING }
  return {
    begins: (what) => begin(timed[what], pool),
    retiring(_client, reason) {
      const text = log && removalText(reason)
      if (text) log?.(text)
      if (RETIRE.hasSubscribers) RETIRE.publish({ pool, reason })
    },
    dialled(client) {
      // From then on whoever has it keeps the process alive with it.
      if (allowExitOnIdle) client.unref?.()
      pool.emit('connect', client)
    },
    acquired: pool.emit.bind(pool, 'acquire'),
    released: pool.emit.bind(pool, 'release'),
    uses: RELEASE,
    used: (useMillis) => RELEASE.publish({ pool, useMillis }),
    retired: (client) => pool.emit('remove', client),
    lostIdle(client, error) {
      if (pool.listenerCount('error') > 0) pool.emit('error', Object.assign(error, { client }), client)
    },
    returnedDirty({ resource, label }, condition) {
      if (RESET.hasSubscribers) RESET.publish({ pool, condition })
      warnOfDirtyReturn(resource, label)
    },
    returnedLate: ({ label }) => publishLeak(pool, borrowerOf(label), true),
    fault: (error) => FAULT.publish({ pool, error }),
  }
}
