import type { ClientBase } from 'pg'

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

/** A call needs one connection at a time; one more is room for a function that does two things at once. */
export const maxConnections = 2

/** The function: one read, and one write in a transaction. */
export function handlerWith(withConnection: WithConnection): () => Promise<Report> {
  const table = process.env.DEMO_TABLE
  return async () => {
    const start = performance.now()
    await withConnection(async (client) => {
      await client.query(`SELECT count(*) FROM ${table}`)
      await client.query('BEGIN')
      try {
        await client.query(`INSERT INTO ${table} (pid, backend_start)
          SELECT pid, backend_start FROM pg_stat_get_activity(pg_backend_pid())`)
        await client.query('COMMIT')
      } catch (error) {
        // What failed first is what matters.
        await client.query('ROLLBACK').catch(() => {})
        throw error
      }
    })
    return { databaseMillis: performance.now() - start }
  }
}
