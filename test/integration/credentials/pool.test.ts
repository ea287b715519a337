import { startRelay } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { CredentialsError, credentialsFrom } from '../../../src/credentials/index'
import { type Credentials, Pool, type PoolOptions } from '../../../src/index'
import { createDatabase, type TestDatabase } from '../../support/database'

let database: TestDatabase
let pool: Pool
let role: string
let given: Credentials
let asked: boolean[]

beforeAll(async () => {
  database = await createDatabase()
  role = `app_${database.config.database}`
  await database.admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'first'`)
  await database.admin.query(`CREATE ROLE ${role}_b LOGIN PASSWORD 'other'`)
})
afterAll(async () => {
  await database.admin.query(`DROP ROLE ${role}`)
  await database.admin.query(`DROP ROLE ${role}_b`)
  await database.dispose()
})
beforeEach(async () => {
  await database.admin.query(`ALTER ROLE ${role} PASSWORD 'first'`)
  given = { user: role, password: 'first' }
  asked = []
})
afterEach(async () => {
  await pool.end()
  await database.untilSessions(0)
})

function open(options: PoolOptions = {}): void {
  const { host, port, database: name } = database.config
  const credentials = credentialsFrom(({ fresh }) => {
    asked.push(fresh)
    return given
  })
  pool = new Pool({ host, port, database: name, credentials, ...options })
}

async function user(): Promise<string> {
  return (await pool.query('SELECT current_user AS name')).rows[0].name
}

describe('a pool with a credentials provider', () => {
  it('asks it once for connections that are opened at the same time', async () => {
    open({ max: 10 })
    const clients = await Promise.all(Array.from({ length: 10 }, () => pool.connect()))
    for (const client of clients) client.release()
    expect(asked).toEqual([false])
    expect(await user()).toBe(role)
  })

  it('asks anew, past every cache, when the server refuses what it gave, and no call fails', async () => {
    open()
    expect(await user()).toBe(role)
    await database.admin.query(`ALTER ROLE ${role} PASSWORD 'second'`)
    given = { user: role, password: 'second' }
    await pool.drain()
    expect(await user()).toBe(role)
    expect(asked).toEqual([false, true])
  })

  it('fails at once, after one more look, where it is wrong for good', async () => {
    open({ connectionTimeoutMillis: 5000 })
    given = { user: role, password: 'marker-secret' }
    const error = await pool.query('SELECT 1').catch((it: unknown) => it)
    expect(error).toMatchObject({ code: '28P01', retry: 'never' })
    expect(asked).toEqual([false, true])
  })

  it('goes over to another user: idle connections are closed, those that are lent after their loan', async () => {
    open({ credentialsTtlMillis: 0 })
    const client = await pool.connect()
    given = { user: `${role}_b`, password: 'other' }
    const other = await pool.connect()
    other.release()
    expect(await user()).toBe(`${role}_b`)
    expect((await client.query('SELECT current_user AS name')).rows).toEqual([{ name: role }])
    client.release()
    await database.untilSessions(0, { where: `usename = '${role}'` })
  })

  it('takes the address from it, where the options have none', async () => {
    const { host, port, database: name } = database.config
    given = { user: role, password: 'first', host, port, database: name }
    open({ host: undefined, port: 1, database: undefined })
    expect(await user()).toBe(role)
  })

  it('connects to nowhere for a dial that was given up before the address was there', async () => {
    const relay = await startRelay(database.config)
    const { host, port } = relay
    given = { ...given, host, port }
    open({ host: undefined, port: undefined })
    expect(await user()).toBe(role)
    await pool.drain()
    const abort = new AbortController()
    const late = expect(pool.connect({ signal: abort.signal })).rejects.toMatchObject({ code: 'POOL_ACQUIRE_ABORTED' })
    abort.abort()
    await pool.end()
    await late
    // What was under way before this has arrived when it is done.
    const other = new Pool({ ...database.config, host, port })
    await other.query('SELECT 1')
    await other.end()
    expect(relay.connects).toBe(2)
    await relay.close()
  })

  it('refuses unknown words for ssl, and a provider that is none', () => {
    open()
    expect(() => new Pool({ ssl: 'verify-ful' as 'verify-full' })).toThrow(/`ssl`/)
    expect(() => new Pool({ credentials: 'secret' as never })).toThrow(/`credentials` to be a provider/)
  })

  it('refuses a function that brings no more along than itself, and says what to write', () => {
    open()
    const alone = async () => ({ password: 'marker-secret' })
    expect(() => new Pool({ credentials: alone as never })).toThrow(
      expect.objectContaining({
        code: 'POOL_OPTION_INVALID',
        option: 'credentials',
        message: expect.stringContaining('`credentialsFrom(yourFunction)` of pg-thaw/credentials'),
      }),
    )
    expect(() => credentialsFrom('secret' as never)).toThrow(
      expect.objectContaining({ code: 'CREDENTIALS_OPTION_INVALID' }),
    )
  })

  it('says why there are no credentials, in the cause', async () => {
    open()
    given = { username: role } as Credentials
    const error = await pool.query('SELECT 1').catch((it: unknown) => it)
    expect(error).toMatchObject({ name: 'DialError', code: 'POOL_CREDENTIALS_INVALID', retry: 'never' })
    expect((error as Error).cause).toBeInstanceOf(CredentialsError)
    given = { user: role, password: 'first' }
    expect(await user()).toBe(role)
  })

  it('takes null for none', async () => {
    open({ credentials: null as never, user: role, password: 'first' })
    expect(await user()).toBe(role)
  })
})
