import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { credentialsFrom } from '../../../src/credentials/index'
import { type Credentials, Pool, type PoolOptions } from '../../../src/index'
import { useEnvironmentVariables } from '../../support/environment-variables'
import { certificateAuthority } from '../../support/tls-certificates'
import { startRoundTripCounter } from '../../support/tls-round-trips'
import { groupsBefore18, startTlsServer, type TlsServer } from '../../support/tls-server'

let server: TlsServer
let olderServer: TlsServer
let pool: Pool | undefined

beforeAll(async () => {
  server = await startTlsServer()
  olderServer = await startTlsServer({ settings: groupsBefore18 })
})
afterAll(() => Promise.all([server?.close(), olderServer?.close()]))
afterEach(async () => {
  await pool?.end()
  pool = undefined
})

function signedIn(): PoolOptions {
  const { host, port, user, password, database } = server
  return { host, port, user, password, database }
}

/** `postgres://…` of the server with these parameters. */
const url = (parameters: string) => `${server.url}?${parameters}`

/** What the server sees of the first connection. */
async function connection(options: PoolOptions): Promise<{ ssl: boolean; database: string }> {
  await pool?.end()
  pool = new Pool(options)
  const text = 'SELECT ssl, current_database() AS database FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
  return (await pool.query(text)).rows[0]
}

const untrusted = { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', retry: 'never' }

describe("a pool with ssl: 'verify-full'", () => {
  it('trusts the authorities that it is given', async () => {
    const { cert } = server.authority
    for (const ca of [cert, Buffer.from(cert), [certificateAuthority().cert, cert]]) {
      expect(await connection({ ...signedIn(), ssl: 'verify-full', ca })).toMatchObject({ ssl: true })
    }
  })

  it.each([
    ['localhost', {}],
    ['127.0.0.1', {}],
    ['localhost', { sslnegotiation: 'direct' }],
  ] as const)('sends queries together and cancels what runs over it (%s, %o)', async (host, negotiation) => {
    const options: PoolOptions = { ...signedIn(), host, ssl: 'verify-full', ca: server.authority.cert, ...negotiation }
    pool = new Pool({ ...options, max: 1 })
    const watching = new Pool(options)
    await pool.query('SELECT 1')
    const results = await Promise.all(Array.from({ length: 20 }, (_, n) => pool?.query(`SELECT ${n} AS n`)))
    expect(results.map((it) => it?.rows[0].n)).toEqual(Array.from({ length: 20 }, (_, n) => n))
    const slow = 'SELECT pg_sleep(30)'
    const running = async () => {
      const { rowCount } = await watching.query(
        `SELECT FROM pg_stat_activity WHERE query = '${slow}' AND state = 'active'`,
      )
      return rowCount
    }
    const controller = new AbortController()
    const query = pool.query({ text: slow, signal: controller.signal })
    query.catch(() => {})
    await vi.waitUntil(async () => (await running()) === 1, { timeout: 10_000 })
    controller.abort()
    await expect(query).rejects.toMatchObject({ code: 'POOL_QUERY_ABORTED' })
    await vi.waitUntil(async () => (await running()) === 0, { timeout: 10_000 })
    await pool.end()
    expect(pool.stats().forcedCloses).toBe(0)
    await watching.end()
  })

  it('trusts those in a file that an option names', async () => {
    const options: PoolOptions = { ...signedIn(), ssl: 'verify-full', sslrootcert: server.caFile }
    expect(await connection(options)).toMatchObject({ ssl: true })
  })

  it.each([
    ['sslrootcert', (file: string) => `sslrootcert=${file}`],
    ['sslrootcert and sslmode', (file: string) => `sslmode=verify-full&sslrootcert=${file}`],
    ['less than that in sslmode', (file: string) => `sslmode=disable&sslrootcert=${file}&application_name=a`],
    ['an encoded path', (file: string) => `sslrootcert=${encodeURIComponent(file)}`],
  ])('reads a connection string with %s', async (_, parameters) => {
    const connectionString = url(parameters(server.caFile))
    expect(await connection({ connectionString, ssl: 'verify-full' })).toMatchObject({ ssl: true })
  })

  it.each([
    ['nobody', ''],
    ['those of Node.js', 'sslrootcert=system'],
  ])('refuses a server whose authority is not known, with a connection string that names %s', async (_, parameters) => {
    await expect(connection({ connectionString: url(parameters), ssl: 'verify-full' })).rejects.toMatchObject(untrusted)
  })

  it('shows a certificate of its own to a server that asks for one', async () => {
    const { cert, key } = server.authority.issue('client')
    const directory = join(server.caFile, '..')
    const [certFile, keyFile] = [join(directory, 'client.crt'), join(directory, 'client.key')]
    await writeFile(certFile, cert)
    await writeFile(keyFile, key)
    await using asking = await startTlsServer({ settings: { ssl_ca_file: server.caFile } })
    const connectionString = `${asking.url}?sslrootcert=${asking.caFile}&sslcert=${certFile}&sslkey=${keyFile}`
    pool = new Pool({ connectionString, ssl: 'verify-full' })
    const { rows } = await pool.query('SELECT client_dn AS name FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
    expect(rows).toEqual([{ name: '/CN=client' }])
  })

  it('says which file it can not read', async () => {
    const options: PoolOptions = { ...signedIn(), ssl: 'verify-full', sslrootcert: '/nowhere/ca.pem' }
    await expect(connection(options)).rejects.toMatchObject({
      code: 'ENOENT',
      retry: 'never',
      message: expect.stringContaining('/nowhere/ca.pem'),
    })
  })

  it('refuses authorities that are none, or that nobody would look at, by name', async () => {
    expect(() => new Pool({ ssl: 'verify-full', ca: 5 as never })).toThrow(/`ca` to be certificates as PEM/)
    expect(() => new Pool({ ssl: 'verify-full', ca: [] })).toThrow(/`ca` to be certificates as PEM/)
    expect(() => new Pool({ ssl: true, ca: server.authority.cert })).toThrow(/`ca` to come with `ssl: 'verify-full'`/)
    await expect(connection({ ...signedIn(), ssl: 'verify-full', ca: 'none' })).rejects.toThrow(
      /`ca` to be certificates/,
    )
  })
})

describe('a connection string with sslmode=verify-full', () => {
  it('is as good as the option', async () => {
    const connectionString = url(`sslmode=verify-full&sslrootcert=${server.caFile}`)
    expect(await connection({ connectionString })).toMatchObject({ ssl: true })
    await expect(connection({ connectionString: url('sslmode=verify-full') })).rejects.toMatchObject(untrusted)
    expect(await connection({ connectionString: url('sslmode=verify-full'), ca: server.authority.cert })).toMatchObject(
      {
        ssl: true,
      },
    )
  })

  it('leaves an `ssl` of its own to pg', async () => {
    const connectionString = url('sslmode=no-verify')
    expect(await connection({ connectionString, ssl: { ca: 'any' } })).toMatchObject({ ssl: true })
  })
})

describe('PGSSLMODE', () => {
  const set = useEnvironmentVariables()

  it.each(['verify-full', 'verify-ca'])('as %s is as good as the option', async (mode) => {
    set({ PGSSLMODE: mode, PGSSLROOTCERT: undefined })
    const { caFile: sslrootcert, authority } = server
    for (const options of [
      { sslrootcert },
      { ca: authority.cert },
      { connectionString: url(`sslrootcert=${sslrootcert}`) },
    ]) {
      expect(await connection({ ...signedIn(), ...options })).toMatchObject({ ssl: true })
    }
    for (const options of [{}, { sslrootcert: 'system' }, { connectionString: url('application_name=a') }]) {
      await expect(connection({ ...signedIn(), ...options })).rejects.toMatchObject(untrusted)
    }
    const unreadable = { ...signedIn(), sslrootcert: '/nowhere/ca.pem' }
    await expect(connection(unreadable)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  it('goes with the files that PGSSLROOTCERT, PGSSLCERT and PGSSLKEY name', async () => {
    const { cert, key } = server.authority.issue('client')
    const directory = join(server.caFile, '..')
    const [certFile, keyFile] = [join(directory, 'variable.crt'), join(directory, 'variable.key')]
    await writeFile(certFile, cert)
    await writeFile(keyFile, key)
    await using asking = await startTlsServer({ settings: { ssl_ca_file: server.caFile } })
    set({ PGSSLMODE: 'verify-full', PGSSLROOTCERT: asking.caFile, PGSSLCERT: certFile, PGSSLKEY: keyFile })
    pool = new Pool({ connectionString: asking.url })
    const { rows } = await pool.query('SELECT client_dn AS name FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
    expect(rows).toEqual([{ name: '/CN=client' }])
  })

  it.each([
    ['an option', () => ({ ...signedIn(), ssl: false })],
    ['sslmode in a connection string', () => ({ connectionString: url('sslmode=disable') })],
    ['ssl in a connection string', () => ({ connectionString: url('ssl=0') })],
  ])('says nothing where there is %s, as in pg', async (_, options) => {
    set({ PGSSLMODE: 'verify-full' })
    expect(await connection(options())).toMatchObject({ ssl: false })
  })
})

describe('PGSSLROOTCERT', () => {
  const set = useEnvironmentVariables()

  it("is whom `ssl: 'verify-full'` trusts where nobody else is named", async () => {
    set({ PGSSLROOTCERT: server.caFile })
    expect(await connection({ ...signedIn(), ssl: 'verify-full' })).toMatchObject({ ssl: true })
    expect(await connection({ connectionString: url('sslmode=verify-full') })).toMatchObject({ ssl: true })
    expect(await connection({ connectionString: url('sslmode=verify-ca') })).toMatchObject({ ssl: true })
    const others: PoolOptions[] = [{ ca: certificateAuthority().cert }, { sslrootcert: 'system' }]
    for (const options of others) {
      await expect(connection({ ...signedIn(), ssl: 'verify-full', ...options })).rejects.toMatchObject(untrusted)
    }
  })

  it('may be that of Node.js', async () => {
    set({ PGSSLROOTCERT: 'system' })
    await expect(connection({ ...signedIn(), ssl: 'verify-full' })).rejects.toMatchObject(untrusted)
  })
})

describe('credentials and a connection string', () => {
  const given = (more: Partial<Credentials>) =>
    credentialsFrom(() => {
      const { user, password } = server
      return { user, password, ...more }
    })

  it('that names no database: theirs is used', async () => {
    const credentials = given({ database: 'template1' })
    const connectionString = `postgres://${server.host}:${server.port}`
    expect(await connection({ connectionString, credentials })).toMatchObject({ database: 'template1' })
  })

  it('that names one: it goes before theirs, and before that of the options, as in pg', async () => {
    const credentials = given({ database: 'template0' })
    const connectionString = `postgres://${server.host}:${server.port}/template1`
    const options = { connectionString, credentials, database: 'postgres' }
    expect(await connection(options)).toMatchObject({ database: 'template1' })
  })

  it('that names no host: theirs is used', async () => {
    const { host, port } = server
    const credentials = given({ host, port })
    for (const connectionString of ['postgres:///template1', 'postgres://nobody:nothing@/template1']) {
      expect(await connection({ connectionString, credentials })).toMatchObject({ database: 'template1' })
    }
  })
})

describe('round trips of a pool from nothing to the first row, TCP included,', () => {
  /** The fewest of a few tries: a slow machine can only make them more. */
  async function roundTrips(
    target: TlsServer,
    expected: number,
    options: (at: { host: string; port: number }) => PoolOptions,
  ): Promise<number> {
    let fewest = Number.POSITIVE_INFINITY
    for (let attempt = 0; attempt < 5 && fewest > expected; attempt += 1) {
      await using relay = await startRoundTripCounter(target)
      // A lease costs none.
      await using asked = new Pool({ leaseMillis: 60_000, ...options(relay) })
      await asked.query('SELECT 1')
      fewest = Math.min(fewest, relay.roundTrips)
    }
    return fewest
  }

  it.each([
    ['on a server 18', () => server, {}, 7],
    ['on a server before 18', () => olderServer, {}, 7],
    ['on a server 18 with direct negotiation', () => server, { sslnegotiation: 'direct' as const }, 6],
  ])('are, with TLS 1.3, SCRAM and credentials that have to be fetched, %s', async (_, target, options, expected) => {
    const { user, password, database, authority } = target()
    const credentials = credentialsFrom(async () => ({ user, password, database }))
    const verified: PoolOptions = { ssl: 'verify-full', ca: authority.cert, credentials, ...options }
    expect(await roundTrips(target(), expected, ({ host, port }) => ({ host, port, ...verified }))).toBe(expected)
  })

  it('are 6 also where the connection string asks for direct negotiation', async () => {
    const { user, password, database, caFile } = server
    const parameters = `sslmode=verify-full&sslrootcert=${caFile}&sslnegotiation=direct`
    const options = ({ host, port }: { host: string; port: number }) => ({
      connectionString: `postgres://${user}:${password}@${host}:${port}/${database}?${parameters}`,
    })
    expect(await roundTrips(server, 6, options)).toBe(6)
  })
})
