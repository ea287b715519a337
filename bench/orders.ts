import pg from 'pg'
import type { DatabaseAddress } from './bench.js'

/** How many rows there are: more than a page of anything, and all of it in the server's memory. */
const rowsOf = { customers: 10_000, orders: 50_000, lines: 200_000 }

const schema = `
  CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, city text NOT NULL);
  CREATE TABLE orders (
    id int PRIMARY KEY, customer_id int NOT NULL, status text NOT NULL, placed_at timestamptz NOT NULL, changes int NOT NULL
  );
  CREATE TABLE lines (id int PRIMARY KEY, order_id int NOT NULL, product text NOT NULL, quantity int NOT NULL, cents int NOT NULL);
  INSERT INTO customers SELECT id, 'Customer ' || id, 'City ' || id % 100 FROM generate_series(1, ${rowsOf.customers}) AS id;
  INSERT INTO orders
    SELECT id, id % ${rowsOf.customers} + 1, CASE id % 3 WHEN 0 THEN 'open' ELSE 'sent' END, timestamptz '2025-01-01' + id * interval '1 min', 0
    FROM generate_series(1, ${rowsOf.orders}) AS id;
  INSERT INTO lines
    SELECT id, id % ${rowsOf.orders} + 1, 'product ' || id % 500, id % 9 + 1, id % 5000 FROM generate_series(1, ${rowsOf.lines}) AS id;
  CREATE INDEX ON orders (customer_id);
  CREATE INDEX ON lines (order_id);
`

/** Fills an empty database with customers who have ordered something. */
export async function createOrders(database: DatabaseAddress): Promise<void> {
  const admin = new pg.Client(database)
  await admin.connect()
  try {
    await admin.query(schema)
    // Nobody else does: the server runs without its background workers.
    await admin.query('VACUUM ANALYZE')
  } finally {
    await admin.end()
  }
}

/** A statement with one value, and values for it. */
export interface Statement {
  /** For who names it by hand. */
  readonly name: string
  readonly text: string
  /** Its value the nth time: all of them in turn, none near the last one. */
  value(n: number): number
}

export const orderByKey: Statement = {
  name: 'order-by-key',
  text: 'SELECT id, customer_id, status, placed_at FROM orders WHERE id = $1',
  value: (n) => scattered(n, rowsOf.orders),
}

/** Three tables, and a group for each order. */
export const ordersOfCustomer: Statement = {
  name: 'orders-of-customer',
  text: `
    SELECT o.id, c.name, o.placed_at, count(*) AS lines, sum(l.quantity * l.cents) AS cents
    FROM customers c JOIN orders o ON o.customer_id = c.id JOIN lines l ON l.order_id = o.id
    WHERE c.id = $1
    GROUP BY o.id, c.name, o.placed_at
    ORDER BY o.placed_at`,
  value: (n) => scattered(n, rowsOf.customers),
}

export const changeOrder: Statement = {
  name: 'change-order',
  text: 'UPDATE orders SET changes = changes + 1 WHERE id = $1 RETURNING changes',
  value: orderByKey.value,
}

/** 7919 is a prime that divides no number of rows. */
function scattered(n: number, count: number): number {
  return ((n * 7919) % count) + 1
}
