import { createPool, Pool, type PoolOptions, wrapHandler } from 'pg-thaw'
import type { DatabaseAddress } from '../bench.js'
import { FakeClient } from '../contenders/fake-client.js'

export { emf } from '../../src/watch/emf.js'

/** Does it once; without a database by clients that answer at once. */
export type Doing = (database: DatabaseAddress | undefined) => () => Promise<unknown>

/** A query outside of any call. */
export const query: Doing = (database) => {
  const pool = new Pool({ ...place(database), max: 1 })
  return () => pool.query('SELECT 1')
}

type Handler = (event: object, context: object) => Promise<unknown>

/** A call that asks for a row. */
export const call: Doing = (database) => {
  const pool = createPool({ ...place(database), max: 1, pooling: 'always' })
  const handler = wrapHandler<Handler>(() => pool.query('SELECT 1'))
  let calls = 0
  return () => {
    calls += 1
    // Far away, so that a busy machine runs into no deadline.
    const end = Date.now() + 60_000
    return handler({}, { awsRequestId: String(calls), getRemainingTimeInMillis: () => end - Date.now() })
  }
}

/** Clients without a server know of no lease. */
function place(database: DatabaseAddress | undefined): PoolOptions {
  return database ?? { Client: FakeClient as unknown as NonNullable<PoolOptions['Client']>, leaseMillis: 0 }
}
