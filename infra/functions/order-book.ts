import type { ClientBase } from 'pg'
import type { NewOrder, OrderLine } from './new-order'

/** What can run a query: a pool, or one client. */
export type Queryable = Pick<ClientBase, 'query'>

/** An order as it is stored. */
export interface Order {
  readonly id: string
  readonly customer: string
  readonly createdAt: string
  readonly fulfilledAt: string | null
  readonly lines: readonly OrderLine[]
}

/** The figures of the moment. */
export interface Report {
  readonly orders: number
  readonly waiting: number
  readonly customers: number
  readonly best: readonly { readonly product: string; readonly sold: number }[]
}

/** Whether a text can be the id of an order: a `bigint`, without those that only PostgreSQL's errors could refuse. */
export function isOrderId(text: unknown): text is string {
  return typeof text === 'string' && /^[1-9]\d{0,17}$/.test(text)
}

/** Stores an order with its lines, to be called in a transaction; returns its id. */
export async function storeOrder(client: Queryable, { customer, lines }: NewOrder): Promise<string> {
  const { rows } = await client.query<{ id: string }>('INSERT INTO orders (customer) VALUES ($1) RETURNING id', [
    customer,
  ])
  const id = rows[0]?.id
  if (id === undefined) throw new Error('bug: an order was stored without an id')
  await client.query(
    'INSERT INTO order_lines (order_id, product, quantity) SELECT $1, * FROM unnest($2::text[], $3::integer[])',
    [id, lines.map(({ product }) => product), lines.map(({ quantity }) => quantity)],
  )
  return id
}

/** An order with its lines; undefined if there is none of this id. */
export async function findOrder(database: Queryable, id: string): Promise<Order | undefined> {
  const { rows } = await database.query<Order>({
    text: `SELECT id, customer, created_at AS "createdAt", fulfilled_at AS "fulfilledAt",
        (SELECT json_agg(json_build_object('product', product, 'quantity', quantity) ORDER BY product)
         FROM order_lines WHERE order_id = orders.id) AS lines
      FROM orders WHERE id = $1`,
    values: [id],
    idempotent: true,
  })
  return rows[0]
}

/** The report: four queries at once, which share a connection, so that all of them take little more than one round trip. */
export async function reportOn(pool: Queryable): Promise<Report> {
  const [orders, waiting, customers, best] = await Promise.all([
    count(pool, 'SELECT count(*)::integer AS count FROM orders'),
    count(pool, 'SELECT count(*)::integer AS count FROM orders WHERE fulfilled_at IS NULL'),
    count(pool, 'SELECT count(DISTINCT customer)::integer AS count FROM orders'),
    pool.query<{ product: string; sold: number }>({
      text: `SELECT product, sum(quantity)::double precision AS sold FROM order_lines
        GROUP BY product ORDER BY sold DESC, product LIMIT 5`,
      idempotent: true,
    }),
  ])
  return { orders, waiting, customers, best: best.rows }
}

/** Runs a query that counts. */
export async function count(database: Queryable, text: string, values: readonly unknown[] = []): Promise<number> {
  const { rows } = await database.query<{ count: number }>({ text, values: [...values], idempotent: true })
  return rows[0]?.count ?? 0
}

/**
 * Marks orders as fulfilled, and returns which of the ids are orders. One that is fulfilled already stays as it is: a message may be
 * delivered twice. Rows are locked in the order of their ids, so that two batches with the same orders don't wait for each other.
 */
export async function fulfil(database: Queryable, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await database.query<{ id: string }>({
    text: `WITH known AS MATERIALIZED (
        SELECT id FROM orders WHERE id = ANY($1::bigint[]) ORDER BY id FOR UPDATE
      ), done AS (
        UPDATE orders SET fulfilled_at = now() FROM known WHERE orders.id = known.id AND fulfilled_at IS NULL
      )
      SELECT id FROM known`,
    values: [ids],
    idempotent: true,
  })
  return new Set(rows.map(({ id }) => id))
}
