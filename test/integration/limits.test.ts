import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pool, type PoolOptions, wrapHandler } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { startWire } from '../support/wire'

const FUNCTION_MILLIS = 4000
const NAMES = ['statement_timeout', 'transaction_timeout', 'client_connection_check_interval'] as const

let pool: Pool
beforeEach(() => {
  vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'orders')
  vi.stubEnv('AWS_LAMBDA_RUNTIME_API', '127.0.0.1:9001')
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await pool.end()
})

/** What the server says of its limits, inside of an invocation that can last for 4 s. */
async function limits(database: TestDatabase, options: PoolOptions = {}): Promise<(string | null)[]> {
  pool = new Pool({ ...database.config, ...options })
  const list = NAMES.map((name) => `current_setting('${name}', true)`).join(', ')
  const handler = wrapHandler(
    async (_event: object, _context: object) =>
      (await pool.query({ text: `SELECT ${list}`, rowMode: 'array' })).rows[0] ?? [],
  )
  return handler({}, { getRemainingTimeInMillis: () => FUNCTION_MILLIS })
}

describe('what runs at the server', () => {
  it('is limited to as long as the function lasts, at no round trip', async () => {
    await using database = await createDatabase()
    const wire = await startWire(database.config)
    const [statement, transaction, interval] = await limits(database, { host: wire.host, port: wire.port })
    expect(statement).toBe('4s')
    expect([null, '4s']).toContain(transaction)
    expect(interval).toBe('2s')
    // Startup, two messages of SCRAM, and the query.
    expect(wire.log.filter((it) => it.startsWith('>'))).toHaveLength(4)
    await pool.end()
    await wire.close()
  })

  it('is left alone outside of invocations', async () => {
    await using database = await createDatabase()
    pool = new Pool(database.config)
    expect((await pool.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '0' }])
    await pool.end()
  })

  it.each([
    ['the database', '1500ms', (name: string) => `ALTER DATABASE ${name} SET statement_timeout = '1500ms'`],
    ['the database, less strictly', '4s', (name: string) => `ALTER DATABASE ${name} SET statement_timeout = '1h'`],
  ])('is never made weaker than %s says', async (_, expected, alter) => {
    await using database = await createDatabase()
    await database.admin.query(alter(database.config.database))
    expect((await limits(database))[0]).toBe(expected)
    await pool.end()
  })

  it.each([
    [{ statement_timeout: 60_000 }, '1min'],
    [{ options: '-c statement_timeout=0' }, '0'],
    [{ options: '-c statement_timeout=30s' }, '30s'],
  ])('is what the user says: %o', async (options, expected) => {
    await using database = await createDatabase()
    expect((await limits(database, options))[0]).toBe(expected)
    await pool.end()
  })
})
