import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { type PostgresServer, type PostgresServerOptions, startPostgres } from '../../../scripts/postgres-server'

/** A server that a test may stop, restart and fill up, with a superuser's connection that comes back by itself. */
export interface OwnServer extends PostgresServer {
  query<Row>(sql: string, values?: unknown[]): Promise<Row[]>
  /** Backends of clients, the superuser's own left out; `where` is SQL over pg_stat_activity. */
  sessions(where?: string): Promise<{ pid: number; state: string; query: string }[]>
  /** Asks until there are `count` of them. Returns how long that took, ms; rejects after `withinMillis`. */
  untilSessions(count: number, withinMillis: number, where?: string): Promise<number>
  /** Ends all of them; resolves when they are gone. */
  terminateAll(): Promise<void>
}

const pollEveryMillis = 20

export async function startOwnServer(options: PostgresServerOptions = {}): Promise<OwnServer> {
  const server = await startPostgres(options)
  let admin: Client | undefined

  async function connected(): Promise<Client> {
    if (admin !== undefined) return admin
    const { host, port, user, password, database } = server
    const client = new Client({ host, port, user, password, database, application_name: 'admin' })
    const forget = () => {
      if (admin === client) admin = undefined
    }
    client.on('error', forget).on('end', forget)
    await client.connect()
    admin = client
    return client
  }

  async function query<Row>(sql: string, values?: unknown[]): Promise<Row[]> {
    const client = await connected()
    return (await client.query(sql, values)).rows
  }

  function sessions(where = 'true'): Promise<{ pid: number; state: string; query: string }[]> {
    return query(
      `SELECT pid, state, query FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND application_name <> 'admin' AND (${where}) ORDER BY pid`,
    )
  }

  async function untilSessions(count: number, withinMillis: number, where?: string): Promise<number> {
    const began = performance.now()
    for (;;) {
      const found = await sessions(where)
      const took = performance.now() - began
      if (found.length === count) return took
      if (took >= withinMillis) {
        const list = found.map(({ pid, state, query }) => `\n  ${pid} ${state}: ${query}`).join('')
        throw new Error(`Expected ${count} sessions within ${withinMillis} ms, found ${found.length}${list}`)
      }
      await pause(pollEveryMillis)
    }
  }

  return {
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    database: server.database,
    url: server.url,
    data: server.data,
    start: () => server.start(),
    stop: (mode) => server.stop(mode),
    close: async () => {
      await admin?.end().catch(() => {})
      await server.close()
    },
    [Symbol.asyncDispose]: () => server.close(),
    query,
    sessions,
    untilSessions,
    terminateAll: async () => {
      await query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE backend_type = 'client backend' AND application_name <> 'admin'`,
      )
      await untilSessions(0, 5000)
    },
  }
}
