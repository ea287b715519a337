import { createPool, type PoolOptions, wrapHandler } from 'pg-thaw'

/** What a call does. */
export interface Doing {
  /** Address that is asked, and waited for, before anything else. */
  readonly after?: string
  /** What is done with the database then. */
  readonly does: 'query' | 'transaction' | 'nothing'
}

const pool = createPool(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions)

export const handler = wrapHandler(async ({ after, does }: Doing): Promise<string> => {
  if (after !== undefined) await (await fetch(after)).text()
  if (does === 'query') await pool.query('SELECT 1')
  if (does === 'transaction') await pool.transaction((client) => client.query('SELECT 1'))
  return does
})
