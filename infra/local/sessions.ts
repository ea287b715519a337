import { Pool } from 'pg'

/** One session at the database, as the page shows it. */
export interface SessionView {
  /** Process id of the backend. */
  readonly pid: number
  readonly function: string
  /** Process id of the environment that opened it. */
  readonly environmentPid: number
  /** As in pg_stat_activity; `connecting` while it is signing in. */
  readonly state: string
  /** When it came into this state, ms since the epoch. */
  readonly since: number
  readonly openedAt: number
  readonly query: string
}

const OBSERVER = 'local observer'
/** Of a database that does not answer there is nothing to see. */
const BOUNDS = { connectionTimeoutMillis: 1000, query_timeout: 1000 }

/** Asks the database who is connected. It has a connection of its own, which is not among them. */
export class SessionWatch {
  readonly #pool: Pool

  constructor(url: string) {
    this.#pool = new Pool({ connectionString: url, max: 1, application_name: OBSERVER, ...BOUNDS })
    this.#pool.on('error', () => {})
  }

  /** How many sessions the database has for others than administrators. */
  async limit(): Promise<number> {
    const { rows } = await this.#pool.query<{ limit: number }>(
      `SELECT current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
         - coalesce(current_setting('reserved_connections', true)::integer, 0) AS limit`,
    )
    return rows[0]?.limit ?? 0
  }

  /** @throws Error when the database does not answer. */
  async look(): Promise<SessionView[]> {
    const { rows } = await this.#pool.query<SessionView>(
      `SELECT pid, split_part(application_name, ' ', 1) AS function,
         coalesce(substring(application_name FROM ' ([0-9]+)$')::int, 0) AS "environmentPid",
         coalesce(state, 'connecting') AS state, left(query, 200) AS query,
         1000 * extract(epoch FROM coalesce(state_change, backend_start))::double precision AS since,
         1000 * extract(epoch FROM backend_start)::double precision AS "openedAt"
       FROM pg_stat_activity
       WHERE datname = current_database() AND backend_type = 'client backend' AND application_name <> $1
       ORDER BY backend_start, pid`,
      [OBSERVER],
    )
    return rows
  }

  close(): Promise<void> {
    return this.#pool.end()
  }
}
