import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { Pool } from '../../../src/index'
import { createDatabase, type TestDatabase } from '../../support/database'

type MakePool = new (options: object) => pg.Pool

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())

/** What an option's value comes to, seen from outside. */
type Effect = (pool: pg.Pool) => Promise<unknown>

/** How many of twelve callers get a connection of their own. */
const size: Effect = async (pool) => {
  const asked = Array.from({ length: 12 }, () => pool.connect().then((client) => client.release()))
  const { totalCount } = pool
  await Promise.all(asked)
  return totalCount
}

/** How many of two connections are left after a while. */
const left: Effect = async (pool) => {
  const clients = await Promise.all([pool.connect(), pool.connect()])
  for (const client of clients) client.release()
  await pause(150)
  return pool.totalCount
}

/** How many connections three queries take, one after the other. */
const connects: Effect = async (pool) => {
  let count = 0
  pool.on('connect', () => {
    count += 1
  })
  for (let time = 0; time < 3; time += 1) await pool.query('SELECT 1')
  return count
}

/** Whether a caller waits for a connection that is lent, or gives up. */
const patience: Effect = async (pool) => {
  const held = await Promise.all(Array.from({ length: pool.options.max }, () => pool.connect()))
  const asked = pool.query('SELECT 1').then(
    () => 'served',
    ({ message }) => message.slice(0, 16),
  )
  const outcome = await Promise.race([asked, pause(500, 'waits')])
  for (const client of held) client.release()
  await asked
  return outcome
}

const asked =
  (text: string): Effect =>
  async (pool) => {
    const { rows } = await pool.query({ text, rowMode: 'array' })
    return rows[0]?.[0]
  }

const setting = (name: string) => asked(`SELECT current_setting('${name}')`)

/** Whether it gets in, or why not. */
const entry: Effect = (pool) =>
  pool.query('SELECT 1').then(
    () => 'in',
    ({ message }) => message,
  )

/** Whether an idle connection keeps the process alive. */
const holds: Effect = async (pool) => {
  const client = await pool.connect()
  client.release()
  await pause(1)
  return (client.connection.stream as unknown as { _handle: { hasRef(): boolean } })._handle.hasRef()
}

const ofClient =
  (read: (client: never) => unknown): Effect =>
  async (pool) => {
    const client = await pool.connect()
    client.release()
    return read(client as never)
  }

const keepsAlive = ofClient(({ connection }: { connection: { _keepAlive: unknown } }) => Boolean(connection._keepAlive))
const isBinary = ofClient(({ binary }: { binary: unknown }) => Boolean(binary))

const sleep = asked('SELECT pg_sleep(0.1)')
const timed: Effect = (pool) =>
  sleep(pool).then(
    () => 'done',
    ({ message }) => message,
  )

const few = { idleTimeoutMillis: 20 }
const noTls = 'The server does not support SSL connections'

/** In pairs: what was given, and what both pools make of it. */
const rows: readonly (readonly [options: Record<string, unknown>, effect: Effect, comesTo: unknown])[] = [
  [{ max: 3 }, size, 3],
  [{ max: '3' }, size, 3],
  [{ max: 0 }, size, 10],
  [{ max: '' }, size, 10],
  [{ max: null }, size, 10],
  [{ max: undefined }, size, 10],
  [{ max: false }, size, 10],
  [{ max: Number.POSITIVE_INFINITY }, size, 12],
  [{ poolSize: 4 }, size, 4],
  [{ poolSize: '4' }, size, 4],
  [{ max: 0, poolSize: 4 }, size, 4],
  [{ max: 4, poolSize: 4 }, size, 4],
  [{ min: 1, ...few }, left, 1],
  [{ min: '1', ...few }, left, 1],
  [{ min: 0, ...few }, left, 0],
  [{ min: '', ...few }, left, 0],
  [{ min: null, ...few }, left, 0],
  [{ idleTimeoutMillis: 20 }, left, 0],
  [{ idleTimeoutMillis: '20' }, left, 0],
  [{ idleTimeoutMillis: 0 }, left, 2],
  [{ idleTimeoutMillis: '' }, left, 2],
  [{ idleTimeoutMillis: null }, left, 2],
  [{ idleTimeoutMillis: false }, left, 2],
  [{ idleTimeoutMillis: undefined }, left, 2],
  [{ maxLifetimeSeconds: 0.05 }, left, 0],
  [{ maxLifetimeSeconds: '0.05' }, left, 0],
  [{ maxLifetimeSeconds: 0 }, left, 2],
  [{ maxLifetimeSeconds: '' }, left, 2],
  [{ maxUses: 2 }, connects, 2],
  [{ maxUses: '2' }, connects, 2],
  [{ maxUses: 0 }, connects, 1],
  [{ maxUses: null }, connects, 1],
  [{ maxUses: Number.POSITIVE_INFINITY }, connects, 1],
  [{ max: 1, connectionTimeoutMillis: 300 }, patience, 'timeout exceeded'],
  [{ max: 1, connectionTimeoutMillis: '300' }, patience, 'timeout exceeded'],
  [{ max: 1, connectionTimeoutMillis: 0 }, patience, 'waits'],
  [{ max: 1, connectionTimeoutMillis: '' }, patience, 'waits'],
  [{ max: 1, connectionTimeoutMillis: null }, patience, 'waits'],
  [{ max: 1, connectionTimeoutMillis: false }, patience, 'waits'],
  [{ allowExitOnIdle: true }, holds, false],
  [{ allowExitOnIdle: 1 }, holds, false],
  [{ allowExitOnIdle: 'yes' }, holds, false],
  [{ allowExitOnIdle: false }, holds, true],
  [{ allowExitOnIdle: 0 }, holds, true],
  [{ keepAlive: true }, keepsAlive, true],
  [{ keepAlive: 1 }, keepsAlive, true],
  [{ keepAlive: 0 }, keepsAlive, false],
  [{ keepAlive: true, keepAliveInitialDelayMillis: '1000' }, keepsAlive, true],
  [{ binary: 1 }, isBinary, true],
  [{ pipeline: 1 }, asked('SELECT 1'), 1],
  [{ statement_timeout: 5000 }, setting('statement_timeout'), '5s'],
  [{ statement_timeout: '5000' }, setting('statement_timeout'), '5s'],
  [{ statement_timeout: false }, setting('statement_timeout'), '0'],
  [{ lock_timeout: '5000' }, setting('lock_timeout'), '5s'],
  [{ idle_in_transaction_session_timeout: 5000 }, setting('idle_in_transaction_session_timeout'), '5s'],
  [{ query_timeout: 20 }, timed, 'Query read timeout'],
  [{ query_timeout: '20' }, timed, 'Query read timeout'],
  [{ query_timeout: 0 }, timed, 'done'],
  [{ query_timeout: false }, timed, 'done'],
  [{ application_name: 'orders' }, setting('application_name'), 'orders'],
  [{ application_name: '' }, setting('application_name'), ''],
  [{ fallback_application_name: 'orders' }, setting('application_name'), 'orders'],
  [{ options: '-c work_mem=7MB' }, setting('work_mem'), '7MB'],
  [{ types: { getTypeParser: () => () => 'parsed' } }, asked('SELECT 1'), 'parsed'],
  [{ connectionString: '' }, entry, 'in'],
  [{ connectionString: null }, entry, 'in'],
  [{ connectionString: undefined }, entry, 'in'],
  [{ ssl: false }, entry, 'in'],
  [{ ssl: null }, entry, 'in'],
  [{ ssl: '' }, entry, 'in'],
  [{ ssl: true }, entry, noTls],
  [{ ssl: 'true' }, entry, noTls],
  [{ ssl: {} }, entry, noTls],
  [{ ssl: 'no-verify' }, entry, noTls],
  [{ log: false, Promise: null, Client: undefined, onConnect: null, verify: 0, stream: undefined }, entry, 'in'],
  [{ schema: 'app', debug: false, adapter: 'x', connectionLimit: 5, client: 'pg', type: 'postgres' }, entry, 'in'],
]

async function effectOf(Make: MakePool, options: object, effect: Effect): Promise<unknown> {
  const pool = new Make({ ...database.config, ...options })
  pool.on('error', () => {})
  try {
    return await effect(pool)
  } finally {
    await pool.end()
  }
}

it('the table has what people pass', () => {
  expect(rows.length).toBeGreaterThan(60)
})

it.each(rows)('%o comes to the same with pg.Pool and here (%#)', async (options, effect, comesTo) => {
  expect(await effectOf(pg.Pool as MakePool, options, effect)).toEqual(comesTo)
  expect(await effectOf(Pool, options, effect)).toEqual(comesTo)
})

it('a password and a port come in each of their forms', async () => {
  const { password, port } = database.config
  for (const form of [{ password: () => password }, { password: async () => password }, { port: String(port) }]) {
    expect(await effectOf(pg.Pool as MakePool, form, entry)).toBe('in')
    expect(await effectOf(Pool, form, entry)).toBe('in')
  }
})

describe('where the values differ in what they come to:', () => {
  it.each([
    [{ idleTimeoutMillis: Number.POSITIVE_INFINITY }, left, 2],
    [{ idleTimeoutMillis: 'Infinity' }, left, 2],
    [{ maxLifetimeSeconds: Number.POSITIVE_INFINITY }, left, 2],
    [{ max: 1, connectionTimeoutMillis: Number.POSITIVE_INFINITY }, patience, 'waits'],
    [{ query_timeout: Number.POSITIVE_INFINITY }, timed, 'done'],
  ] as const)(
    '%o is no limit, where a timer of stock’s takes it for a millisecond',
    async (options, effect, comesTo) => {
      const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      const ofStock = effectOf(pg.Pool as MakePool, options, effect).catch(({ message }) => message)
      expect(await ofStock).not.toEqual(comesTo)
      warn.mockRestore()
      expect(await effectOf(Pool, options, effect)).toEqual(comesTo)
    },
  )

  it('a number is a password, which stock can’t send', async () => {
    await database.admin.query("CREATE ROLE numbered LOGIN PASSWORD '12345'")
    const options = { user: 'numbered', password: 12_345 }
    expect(await effectOf(pg.Pool as MakePool, options, entry)).toContain('password must be a string')
    expect(await effectOf(Pool, options, entry)).toBe('in')
    await database.admin.query('DROP ROLE numbered')
  })

  it('idle connections let the process end where nothing is said of that', async () => {
    expect(await effectOf(pg.Pool as MakePool, {}, holds)).toBe(true)
    expect(await effectOf(Pool, {}, holds)).toBe(false)
  })

  it.each([
    { max: -1 },
    { max: 2.5 },
    { max: 'many' },
    { max: Number.NaN },
    { max: 1, min: 2 },
    { max: 5, poolSize: 3 },
    { min: -1 },
    { idleTimeoutMillis: -1 },
    { connectionTimeoutMillis: '5s' },
    { statement_timeout: Number.NaN },
    { log: 'loud' },
    { ssl: 'require' },
    { connectionString: 'mysql://localhost/db' },
  ])('%o is refused by name, where stock takes it for something else', (options) => {
    const name = Object.keys(options).at(-1)
    expect(() => new pg.Pool(options as never)).not.toThrow()
    expect(() => new Pool(options as never)).toThrow(
      expect.objectContaining({ code: 'POOL_OPTION_INVALID', option: name }),
    )
  })
})

it('an idle connection that is closed by its lifetime is told as removed', async () => {
  const pool = new Pool({ ...database.config, maxLifetimeSeconds: 0.05 })
  const removed = once(pool, 'remove')
  await pool.query('SELECT 1')
  await removed
  expect(pool.stats().retired.lifetime).toBe(1)
  await pool.end()
})
