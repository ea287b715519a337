import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { Client, type QueryResultRow } from 'pg'
import { inject } from 'vitest'

/** What `new pg.Client()` takes. */
export interface DatabaseConfig {
  host: string
  port: number
  user: string
  password: string
  database: string
}

/** One backend of a test's database, as the server sees it. */
export interface Session {
  pid: number
  applicationName: string
  /** `idle`, `active`, `idle in transaction`, …; null while it is still signing in. */
  state: string | null
  /** The last statement. */
  query: string
}

/** SQL as superuser over one connection, which is not among the {@link TestDatabase.sessions}. */
export interface Admin {
  query<Row extends QueryResultRow>(sql: string, values?: unknown[]): Promise<Row[]>
}

/** A database of its own for a test file. */
export interface TestDatabase {
  /** `postgres://…` of the superuser. */
  readonly url: string
  readonly config: DatabaseConfig
  readonly admin: Admin
  /** Client backends of this database but the admin's; `where` is SQL over pg_stat_activity. */
  sessions(where?: string): Promise<Session[]>
  /** Asks the server until there are exactly `count` of them; rejects after `withinMillis` (default 5,000). */
  untilSessions(count: number, options?: { withinMillis?: number; where?: string }): Promise<Session[]>
  /** Drops the database, ending its sessions. Idempotent. */
  dispose(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** What happens in the server can only be polled; a poll costs it well under a millisecond. */
const pollEveryMillis = 20

/** Creates an empty database with a unique name on the server of this run. */
export async function createDatabase(): Promise<TestDatabase> {
  const server = inject('postgres')
  const database = `test_${randomBytes(6).toString('hex')}`
  await asSuperuser(`CREATE DATABASE ${database}`)
  const config = { ...server, database }
  const admin = new Client({ ...config, application_name: 'admin' })
  // A test may stop the server; the admin's next query then says so.
  admin.on('error', () => {})
  await admin.connect()

  async function sessions(where = 'true'): Promise<Session[]> {
    const { rows } = await admin.query<Session>(
      `SELECT pid, application_name AS "applicationName", state, query FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> 'admin'
         AND (${where}) ORDER BY pid`,
    )
    return rows
  }

  async function untilSessions(
    count: number,
    { withinMillis = 5_000, where = 'true' }: { withinMillis?: number; where?: string } = {},
  ): Promise<Session[]> {
    const end = performance.now() + withinMillis
    for (;;) {
      const found = await sessions(where)
      if (found.length === count) return found
      if (performance.now() >= end) {
        const list = found.map(({ pid, state, query }) => `\n  ${pid} ${state}: ${query}`).join('')
        throw new Error(`Expected ${count} sessions within ${withinMillis} ms, found ${found.length}${list}`)
      }
      await pause(pollEveryMillis)
    }
  }

  let disposed: Promise<void> | undefined
  function dispose(): Promise<void> {
    disposed ??= admin.end().then(() => asSuperuser(`DROP DATABASE ${database} WITH (FORCE)`))
    return disposed
  }

  return {
    url: `postgres://${config.user}:${config.password}@${config.host}:${config.port}/${database}`,
    config,
    admin: { query: async (sql, values) => (await admin.query(sql, values)).rows },
    sessions,
    untilSessions,
    dispose,
    [Symbol.asyncDispose]: dispose,
  }
}

async function asSuperuser(sql: string): Promise<void> {
  const client = new Client({ ...inject('postgres'), database: 'postgres', application_name: 'admin' })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
