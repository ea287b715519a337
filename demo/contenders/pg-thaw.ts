import { createPool, wrapHandler } from 'pg-thaw'
import { connectionTimeoutMillis, handlerWith, idleLimitMillis, maxConnections } from './function'

const pool = createPool({
  max: maxConnections,
  min: 1,
  connectionTimeoutMillis,
  leaseMillis: idleLimitMillis,
})

/** The same pool in module scope, and the wrapper that tells it about calls. */
export const handler = wrapHandler(
  handlerWith(async (work) => {
    const client = await pool.connect()
    try {
      await work(client)
      client.release()
    } catch (error) {
      client.release(true)
      throw error
    }
  }),
)
