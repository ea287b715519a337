import type { Pool as PgPool, PoolClient, QueryResult } from 'pg'
import { isUsable, type PgClient } from '../connection/pg-client.js'
import type { Borrower } from './borrowing/borrower.js'
import { explained, tellRetryOfQuery } from './retry.js'

/** A client that its pool has lent. */
export type Lent = PoolClient & AsyncDisposable

/** A query as pg.Pool does it: asks `connect`, which somebody has overridden, with a callback, or takes what it promises. */
export function queryThrough(pool: Pick<PgPool, 'connect'>, text: unknown, values: unknown): Promise<QueryResult> {
  return new Promise((resolve) => {
    let isServed = false
    const serve = (error: unknown, client?: PoolClient) => {
      if (isServed || (!error && client === undefined)) return
      isServed = true
      if (client === undefined) return resolve(explained(error))
      let isOver = false
      const settled = (error: unknown, result?: QueryResult) => {
        if (isOver) return
        isOver = true
        client.release()
        resolve(error ? explained(error) : (result as QueryResult))
      }
      try {
        client.query(text as string, values as unknown[], settled)
      } catch (error) {
        settled(error)
      }
    }
    const connected: unknown = pool.connect(serve)
    if (connected instanceof Promise) connected.then((client) => serve(undefined, client), serve)
  })
}

/** Lends what an overridden `connect` lends. */
export async function useThrough<T>(
  pool: { connect(): Promise<Lent> },
  borrower: Borrower | undefined,
  work: (client: PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  if (borrower !== undefined) borrower.hasBegun = true
  // Of this loan: a later one has another. What lends may have put a client of another make in its place.
  const dispose = client[Symbol.asyncDispose] as (() => Promise<void>) | undefined
  try {
    return await work(client)
  } catch (error) {
    tellRetryOfQuery(error, !isUsable(client as unknown as PgClient))
    throw error
  } finally {
    if (dispose === undefined) client.release()
    else await dispose()
  }
}
