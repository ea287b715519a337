import { createPool, wrapHandler } from 'pg-thaw'

const pool = createPool({ connectionString: process.env.DATABASE_URL })

/** Counts what there is. */
export const handler = wrapHandler(async (): Promise<{ orders: number; products: number }> => {
  const [orders, products] = await Promise.all([
    pool.query('SELECT count(*)::int AS count FROM orders'),
    pool.query('SELECT count(DISTINCT product)::int AS count FROM order_lines'),
  ])
  return { orders: orders.rows[0].count, products: products.rows[0].count }
})
