import { createPool, wrapHandler } from 'pg-thaw'
import { acting, lend } from './acting.js'

const pool = createPool()

export const handler = acting(
  {
    query: (text, values) => pool.query(text, values),
    transaction: (work) => pool.transaction(work),
    hold: (work) => lend(pool, work),
    connects: () => pool.stats().dials,
  },
  wrapHandler,
)
