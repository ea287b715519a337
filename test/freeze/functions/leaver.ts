import { subscribe } from 'node:diagnostics_channel'
import { createPool, type LeakReport, type PoolOptions, wrapHandler } from 'pg-thaw'

/** What a call leaves behind when its handler returns. */
export interface Leaving {
  /**
   * - `checkout`: a client that was never released, in a transaction that holds a lock.
   * - `transaction`: a transaction nobody waits for, which holds a lock.
   * - `query`: a query nobody waits for.
   * - `nothing`: nothing.
   */
  readonly leaves: 'checkout' | 'transaction' | 'query' | 'nothing'
}

/** What a call answers. */
export interface Left {
  readonly pid: number
  /** Leaks that were reported in this environment so far. */
  readonly leaks: readonly { acquiredAt: string | undefined; returned: boolean }[]
}

const LOCK = 'SELECT pg_advisory_xact_lock(42)'

const leaks: Left['leaks'][number][] = []
subscribe('pg-thaw:leak', (message) => {
  const { acquiredAt, returned } = message as LeakReport
  leaks.push({ acquiredAt, returned })
})
const pool = createPool({ ...(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions), leakDetection: true })

export const handler = wrapHandler(async ({ leaves }: Leaving): Promise<Left> => {
  const { rows } = await pool.query('SELECT pg_backend_pid() AS pid')
  if (leaves === 'checkout') await leaveCheckout()
  if (leaves === 'transaction') await leaveTransaction()
  if (leaves === 'query') void pool.query('SELECT pg_sleep(20)')
  return { pid: rows[0].pid, leaks }
})

async function leaveCheckout(): Promise<void> {
  const client = await pool.connect()
  await client.query('BEGIN')
  await client.query(LOCK)
}

function leaveTransaction(): Promise<void> {
  return new Promise((locked) => {
    void pool.transaction(async (client) => {
      await client.query(LOCK)
      locked()
      await new Promise(() => {})
    })
  })
}
