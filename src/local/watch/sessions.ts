import { randomBytes } from 'node:crypto'
import { Pool } from 'pg'
import type { Side } from './fleet.js'

/** One session at the database, as the page shows it. */
export interface SessionView {
  /** Process id of the backend. */
  readonly pid: number
  readonly function: string
  readonly side: Side
  /** Process id of the environment that opened it. */
  readonly environmentPid: number
  /** As in pg_stat_activity. */
  readonly state: string
  /** When it came into this state, ms since the epoch. */
  readonly since: number
  readonly openedAt: number
  readonly query: string
}

/** What is at the database: the sessions of the functions that were started here, and how many there are of others. */
export interface SessionsSeen {
  readonly own: readonly SessionView[]
  readonly others: number
}

const OBSERVER = 'pg-thaw local'
/** Of a database that does not answer there is nothing to see. */
const BOUNDS = { connectionTimeoutMillis: 1000, query_timeout: 1000 }

/** Ours are known by their names: function, process, and a word that nobody else has (src/local/preload.mts). */
const OWN = `right(application_name, 8) = ANY ($1) AND application_name ~ ' [0-9]{1,9} [0-9a-f]{8}$'`
const PROCESS = `(regexp_match(application_name, ' ([0-9]{1,9}) [0-9a-f]{8}$'))[1]::integer`

/** Asks the database who is connected. It has a connection of its own, which is not among them. */
export class SessionWatch {
  readonly #pool: Pool
  /** The word in the names of a side's sessions, of this program alone. */
  readonly words: Readonly<Record<Side, string>> = { 'pg-thaw': word(), 'pg.Pool': word() }

  constructor(url: string) {
    this.#pool = new Pool({ connectionString: url, max: 1, application_name: OBSERVER, ...BOUNDS })
    this.#pool.on('error', () => {})
  }

  /**
   * How many sessions the database has for others than administrators.
   * @throws Error when the database does not answer.
   */
  async limit(): Promise<number> {
    const { rows } = await this.#pool.query<{ limit: number }>(
      `SELECT current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
         - coalesce(current_setting('reserved_connections', true)::integer, 0) AS limit`,
    )
    return rows[0]?.limit ?? 0
  }

  /** @throws Error when the database does not answer. */
  async look(): Promise<SessionsSeen> {
    const { rows } = await this.#pool.query<Omit<SessionView, 'side'> & { word: string }>(
      `SELECT pid, split_part(application_name, ' ', 1) AS function, ${PROCESS} AS "environmentPid",
         right(application_name, 8) AS word, coalesce(state, 'connecting') AS state, left(query, 200) AS query,
         1000 * extract(epoch FROM coalesce(state_change, backend_start, now()))::double precision AS since,
         1000 * extract(epoch FROM coalesce(backend_start, now()))::double precision AS "openedAt"
       FROM pg_stat_activity WHERE backend_type = 'client backend' AND ${OWN} ORDER BY backend_start, pid`,
      [Object.values(this.words)],
    )
    const { rows: counts } = await this.#pool.query<{ others: number }>(
      `SELECT count(*)::integer AS others FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND NOT (${OWN})`,
      [Object.values(this.words)],
    )
    const own = rows.map(({ word, ...view }): SessionView => {
      return { ...view, side: word === this.words['pg.Pool'] ? 'pg.Pool' : 'pg-thaw' }
    })
    return { own, others: counts[0]?.others ?? 0 }
  }

  /**
   * Ends the sessions of an environment, or of all, as an administrator does; never those of anybody else. Says how many.
   * @throws Error when the database does not answer, or does not allow it.
   */
  async end(environmentPid?: number): Promise<number> {
    const { rowCount } = await this.#pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND ${OWN} AND ($2::integer IS NULL OR ${PROCESS} = $2)`,
      [Object.values(this.words), environmentPid],
    )
    return rowCount ?? 0
  }

  close(): Promise<void> {
    return this.#pool.end()
  }
}

function word(): string {
  return randomBytes(4).toString('hex')
}
