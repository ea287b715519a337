import { wrapHandler } from 'pg-thaw'
import { openDatabase } from '../functions/database'

/** What code does that was not meant to be. */
export type Misdeed = 'slow-query' | 'leaked-client' | 'missing-await'

/** Longer than any function here may run. */
const SLOW = 'SELECT pg_sleep(60)'

const pool = openDatabase(process.env.DATABASE_SECRET_ID)

/** A function that no deployment has: it does what its event names, and nothing wrong without one. */
export const handler = wrapHandler(async ({ does }: { readonly does?: Misdeed }): Promise<void> => {
  switch (does) {
    case 'slow-query':
      await pool.query(SLOW)
      return
    case 'leaked-client': {
      const client = await pool.connect()
      await client.query('SELECT 1')
      return
    }
    case 'missing-await':
      pool.query(SLOW).catch(() => {})
      return
    default:
      await pool.query('SELECT 1')
  }
})
