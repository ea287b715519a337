import type { ClientBase, QueryResult } from 'pg'
import type { Answer, Task } from './task'

// What the contenders have in common: everything but how they hold connections.

/** What can be asked. */
export type Asking = Pick<ClientBase, 'query'>

/** How a contender holds connections. */
export interface Database {
  /** One query, wherever there is room. */
  query(text: string, values: unknown[]): Promise<QueryResult>
  /** Lends a client for the time of `work`, which comes back whatever happens. */
  hold(work: (client: Asking) => Promise<void>): Promise<void>
  /** Takes a client that nobody will give back. */
  take(): Promise<Asking>
}

const join = `
  SELECT orders.id, customers.name AS customer, products.name AS product, lines.quantity
  FROM orders JOIN customers ON customers.id = customer_id
  JOIN lines ON lines.order_id = orders.id JOIN products ON products.id = product_id
  WHERE orders.id = $1`

/** The function. */
export function handlerWith(database: Database): (task: Task) => Promise<Answer> {
  return async (task) => {
    const start = performance.now()
    await work(database, task)
    return { databaseMillis: performance.now() - start }
  }
}

async function work(database: Database, task: Task): Promise<void> {
  switch (task.does) {
    case 'read':
      await database.query('SELECT name FROM customers WHERE id = $1', [1])
      return
    case 'write':
      await database.query('INSERT INTO notes (key) VALUES ($1)', [task.key])
      return
    case 'forget-commit':
      return database.hold(async (client) => {
        await client.query('BEGIN')
        const { rowCount } = await client.query('UPDATE notes SET key = key WHERE key = $1', [task.key])
        // Nothing to do: the way out that somebody did not think of.
        if (rowCount === 0) return
        await client.query('COMMIT')
      })
    case 'sleep':
      await database.query('SELECT pg_sleep($1)', [task.seconds])
      return
    case 'leak': {
      const client = await database.take()
      await client.query('SELECT name FROM customers WHERE id = $1', [1])
      return
    }
    case 'repeat':
      for (let time = 0; time < task.times; time++) await database.query(join, [1 + (time % 100)])
      return
    default:
      task satisfies never
  }
}
