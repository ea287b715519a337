import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pool, PoolOptionError, type PoolOptions } from '../../src/index'
import { database, openPool, pool } from '../support/pool-under-test'

let lines: string[]
beforeEach(() => {
  lines = []
  for (const level of ['debug', 'info', 'warn'] as const) {
    vi.spyOn(console, level).mockImplementation((line) => void lines.push(line))
  }
})
afterEach(() => void vi.restoreAllMocks())

/** Connects, waits, leaves a transaction open, and loses a connection. */
async function run(options: PoolOptions): Promise<void> {
  openPool({ max: 1, name: 'orders', ...options })
  await pool.use((client) => client.query('BEGIN'))
  await pool.query('SELECT 1')
  await pool.use(async (client) => client.release(true))
  await pool.end()
}

describe('with `log` a pool writes a line for each event, always in the same shape', () => {
  it('everything with true', async () => {
    await run({ log: true })
    expect(lines.map((line) => line.replace(/ms=[\d.]+/, 'ms=N'))).toEqual([
      'pg-thaw debug orders wait ms=N',
      'pg-thaw info orders connect ms=N',
      'pg-thaw debug orders release ms=N',
      'pg-thaw warn orders reset condition=dirty',
      'pg-thaw debug orders wait ms=N',
      'pg-thaw debug orders release ms=N',
      'pg-thaw debug orders release ms=N',
      'pg-thaw info orders retire reason=discarded',
    ])
  })

  it.each([
    ['info', ['connect', 'reset', 'retire']],
    ['warn', ['reset']],
  ] as const)('from %s on what is worth it', async (log, events) => {
    await run({ log })
    expect(lines.map((line) => line.split(' ')[3])).toEqual(events)
  })

  it('a connect that failed with its code and its text in one', async () => {
    openPool({ log: 'warn', port: 1, connectionTimeoutMillis: 200 })
    await expect(pool.query('')).rejects.toThrow()
    expect(lines[0]).toMatch(
      /^pg-thaw warn pool connect-failed ms=[\d.]+ code=ECONNREFUSED error="connect ECONNREFUSED /,
    )
    expect(lines.join()).not.toContain(database.config.password)
  })

  it('of its own events alone, and none once it has ended', async () => {
    await run({ log: true })
    const before = lines.length
    openPool({ max: 1 })
    await pool.query('SELECT 1')
    expect(lines).toHaveLength(before)
  })

  it('a function gets the messages of pg-pool, as ever; something else is refused', async () => {
    const messages: unknown[] = []
    openPool({ log: (message) => messages.push(message) })
    await pool.query('SELECT 1')
    expect(messages).toContain('new client connected')
    expect(lines).toEqual([])
    expect(() => new Pool({ log: 'loud' as never })).toThrow(PoolOptionError)
  })
})
