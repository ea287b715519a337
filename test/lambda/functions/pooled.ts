import { createPool, type PoolOptions, wrapHandler } from 'pg-thaw'

/** What a call asks for. */
export interface Work {
  /** Leave a checkout out, a transaction open, or a query, scoped work or waiters unawaited when the handler returns. */
  readonly leave?: 'checkout' | 'transaction' | 'query' | 'work' | 'waiters'
  /** Acquire a second connection while holding the first. */
  readonly nested?: boolean
}

/** What a call answers. */
export interface Answer {
  readonly pid: number
  /** How long the server keeps its session while it is idle. */
  readonly lease: string
  readonly stats: ReturnType<ReturnType<typeof createPool>['stats']>
}

const pool = createPool(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions)

export const handler = wrapHandler(async ({ leave, nested }: Work): Promise<Answer> => {
  const { rows } = await pool.query(`SELECT pg_backend_pid() AS pid, current_setting('idle_session_timeout') AS lease`)
  if (nested) await pool.use(() => pool.query('SELECT 1'))
  if (leave === 'query') void pool.query('SELECT pg_sleep(20)')
  if (leave === 'work') void pool.transaction((client) => client.query('SELECT pg_sleep(20)'))
  if (leave === 'waiters') {
    for (let n = 0; n < 12; n += 1) void pool.use((client) => client.query('SELECT pg_sleep(20)'))
  }
  if (leave === 'checkout' || leave === 'transaction') {
    const client = await pool.connect()
    await client.query('BEGIN')
    if (leave === 'transaction') client.release()
  }
  return { ...rows[0], stats: pool.stats() }
})
