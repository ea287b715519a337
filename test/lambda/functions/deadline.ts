import { createPool, type PoolOptions, wrapHandler } from 'pg-thaw'

/** What a call does with the database. */
export interface Asked {
  readonly slow?: 'query' | 'transaction' | 'client'
}

/** How that ended. */
export interface Told {
  readonly pid: number
  readonly code?: string
  readonly retry?: string
  /** Of a query after that, in the same call. */
  readonly afterwards?: string
}

const pool = createPool(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions)
const SLOW = 'SELECT pg_sleep(30)'

export const handler = wrapHandler(async ({ slow }: Asked): Promise<Told> => {
  const { rows } = await pool.query('SELECT pg_backend_pid() AS pid')
  const { pid } = rows[0]
  try {
    if (slow === 'query') await pool.query(SLOW)
    if (slow === 'transaction') {
      await pool.transaction(async (client) => {
        await client.query('SELECT pg_advisory_xact_lock(1)')
        await client.query(SLOW)
      })
    }
    if (slow === 'client') {
      await using client = await pool.connect()
      await client.query(SLOW)
    }
    return { pid }
  } catch (error) {
    const { code, retry } = error as { code: string; retry: string }
    const afterwards = await pool
      .query('SELECT 1')
      .catch((it: { code: string; retry: string }) => `${it.code} ${it.retry}`)
    return { pid, code, retry, afterwards: String(afterwards) }
  }
})
