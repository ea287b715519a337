import { channel } from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import type { Checkout } from '../pool/checkout.js'
import type { PoolObserver } from '../pool/observer.js'
import type { PgClient } from './connection/pg-client.js'
import { Borrower } from './query/borrower.js'

/** Where listeners of the whole process hear of pools: what leaked, and what their own listeners threw. */
const LEAKS = channel('pg-thaw:leak')
const FAULTS = channel('pg-thaw:fault')

/** What `pg-thaw:leak` publishes. */
export interface LeakReport {
  readonly pool: object
  /** Stack of the code that acquired it, with the option `leakDetection`. */
  readonly acquiredAt: string | undefined
  /** False when it was taken back at the end of its invocation, true when it was released after that. */
  readonly returned: boolean
}

/**
 * Tells pg.Pool's events, in its order and with its arguments, and lets idle connections not keep the process. What listeners
 * throw is published, and harms nobody.
 */
export function poolEvents(pool: EventEmitter, allowExitOnIdle: boolean): PoolObserver<PgClient> {
  // A client of another make may not have these.
  const ref = (client: Partial<PgClient>) => allowExitOnIdle && client.ref?.()
  const unref = (client: Partial<PgClient>) => allowExitOnIdle && client.unref?.()
  return {
    dialled: (client) => pool.emit('connect', client),
    acquired: (client) => {
      ref(client)
      pool.emit('acquire', client)
    },
    released: (client, discard) => pool.emit('release', discard || undefined, client),
    idle: unref,
    retired: (client) => pool.emit('remove', client),
    lostIdle: (client, error) => {
      if (pool.listenerCount('error') > 0) pool.emit('error', Object.assign(error, { client }), client)
    },
    returnedLate: (checkout) => publishLeak(pool, checkout, true),
    fault: (error) => FAULTS.publish({ pool, error }),
  }
}

export function publishLeak(pool: object, { label }: Checkout<PgClient>, returned: boolean): void {
  if (!LEAKS.hasSubscribers) return
  const acquiredAt = label instanceof Borrower ? label.acquiredAt : undefined
  LEAKS.publish({ pool, acquiredAt, returned } satisfies LeakReport)
}
