import { threadId } from 'node:worker_threads'
import { createPool, type PoolOptions, wrapHandler } from 'pg-thaw'

/** What a call does with the database, beside one query. */
export interface Asked {
  /**
   * - `gate`: a transaction that waits for the lock `key`, which the test holds.
   * - `wait`: a query of 30 s.
   * - `leak`: two clients that nobody releases.
   * - `leave`: a query of 30 s that nobody awaits.
   * - `both`: two clients at once.
   * - `forever`: a client, and never an answer.
   */
  readonly does?: 'gate' | 'wait' | 'leak' | 'leave' | 'both' | 'forever'
  readonly key?: number
}

/** What a call answers. */
export interface Told {
  readonly pid: number
  readonly thread: number
  /** Of the error, where there was one. */
  readonly code?: string
  /** Of the pool, when the call began. */
  readonly lent: number
  /** Of the whole worker, so far. */
  readonly warnings: readonly string[]
}

const pool = createPool(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions)
const SLOW = 'SELECT pg_sleep(30)'
const warnings: string[] = []
process.on('warning', (warning: Error & { code?: string; detail?: string }) => {
  warnings.push([warning.code, warning.message, warning.detail].join('\n'))
})

export const handler = wrapHandler(async ({ does, key }: Asked): Promise<Told> => {
  const { lent } = pool.stats()
  let code: string | undefined
  let pid = 0
  try {
    pid = (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
    pid = (await work(does, key)) ?? pid
  } catch (error) {
    code = (error as { code: string }).code
  }
  return { pid, thread: threadId, lent, warnings, ...(code !== undefined && { code }) }
})

/** The backend that it worked with, where that is another one. */
async function work(does: Asked['does'], key: number | undefined): Promise<number | undefined> {
  switch (does) {
    case 'gate':
      return pool.transaction(async (client) => {
        const { rows } = await client.query('SELECT pg_backend_pid() AS pid, pg_advisory_xact_lock_shared($1)', [key])
        return rows[0].pid
      })
    case 'wait':
      await pool.query(SLOW)
      return undefined
    case 'leak':
      await Promise.all([pool.connect(), pool.connect()])
      return undefined
    case 'leave':
      leaveBehind()
      return undefined
    case 'both': {
      const clients = await Promise.all([pool.connect(), pool.connect()])
      for (const client of clients) client.release()
      return undefined
    }
    case 'forever':
      await pool.connect()
      return new Promise(() => {})
    case undefined:
      return undefined
    default:
      return does satisfies never
  }
}

function leaveBehind(): void {
  void pool.query(SLOW)
}
