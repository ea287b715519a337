import { createPool, type PoolOptions } from 'pg-thaw'

/** What a call shall do, once it has asked the database something. */
export interface Asked {
  /** Tells this call's words from others'. */
  readonly call: number
  /** Wait for a query of 30 s, keep two clients without releasing them, or ask something and not wait for it. */
  readonly does?: 'wait' | 'leak' | 'leave'
}

/** What a call has to say, as far as its environment has heard by then. */
export interface Told {
  readonly call: number
  /** The backend that its first query met. */
  readonly pid: number
  /** Clients that were lent when it began. */
  readonly lent: number
  /** Process warnings: code, text and stack. */
  readonly warnings: readonly string[]
  /** Of what its own query failed with. */
  readonly code?: string
}

const pool = createPool(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions)
const warnings: string[] = []
process.on('warning', (warning: Error & { code?: string; detail?: string }) => {
  warnings.push([warning.code, warning.message, warning.detail, warning.stack].join('\n'))
})

/**
 * The work of every handler under test, however that is made. What there is to say it writes to stdout, since not each way to make a
 * handler has a response to say it in; what fails, it throws.
 */
export async function work({ call, does }: Asked): Promise<Told> {
  const { lent } = pool.stats()
  const { rows } = await pool.query('SELECT pg_backend_pid() AS pid')
  const told: Told = { call, pid: rows[0].pid, lent, warnings: [...warnings] }
  try {
    if (does === 'wait') await pool.query('SELECT pg_sleep(30)')
    if (does === 'leak') await Promise.all([pool.connect(), pool.connect()])
    if (does === 'leave') leaveBehind()
    return tell(told)
  } catch (error) {
    tell({ ...told, code: (error as { code: string }).code })
    throw error
  }
}

/** A warning has this name in it. */
function leaveBehind(): void {
  void pool.query('SELECT pg_sleep(30)')
}

function tell(told: Told): Told {
  process.stdout.write(`TOLD ${JSON.stringify(told)}\n`)
  return told
}
