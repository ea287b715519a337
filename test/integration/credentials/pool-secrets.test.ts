import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { secretsManager } from '../../../src/credentials/secrets-manager'
import { Pool, type PoolOptions } from '../../../src/index'
import { noAwsVariables, useEnvironmentVariables } from '../../support/environment-variables'
import { RotatingRoles } from '../../support/rotating-roles'
import { type Fault, SecretsManagerDouble } from '../../support/secrets-manager'
import { startTlsServer, type TlsServer } from '../../support/tls-server'

const set = useEnvironmentVariables()
const secretId = 'orders/database'

let server: TlsServer
let service: SecretsManagerDouble
let roles: RotatingRoles
let pool: Pool
/** How many sign-ins the server has refused. */
let refusals: number

beforeAll(async () => {
  const onLog = (line: string) => {
    if (line.includes('password authentication failed')) refusals += 1
  }
  server = await startTlsServer({ settings: { max_connections: '100' }, onLog })
})
afterAll(() => server?.close())
beforeEach(async () => {
  service = await SecretsManagerDouble.start()
  set({ ...noAwsVariables, ...service.environment })
  roles = await RotatingRoles.create(server)
  service.put(secretId, roles.secretAtFirst)
  refusals = 0
})
afterEach(async () => {
  vi.useRealTimers()
  await pool.end()
  await roles.drop()
  await service.close()
})

/** Everything but the authority comes out of the secret. */
function open(options: PoolOptions = {}): Pool {
  const ca = server.authority.cert
  pool = new Pool({ credentials: secretsManager({ secretId }), ssl: 'verify-full', ca, ...options })
  return pool
}

const user = async () => (await pool.query('SELECT current_user AS name')).rows[0].name

/** A query on a connection that is opened for it. */
async function dialAnew(): Promise<string> {
  await pool.drain()
  return user()
}

/** Of so many calls at once: the codes of those that failed. */
async function failures(calls: number): Promise<unknown[]> {
  const results = await Promise.allSettled(Array.from({ length: calls }, () => pool.query('SELECT 1')))
  return results.flatMap((it) => (it.status === 'rejected' ? [it.reason.code] : []))
}

const requests = () => service.calls.map(({ stage }) => stage)

describe('a cold pool', () => {
  it('reads the secret once for fifty dials at once', async () => {
    open({ max: 50 })
    const clients = await Promise.all(Array.from({ length: 50 }, () => pool.connect()))
    expect(await roles.sessions(roles.names[0])).toBe(50)
    for (const client of clients) client.release()
    expect(requests()).toEqual(['AWSCURRENT'])
  })
})

describe('a pool whose secret still works', () => {
  const ttlSeconds = 5

  /** Half a minute, as the pool's clocks have it: a second for each call. */
  async function halfAMinute(): Promise<string[]> {
    const users: string[] = []
    for (let second = 0; second < 30; second += 1) {
      vi.setSystemTime(Date.now() + 1000)
      users.push(await dialAnew())
    }
    return users
  }

  it.each(['internal-error', 'throttled', 'access-denied', 'reset', 'silence'] satisfies Fault[])(
    'fails no call while Secrets Manager is down for 30 s: %s',
    async (fault) => {
      vi.useFakeTimers({ toFake: ['Date'] })
      open({ credentialsTtlMillis: ttlSeconds * 1000 })
      expect(await user()).toBe(roles.names[0])
      service.fail(fault)
      expect(new Set(await halfAMinute())).toEqual(new Set([roles.names[0]]))
      const attempts = service.count() - 1
      expect(attempts).toBeGreaterThan(3)
      // It is asked for news again, as soon as it has any.
      service.recover()
      await halfAMinute()
      expect(service.count() - 1).toBeGreaterThan(attempts)
      expect(refusals).toBe(0)
    },
    60_000,
  )
})

describe('a pool whose secret is wrong for good', () => {
  it('reads it anew once, and then fails at once, without asking anybody', async () => {
    service.put(secretId, roles.secret(roles.names[0], 'wrong'))
    open({ connectionTimeoutMillis: 60_000 })
    const began = performance.now()
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({
      name: 'DialError',
      code: '28P01',
      retry: 'never',
      message: expect.stringContaining('password authentication failed'),
    })
    const asked = ['AWSCURRENT', 'AWSPENDING', 'AWSCURRENT']
    expect([requests(), refusals]).toEqual([asked, 1])
    for (let call = 0; call < 30; call += 1) expect(await failures(1)).toEqual(['28P01'])
    expect([requests(), refusals]).toEqual([asked, 1])
    expect(performance.now() - began).toBeLessThan(20_000)
  })

  it('does so for many callers at once, with no more attempts than connections', async () => {
    service.put(secretId, roles.secret(roles.names[0], 'wrong'))
    open({ max: 5, connectionTimeoutMillis: 60_000 })
    expect(await failures(50)).toEqual(Array(50).fill('28P01'))
    expect(await failures(50)).toEqual(Array(50).fill('28P01'))
    expect(requests()).toEqual(['AWSCURRENT', 'AWSPENDING', 'AWSCURRENT'])
    expect(refusals).toBeLessThanOrEqual(5)
  })

  it('does so too when it had been right, and works again as soon as it is', async () => {
    open()
    expect(await user()).toBe(roles.names[0])
    await roles.alter(roles.secret(roles.names[0], 'changed by hand'))
    await pool.drain()
    expect(await failures(20)).toEqual(Array(20).fill('28P01'))
    expect(requests()).toEqual(['AWSCURRENT', 'AWSPENDING', 'AWSCURRENT'])
    service.put(secretId, roles.secret(roles.names[0], 'changed by hand'))
    // One attempt is let through now and then.
    vi.useFakeTimers({ toFake: ['Date'] })
    vi.setSystemTime(Date.now() + 10_000)
    expect(await user()).toBe(roles.names[0])
  })
})
