import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, Pool } from 'pg'
import { startPostgres } from '../scripts/postgres-server'
import { workload } from './workload'

/** The database that all contenders use, one after the other. */
export interface DemoDatabase {
  /** What it is, for the reader. */
  readonly description: string
  readonly address: { host: string; port: number }
  /** For the functions: credentials and the schema, and a name by which the server knows this contender's sessions. */
  environment(applicationName: string): Record<string, string>
  /** Connections that watch; they are none of the contenders' sessions. */
  readonly observer: Pool
  /**
   * Closes sessions that idled for too long, unless the server does so by itself. The settings of a database that is
   * not ours stay as they are, so there the observer is the DBA.
   */
  closeIdle(applicationName: string): Promise<void>
  /** Where the tables of the example service are. In `orders` each row also says which session wrote it. */
  readonly schema: string
  [Symbol.asyncDispose](): Promise<void>
}

/** The database of DATABASE_URL can't be used; the text says why. */
export class UnusableDatabase extends Error {
  override readonly name = 'UnusableDatabase'
}

/** Starts a PostgreSQL, or takes the one that DATABASE_URL names, where everything happens in a schema of its own. */
export async function openDatabase(url = process.env.DATABASE_URL): Promise<DemoDatabase> {
  if (url) {
    return inSchema(url, 'the database of DATABASE_URL', 'observer', async () => {}).catch((cause) => {
      throw new UnusableDatabase(`The database of DATABASE_URL can't be used: ${cause.message}`, { cause })
    })
  }
  const server = await startPostgres({ settings: { idle_session_timeout: String(workload.serverIdleMillis) } })
  return inSchema(server.url, 'an embedded PostgreSQL', 'server', () => server.close())
}

/** The tables of the example service. */
const tables = readFileSync(join(__dirname, '..', 'infra', 'schema.sql'), 'utf8')

/** The functions know nothing of it: a session leaves its mark by placing an order. */
const marks = `
  CREATE FUNCTION session() RETURNS text LANGUAGE sql AS
    $$ SELECT pid || ' ' || extract(epoch FROM backend_start) FROM pg_stat_get_activity(pg_backend_pid()) $$;
  ALTER TABLE orders ADD COLUMN session text NOT NULL DEFAULT session()`

async function inSchema(
  url: string,
  name: string,
  closesIdle: 'server' | 'observer',
  stop: () => Promise<void>,
): Promise<DemoDatabase> {
  const schema = `thaw_demo_${randomBytes(4).toString('hex')}`
  const observer = new Pool({ connectionString: url, options: '-c idle_session_timeout=0' })
  observer.on('error', () => {})
  const close = () => observer.end().finally(stop)
  try {
    const { rows } = await observer.query<{ server_version: string }>('SHOW server_version')
    await observer.query(
      `BEGIN; CREATE SCHEMA ${schema}; SET LOCAL search_path TO ${schema}; ${tables}; ${marks}; COMMIT`,
    )
    // Not connected: it knows how to read a URL.
    const { host, port, user = '', password = '', database = '', ssl } = new Client(url)
    const credentials = {
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
      // The functions reach the server by the relay's name, for which it has no certificate.
      ...(ssl ? { PGSSLMODE: 'no-verify' } : {}),
    }
    return {
      description: `${name} (${rows[0]?.server_version}); it closes sessions that idle for ${workload.serverIdleMillis / 1000} s`,
      address: { host, port },
      environment: (applicationName) => ({
        ...credentials,
        PGAPPNAME: applicationName,
        PGOPTIONS: `-c search_path=${schema}`,
      }),
      observer,
      closeIdle: async (applicationName) => {
        if (closesIdle === 'server') return
        await observer.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE application_name = $1 AND state = 'idle' AND state_change < clock_timestamp() - make_interval(secs => $2)`,
          [applicationName, workload.serverIdleMillis / 1000],
        )
      },
      schema,
      [Symbol.asyncDispose]: async () => {
        await observer.query(`DROP SCHEMA ${schema} CASCADE`).finally(close)
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}
