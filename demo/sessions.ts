import { setTimeout as pause } from 'node:timers/promises'
import type { DemoDatabase } from './database'

/** Often enough to see the crest of a burst, seldom enough not to weigh on it. */
const sampleEveryMillis = 25

/** What the server said about the sessions of one contender. */
export interface SessionWatch {
  /** How many there are now. */
  now(): Promise<number>
  /** Most that were there at once. */
  readonly peak: number
  /** Stops watching, ends what is left, and returns how many sessions there ever were. */
  finish(): Promise<number>
}

/** Samples the server's list of sessions with this application name. */
export function watchSessions(database: DemoDatabase, applicationName: string): SessionWatch {
  const { observer, schema } = database
  const known = new Set<string>()
  let peak = 0
  let watching = true

  async function now(): Promise<number> {
    const { rows } = await observer.query<{ session: string | null }>(
      `SELECT pid || ' ' || extract(epoch FROM backend_start) AS session FROM pg_stat_activity WHERE application_name = $1`,
      [applicationName],
    )
    // To others than a superuser, a session that is still signing in shows no start.
    for (const { session } of rows) if (session !== null) known.add(session)
    peak = Math.max(peak, rows.length)
    return rows.length
  }

  const sampling = (async () => {
    while (watching) {
      await now()
      await database.closeIdle(applicationName)
      await pause(sampleEveryMillis)
    }
  })()
  // It fails when the server is gone; who asks next hears of it.
  sampling.catch(() => {})

  return {
    now,
    get peak() {
      return peak
    },
    finish: async () => {
      watching = false
      await sampling
      // A session may come and go between two samples, but not without placing an order.
      const { rows } = await observer.query<{ session: string }>(`SELECT DISTINCT session FROM ${schema}.orders`)
      for (const { session } of rows) known.add(session)
      await observer.query('SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name = $1', [
        applicationName,
      ])
      await observer.query(`TRUNCATE ${schema}.orders CASCADE`)
      return known.size
    },
  }
}
