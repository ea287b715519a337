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

describe('the lease', () => {
  const lease = async () =>
    (
      await pool.query({
        text: "SELECT current_setting('idle_session_timeout'), current_setting('idle_in_transaction_session_timeout')",
        rowMode: 'array',
      })
    ).rows[0]

  it.each([
    ['nobody', '1min', () => 'SELECT 1'],
    ['the database', '20s', (name: string) => `ALTER DATABASE ${name} SET idle_session_timeout = '20s'`],
    ['the role', '20s', (_: string, user: string) => `ALTER ROLE ${user} SET idle_session_timeout = '20s'`],
    ['the role, less strictly', '1min', (_: string, user: string) => `ALTER ROLE ${user} SET idle_session_timeout = 0`],
  ])('is never made weaker than %s says', async (_, expected, alter) => {
    await using database = await createDatabase()
    const { database: name, password } = database.config
    const user = `${name}_owner`
    await database.admin.query(`CREATE ROLE ${user} LOGIN PASSWORD '${password}'`)
    try {
      await database.admin.query(alter(name, user))
      pool = new Pool({ ...database.config, user, leaseMillis: 60_000 })
      expect(await lease()).toEqual([expected, '1min'])
      await pool.end()
    } finally {
      await database.admin.query(`DROP ROLE ${user}`)
    }
  })

  it.each([
    ['rollback', 'RESET ALL'],
    ['rollback', 'DISCARD ALL'],
    ['rollback', 'BEGIN; RESET ALL; COMMIT'],
    ['none', 'RESET idle_session_timeout'],
    ['clean', 'SELECT 1'],
  ] as const)('holds with `reset: %s` after `%s`', async (reset, text) => {
    await using database = await createDatabase()
    pool = new Pool({ ...database.config, leaseMillis: 60_000, max: 1, reset })
    await pool.use((client) => client.query(text))
    await pool.query(text.startsWith('BEGIN') ? 'SELECT 1' : text)
    expect(await lease()).toEqual(['1min', '1min'])
    expect(pool.stats()).toMatchObject({ dials: 1 })
    await pool.end()
  })

  it('is asked of a client in a pipeline too, whose queue is its own', async () => {
    await using database = await createDatabase()
    pool = new Pool({ ...database.config, leaseMillis: 60_000, pipeline: true } as PoolOptions)
    expect(await lease()).toEqual(['1min', '1min'])
    await pool.end()
  })

  it('lasts no longer than a call where a transaction is idle', async () => {
    await using database = await createDatabase()
    pool = new Pool({ ...database.config, leaseMillis: 60_000 })
    const handler = wrapHandler(async (_event: object, _context: object) => lease())
    expect(await handler({}, { getRemainingTimeInMillis: () => FUNCTION_MILLIS })).toEqual(['1min', '4s'])
    await pool.end()
  })
})
