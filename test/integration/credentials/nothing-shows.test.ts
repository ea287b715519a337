import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer } from 'node:net'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { credentialsFrom } from '../../../src/credentials/index'
import { rdsIam } from '../../../src/credentials/rds-iam'
import { secretsExtension } from '../../../src/credentials/secrets-extension'
import { secretsManager } from '../../../src/credentials/secrets-manager'
import { type CredentialsProvider, createPool, Pool, type PoolOptions, wrapHandler } from '../../../src/index'
import { environment } from '../../../src/registry/environment'
import { noAwsVariables, useEnvironmentVariables } from '../../support/environment-variables'
import { SecretsExtensionDouble } from '../../support/secrets-extension'
import { type Fault, SecretsManagerDouble } from '../../support/secrets-manager'
import { certificateAuthority } from '../../support/tls-certificates'
import { startTlsServer, type TlsServer } from '../../support/tls-server'

const set = useEnvironmentVariables()
const secretId = 'orders/database'
/** In one piece wherever it goes: no character of it is escaped anywhere. */
const marker = 'hunter2marker'
/** The keys of the function, which are secrets too. */
const keys = ['wJalrXUtnFEMI', 'a session+token/=', 'session%2Btoken']
const secrets = [marker, ...keys, Buffer.from(marker).toString('base64'), Buffer.from(marker).toString('hex')]

let server: TlsServer
let service: SecretsManagerDouble
let extension: SecretsExtensionDouble
/** Everything that was thrown, emitted, published, counted and printed. */
let heard: unknown[]
let pools: Pool[]

const hear = (...said: unknown[]) => void heard.push(...said)
const onWarning = (warning: Error) => hear(warning)
const channels = ['pg-thaw:leak', 'pg-thaw:fault']

beforeAll(async () => {
  server = await startTlsServer()
})
afterAll(() => server?.close())
beforeEach(async () => {
  service = await SecretsManagerDouble.start()
  set({ ...noAwsVariables, ...service.environment })
  extension = await SecretsExtensionDouble.start(service)
  set({ PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: String(extension.port) })
  service.put(secretId, JSON.stringify({ username: server.user, password: marker }))
  heard = []
  pools = []
  for (const name of channels) subscribe(name, hear)
  process.on('warning', onWarning)
})
afterEach(async () => {
  for (const name of channels) unsubscribe(name, hear)
  process.off('warning', onWarning)
  await Promise.all(pools.map((pool) => pool.end()))
  await extension[Symbol.asyncDispose]()
  await service.close()
})

function open(options: PoolOptions = {}): Pool {
  const { host, port, database } = server
  const pool = new Pool({ host, port, database, connectionTimeoutMillis: 2000, ...options })
  for (const event of ['error', 'connect', 'acquire', 'remove', 'release']) pool.on(event as 'error', hear)
  pools.push(pool)
  return pool
}

/** Runs what should fail, in all the ways in which a pool is asked, and keeps what comes of it. */
async function fails(pool: Pool, code: string | RegExp): Promise<void> {
  const asked = [
    pool.query('SELECT 1'),
    pool.connect(),
    pool.use(async () => {}),
    pool.transaction(async () => {}),
    new Promise((_, reject) => pool.query('SELECT 1', reject)),
  ]
  for (const result of await Promise.allSettled(asked)) {
    if (result.status === 'fulfilled') throw new Error('Expected it to fail')
    expect(String(result.reason.code)).toMatch(code)
    hear(result.reason)
  }
}

/** Everything that can be seen of it, as text. */
function shown(it: unknown): string {
  const options = { depth: Number.POSITIVE_INFINITY, showHidden: true, maxArrayLength: null, maxStringLength: null }
  const texts = [inspect(it, options), inspect(it), String(it)]
  if (it instanceof Error) texts.push(it.stack ?? '', it.message)
  try {
    texts.push(JSON.stringify(it) ?? '')
  } catch {
    // What leads back to itself is no JSON.
  }
  if (typeof it === 'object' && it !== null) {
    try {
      texts.push(JSON.stringify({ ...it }) ?? '')
    } catch {
      // The same.
    }
  }
  return texts.join('\n')
}

function expectNothingShown(): void {
  const all = [
    ...heard,
    ...pools,
    ...pools.map((pool) => pool.stats()),
    ...pools.map((pool) => pool.options),
    environment(),
  ]
  expect(heard).not.toEqual([])
  for (const it of all) {
    const text = shown(it)
    for (const secret of secrets) {
      const at = text.indexOf(secret)
      expect(at === -1 ? undefined : text.slice(Math.max(0, at - 200), at + 100)).toBeUndefined()
    }
  }
}

const given = (password: string = marker) => credentialsFrom(async () => ({ user: server.user, password }))

describe('no secret shows', () => {
  it('where the server refuses it, again and again', async () => {
    for (const credentials of [secretsManager({ secretId }), secretsExtension({ secretId }), given()]) {
      const pool = open({ credentials })
      await fails(pool, /^28P01$/)
      await fails(pool, /^28P01$/)
    }
    await fails(open({ user: server.user, password: marker }), /^28P01$/)
    await fails(open({ user: server.user, password: async () => marker }), /^28P01$/)
    const { host, port } = server
    await fails(open({ connectionString: `postgres://postgres:${marker}@${host}:${port}/postgres` }), /^28P01$/)
    expectNothingShown()
  })

  const faults: Fault[] = ['throttled', 'internal-error', 'access-denied', 'expired-token', 'reset', 'cut']

  it.each(faults)(
    'where Secrets Manager is %s',
    async (fault) => {
      service.fail(fault)
      extension.refuse(500, `{"SecretString":"${marker}"`)
      const both = [secretsManager({ secretId }), secretsExtension({ secretId })].map((credentials) =>
        fails(open({ credentials, connectionTimeoutMillis: 1000 }), /^POOL_(CREDENTIALS_FAILED|ACQUIRE_TIMEOUT)$/),
      )
      await Promise.all(both)
      expectNothingShown()
    },
    60_000,
  )

  const unreadable: Record<string, string | Buffer> = {
    'is no JSON': marker,
    'is broken JSON': `{"username":"app","password":"${marker}"`,
    'has no password': JSON.stringify({ username: 'app', pwd: marker }),
    'has a password that is none': JSON.stringify({ username: 'app', password: { marker } }),
    'has no user': JSON.stringify({ password: marker }),
    'has a port that is none': JSON.stringify({ username: 'app', password: 'x', port: marker }),
    'belongs to another engine': JSON.stringify({ username: 'app', password: marker, engine: `mysql${marker}` }),
    'is binary': Buffer.from(marker),
  }

  it.each(Object.entries(unreadable))('of a secret that %s', async (_, content) => {
    service.put(secretId, content)
    for (const provider of [secretsManager({ secretId }), secretsExtension({ secretId })]) {
      await fails(open({ credentials: provider }), /^POOL_CREDENTIALS_FAILED$/)
    }
    expect(shown(heard)).toContain(secretId)
    expectNothingShown()
  })

  const parsers: Record<string, (secret: string) => never> = {
    'throws an error': (secret) => {
      throw Object.assign(new Error(`can't read ${secret}`, { cause: secret }), { secret })
    },
    'throws the secret': (secret) => {
      throw secret
    },
    'gives nonsense': (secret) => ({ user: 'app', password: [secret], port: secret }) as never,
  }

  it.each(Object.entries(parsers))('where a `parse` %s', async (_, parse) => {
    for (const provider of [secretsManager({ secretId, parse }), secretsExtension({ secretId, parse })]) {
      await fails(open({ credentials: provider }), /^POOL_CREDENTIALS_(FAILED|INVALID)$/)
    }
    expectNothingShown()
  })

  const providers: Record<string, CredentialsProvider> = {
    'rejects with an error that has it': () => {
      const error = Object.assign(new Error(`not ${marker}`, { cause: new Error(marker) }), { request: { marker } })
      error.stack = `Error: not ${marker}\n    at ${marker}`
      return Promise.reject(error)
    },
    'rejects with one that looks like ours': () =>
      Promise.reject(Object.assign(new Error(marker), { code: 'CREDENTIALS_UNAVAILABLE' })),
    'throws it': () => {
      throw marker
    },
    'rejects with an object that has it': () => Promise.reject({ code: 'ECONNRESET', message: marker, marker }),
    'trips over it': async () => JSON.parse(`{"password":"${marker}`),
    'gives something else': () => ({ username: 'app', password: marker }),
    'gives a string': () => marker as never,
    'gives a URL for a port': () => ({ password: marker, port: `postgres://app:${marker}@db` as never }),
    'gives a password that is none': () => ({ password: { marker } as never }),
  }

  it.each(Object.entries(providers))(
    'where a function of the user %s',
    async (_, provider) => {
      const pool = open({ credentials: credentialsFrom(provider), connectionTimeoutMillis: 500 })
      await fails(pool, /^POOL_(CREDENTIALS_(FAILED|INVALID)|ACQUIRE_TIMEOUT)$/)
      expectNothingShown()
    },
    60_000,
  )

  it('where TLS is refused, or can not be had', async () => {
    const credentials = given()
    const ca = certificateAuthority().cert
    const plain = await startTlsServer({ settings: { ssl: 'off' } })
    await fails(open({ credentials, ssl: 'verify-full', ca }), /^UNABLE_TO_VERIFY/)
    await fails(open({ credentials, ssl: 'verify-full' }), /^UNABLE_TO_VERIFY/)
    await fails(open({ credentials, ssl: { ca, key: marker, passphrase: marker } }), /./)
    await fails(open({ credentials, ssl: 'verify-full', port: plain.port }), /^POOL_DIAL_FAILED$/)
    await plain.close()
    const { user, port, database } = server
    const url = `postgres://${user}:${marker}@localhost:${port}/${database}`
    await fails(open({ connectionString: `${url}?sslmode=verify-full` }), /^UNABLE_TO_VERIFY/)
    await fails(open({ connectionString: `${url}?sslmode=verify-full&sslrootcert=/nowhere` }), /^ENOENT$/)
    await fails(open({ connectionString: `${url}?sslrootcert=/nowhere` }), /^ENOENT$/)
    expectNothingShown()
  }, 60_000)

  it('where a token would have to travel in plain text', async () => {
    const credentials = credentialsFrom(async () => ({ user: 'app', password: marker, requiresEncryption: true }))
    await fails(open({ credentials, host: '198.18.0.1', connectionTimeoutMillis: 300 }), /./)
    // The address is this machine's, and does not say so.
    await fails(open({ credentials, host: '0.0.0.0' }), /^POOL_CREDENTIALS_PLAIN_TEXT$/)
    const iam = open({
      credentials: rdsIam({ host: '0.0.0.0', port: server.port, user: 'app', region: 'eu-west-1' }),
      host: undefined,
    })
    await fails(iam, /^POOL_CREDENTIALS_PLAIN_TEXT$/)
    expectNothingShown()
  })

  it('where nobody listens, hangs up, or answers', async () => {
    const hangingUp = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    const portOf = (it: typeof silent) => (it.address() as { port: number }).port
    const options = { credentials: given(), connectionTimeoutMillis: 300 }
    await fails(open({ ...options, port: 1 }), /^ECONNREFUSED$/)
    await fails(open({ ...options, port: portOf(hangingUp) }), /^ECONNRESET$/)
    await fails(open({ ...options, port: portOf(silent) }), /^POOL_ACQUIRE_TIMEOUT$/)
    const slow: CredentialsProvider = () => new Promise((resolve) => setTimeout(resolve, 600, { password: marker }))
    await fails(open({ ...options, credentials: credentialsFrom(slow) }), /^POOL_ACQUIRE_TIMEOUT$/)
    hangingUp.close()
    silent.close()
    expectNothingShown()
  })

  const wrongOptions: Record<string, unknown>[] = [
    { credentials: { user: 'app', password: marker } },
    { credentials: marker },
    { credentials: () => ({ password: marker }) },
    { connectionString: `host=db password=${marker}` },
    { connectionString: `mysql://app:${marker}@db/orders` },
    { connectionString: { url: marker } },
    { connectionString: 5, password: marker },
    { password: marker, max: -1 },
    { connectionString: `postgres://app:${marker}@db/orders`, maxx: 1 },
    { ssl: `-----BEGIN PRIVATE KEY-----${marker}` },
    { ssl: true, ca: marker },
    { name: '', password: marker },
  ]

  it('where options are refused', () => {
    for (const options of wrongOptions) {
      for (const make of [() => new Pool(options), () => createPool(options)]) {
        expect(make).toThrow()
        try {
          make()
        } catch (error) {
          hear(error)
        }
      }
    }
    expectNothingShown()
  })

  it.each([
    `postgres://app:${marker}@db:port/orders`,
    `postgres://app:${marker}@db/orders?sslnegotiation=${'none'}`,
    `postgres://app:${marker}@[::1/orders`,
    `postgres://app:${marker}%zz@db/%E0%A4%A`,
  ])('where a connection string is wrong: %#', async (connectionString) => {
    await fails(open({ connectionString, connectionTimeoutMillis: 500 }), /./)
    await fails(open({ connectionString, credentials: given(), connectionTimeoutMillis: 500 }), /./)
    expectNothingShown()
  })

  it('where a provider is made with wrong options', () => {
    const made = [
      () => secretsManager({ secretId: '', user: marker }),
      () => secretsManager({ secretId, password: marker } as never),
      () => secretsManager({ secretId, client: { marker } } as never),
      () => secretsExtension({ secretId: { marker } } as never),
      () => rdsIam({ host: 'db', user: 'app', port: { marker } } as never),
    ]
    for (const make of made) {
      expect(make).toThrow()
      try {
        make()
      } catch (error) {
        hear(error)
      }
    }
    expectNothingShown()
  })

  it('in a pool that works, its clients, what it tells, and what goes wrong later', async () => {
    const role = `app_${marker.length}`
    const admin = open({ user: server.user, password: server.password })
    await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${marker}'`)
    const { host, port, authority } = server
    service.put(secretId, JSON.stringify({ username: role, password: marker, host, port, dbname: 'postgres' }))
    const url = `postgres://${role}:${marker}@${host}:${port}/postgres`
    const tls: PoolOptions = { ssl: 'verify-full', ca: authority.cert }
    const ways: PoolOptions[] = [
      { credentials: secretsManager({ secretId }), ...tls },
      { credentials: secretsExtension({ secretId }) },
      { credentials: credentialsFrom(async () => ({ user: role, password: marker })), ...tls, leakDetection: true },
      { connectionString: url, ...tls },
      { user: role, password: marker },
      { user: role, password: async () => marker },
    ]
    for (const options of ways) {
      const pool = open({ host, port, max: 3, ...options })
      const fault = () => {
        throw new Error('a listener')
      }
      pool.on('acquire', fault)
      const client = await pool.connect()
      hear(client, Reflect.get(client, 'connectionParameters'))
      await client.query('SELECT 1/0').catch(hear)
      await client.query('SELECT pg_terminate_backend(pg_backend_pid())').catch(hear)
      client.release()
      expect(() => client.release()).not.toThrow(marker)
      const { rows } = await pool.query('SELECT current_user AS name')
      expect(rows).toEqual([{ name: role }])
      // What is left out is told of when the call is over.
      const forgetful = wrapHandler(async (_: object) => void (await pool.connect()))
      await forgetful({})
      hear(createPool({ name: `a pool of ${pools.length}`, ...options }))
    }
    for (const name of channels) expect(heard).toContain(name)
    expectNothingShown()
    for (const pool of [...environment().pools]) if (pool.name?.startsWith('a pool of')) await (pool.pool as Pool).end()
    await Promise.all(pools.filter((pool) => pool !== admin).map((pool) => pool.end()))
    await admin.query(`DROP ROLE ${role}`)
  })
})
