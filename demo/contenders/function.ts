import type { ClientBase } from 'pg'
import type { NewOrder } from '../../infra/functions/new-order'
import { findOrder, storeOrder } from '../../infra/functions/order-book'

// What the contenders have in common: everything but how they hold connections.

/** What a call reports. */
export interface Report {
  /** From asking for a connection until it is given back, ms. */
  databaseMillis: number
}

/** What a contender gives to its calls: a connection, taken for the time of `work`. */
export type WithConnection = (work: (client: ClientBase) => Promise<void>) => Promise<void>

/** Longest wait for a connection, ms: less than the function's timeout, so that a call can report the failure. */
export const connectionTimeoutMillis = 5_000

/** Longest that a connection should idle, ms: well below the server's own limit. Each pool is told in its own way. */
export const idleLimitMillis = 3_000

/** A call needs one connection at a time. */
export const maxConnections = 1

/** The function: places an order in a transaction and reads it back, with the code of the example service. */
export function handlerWith(withConnection: WithConnection): (order: NewOrder) => Promise<Report> {
  return async (order) => {
    const start = performance.now()
    await withConnection(async (client) => {
      const id = await inTransaction(client, () => storeOrder(client, order))
      await findOrder(client, id)
    })
    return { databaseMillis: performance.now() - start }
  }
}

async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (error) {
    // What failed first is what matters.
    await client.query('ROLLBACK').catch(() => {})
    throw error
  }
}
