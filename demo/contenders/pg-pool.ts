import { Pool } from 'pg'
import { connectionTimeoutMillis, handlerWith, idleLimitMillis, maxConnections } from './function'

const pool = new Pool({
  max: maxConnections,
  connectionTimeoutMillis,
  // At its default of 10 s it would still hold, after the lull, sessions that the server has closed.
  idleTimeoutMillis: idleLimitMillis,
})
pool.on('error', () => {})

/** A pool in module scope, the way node-postgres documents it, with its error listener, and limits on everything. */
export const handler = handlerWith(async (work) => {
  const client = await pool.connect()
  try {
    await work(client)
    client.release()
  } catch (error) {
    // A connection that failed is not kept.
    client.release(true)
    throw error
  }
})
