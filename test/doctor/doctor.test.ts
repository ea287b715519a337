import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net'
import { join } from 'node:path'
import { Client, type ClientConfig } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type PostgresServer, startPostgres } from '../../scripts/postgres-server'
import { examine } from '../../src/doctor/index'
import type { PoolOptions } from '../../src/index'
import { describeWithPgBouncer, startPgBouncer } from '../support/pgbouncer'
import { about, PATIENCE } from './support/examined'

describe('a server', () => {
  let server: PostgresServer
  const clients = new Set<Client>()

  beforeAll(async () => {
    server = await startPostgres({
      settings: { max_connections: '20', superuser_reserved_connections: '2', autovacuum: 'off' },
    })
    await asAdmin(`CREATE ROLE app LOGIN PASSWORD 'p%/w' CONNECTION LIMIT 30; CREATE ROLE old LOGIN;
      SET password_encryption = 'md5'; ALTER ROLE old PASSWORD 'old'`)
    const rules = join(server.data, 'pg_hba.conf')
    writeFileSync(rules, `host all old 127.0.0.1/32 md5\n${readFileSync(rules, 'utf8')}`)
    await asAdmin('SELECT pg_reload_conf()')
  })
  afterEach(async () => {
    await Promise.all([...clients].map((client) => client.end()))
    clients.clear()
  })
  afterAll(() => server?.close())

  async function asAdmin(sql: string): Promise<void> {
    const client = new Client({ connectionString: server.url })
    await client.connect()
    await client.query(sql)
    await client.end()
  }

  const at = (user: string, password: string): PoolOptions => ({
    host: server.host,
    port: server.port,
    database: server.database,
    user,
    password,
  })

  async function connected(name: string, user = server.user, password = server.password): Promise<Client> {
    const client = new Client({ ...at(user, password), application_name: name } as ClientConfig)
    await client.connect()
    clients.add(client)
    return client
  }

  it('that is well is said to be', async () => {
    const found = await examine(at('app', 'p%/w'), PATIENCE)
    expect(found.severity).toBe('note')
    expect(about(found, 'server')?.found).toMatch(/^PostgreSQL \d+[.\d]*, answers in/)
    expect(about(found, 'sign-in')?.found).toMatch(/^app: SCRAM-SHA-256, 4096 iterations/)
    expect(about(found, 'in between')?.found).toBe("nothing: sessions are the client's own")
    expect(about(found, 'lease')).toMatchObject({ severity: 'ok', found: 'taken: idle sessions end by themselves' })
    expect(about(found, 'room')).toMatchObject({
      severity: 'ok',
      found: '1 of 18 sessions (max_connections 20, 2 of them reserved); of the role 1 of 30',
    })
    expect(about(found, 'clock')?.severity).toBe('ok')
    expect(about(found, 'TLS')).toMatchObject({ severity: 'note', found: 'none, on this machine' })
    expect(found.options).toEqual({})
  })

  it('that still takes MD5 is told of', async () => {
    const found = await examine(at('old', 'old'), PATIENCE)
    expect(about(found, 'sign-in')).toMatchObject({ severity: 'note', found: expect.stringMatching(/^old: MD5/) })
  })

  it.each([
    ['a wrong password', 'app', 'wrong', 'sign-in', /28P01/],
    ['a role that there is not', 'nobody', 'x', 'sign-in', /28P01/],
  ])('refuses %s', async (_what, user, password, topic, text) => {
    const found = await examine(at(user, password), PATIENCE)
    expect(found.severity).toBe('error')
    expect(about(found, topic)).toMatchObject({ severity: 'error', found: expect.stringMatching(text) })
  })

  it('speaks no TLS where that is asked for', async () => {
    const found = await examine({ ...at('app', 'p%/w'), ssl: 'verify-full' }, PATIENCE)
    expect(found.findings.at(-1)).toMatchObject({ topic: 'TLS', severity: 'error' })
  })

  it('is told of a password that nobody gave', async () => {
    const found = await examine({ ...at('app', ''), password: () => '' }, PATIENCE)
    expect(about(found, 'sign-in')).toMatchObject({
      severity: 'error',
      advice: expect.stringMatching(/none was given/),
    })
  })

  it('has no such database', async () => {
    const found = await examine({ ...at('app', 'p%/w'), database: 'elsewhere' }, PATIENCE)
    expect(about(found, 'database')).toMatchObject({ severity: 'error', found: expect.stringMatching(/3D000/) })
  })

  it('that is full is said to be', async () => {
    await Promise.all(Array.from({ length: 18 }, (_, n) => connected(`full ${n}`, 'app', 'p%/w')))
    const found = await examine(at('app', 'p%/w'), PATIENCE)
    expect(found.severity).toBe('error')
    expect(about(found, 'room')).toMatchObject({ severity: 'error', found: expect.stringMatching(/53300/) })
  })

  it('that is nearly full is warned of, and who has its sessions', async () => {
    await Promise.all(Array.from({ length: 15 }, () => connected('orders')))
    const found = await examine({ connectionString: server.url }, PATIENCE)
    expect(about(found, 'room')).toMatchObject({
      severity: 'warning',
      found: expect.stringMatching(/^16 of 20 sessions/),
    })
    expect(about(found, 'sessions')?.found).toBe('orders 15 idle')
  })

  it('with sessions that look like those of vanished environments is warned of', async () => {
    await Promise.all(Array.from({ length: 10 }, () => connected('orders')))
    const found = await examine({ connectionString: server.url }, { ...PATIENCE, leftAfterMillis: 0 })
    expect(about(found, 'leftovers')).toMatchObject({
      severity: 'warning',
      found: 'idle for more than 0 s: 10 of orders',
    })
    expect((await examine({ connectionString: server.url }, PATIENCE)).findings).not.toContainEqual(
      expect.objectContaining({ topic: 'leftovers' }),
    )
  })

  it('whose role or database has no room left is warned of', async () => {
    await asAdmin(`CREATE ROLE narrow LOGIN PASSWORD 'n' CONNECTION LIMIT 2`)
    const before = await examine(at('narrow', 'n'), PATIENCE)
    expect(about(before, 'room')).toMatchObject({
      severity: 'ok',
      found: expect.stringMatching(/; of the role 1 of 2$/),
    })
    await connected('orders', 'narrow', 'n')
    const found = await examine(at('narrow', 'n'), PATIENCE)
    expect(about(found, 'room')).toMatchObject({
      severity: 'warning',
      found: expect.stringMatching(/; of the role 2 of 2$/),
    })
  })

  it('hides sessions from a role that may not look at them', async () => {
    await Promise.all([connected('orders'), connected('orders')])
    const found = await examine(at('app', 'p%/w'), PATIENCE)
    expect(about(found, 'sessions')?.found).toBe('2 of other roles, which this one may not look at (pg_read_all_stats)')
  })

  it('whose role has a short timeout of its own is told of', async () => {
    await asAdmin(`CREATE ROLE hasty LOGIN PASSWORD 'h'; ALTER ROLE hasty SET idle_session_timeout = '5s'`)
    const found = await examine(at('hasty', 'h'), PATIENCE)
    expect(about(found, 'lease')).toMatchObject({
      severity: 'note',
      found: 'taken: idle sessions end by themselves; the role or the database has idle_session_timeout 5000 ms',
    })
  })

  it('is left as it was', async () => {
    const watching = await connected('watching')
    // Whoever writes anything takes the next number; the server's own log of changes grows by itself.
    const next = async () => (await watching.query('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS next')).rows
    const before = await next()
    await examine(at('app', 'p%/w'), PATIENCE)
    const { rows } = await watching.query("SELECT count(*)::int FROM pg_stat_activity WHERE usename = 'app'")
    expect(rows[0].count).toBe(0)
    expect(await next()).toEqual(before)
  })
})

describe('what is no server', () => {
  let http: Server | undefined
  let silent: TcpServer | undefined
  afterEach(() => {
    http?.close()
    silent?.close()
    ;[http, silent] = [undefined, undefined]
  })

  it.each([false, { rejectUnauthorized: false }])('is a web server (ssl %o)', async (ssl) => {
    http = createServer((_, response) => response.end('no')).listen(0, '127.0.0.1')
    await new Promise((listens) => http?.once('listening', listens))
    const { port } = http.address() as AddressInfo
    const found = await examine({ host: '127.0.0.1', port, user: 'app', ssl }, PATIENCE)
    expect(about(found, 'server')).toMatchObject({ severity: 'error', found: `127.0.0.1:${port} speaks HTTP` })
  })

  it.each([
    ['greets', 'J\0\0\0\n8.0.36\0'],
    ['sends its version', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['answers', '-ERR unknown command\r\n'],
  ])('is another server, which %s, and is told at once', async (_what, greeting) => {
    silent = createTcpServer((socket) => socket.on('error', () => {}).write(greeting)).listen(0, '127.0.0.1')
    await new Promise((listens) => silent?.once('listening', listens))
    const { port } = silent.address() as AddressInfo
    const found = await examine({ host: '127.0.0.1', port, user: 'app' }, PATIENCE)
    expect(about(found, 'server')).toMatchObject({
      severity: 'error',
      found: `127.0.0.1:${port} speaks another protocol`,
    })
  })

  it('is somebody who hangs up', async () => {
    silent = createTcpServer((socket) => socket.on('error', () => {}).destroy()).listen(0, '127.0.0.1')
    await new Promise((listens) => silent?.once('listening', listens))
    const { port } = silent.address() as AddressInfo
    const found = await examine({ host: '127.0.0.1', port, user: 'app' }, PATIENCE)
    expect(about(found, 'server')).toMatchObject({
      severity: 'error',
      advice: expect.stringMatching(/nobody behind it hangs up/),
    })
  })

  it('is somebody who never answers', async () => {
    silent = createTcpServer(() => {}).listen(0, '127.0.0.1')
    await new Promise((listens) => silent?.once('listening', listens))
    const { port } = silent.address() as AddressInfo
    const found = await examine({ host: '127.0.0.1', port, user: 'app' }, { ...PATIENCE, withinMillis: 300 })
    expect(about(found, 'server')).toMatchObject({
      severity: 'error',
      found: 'reached, but nobody answered within 0.3 s',
    })
  })

  it('is a port at which nobody listens', async () => {
    const closed = createTcpServer().listen(0, '127.0.0.1')
    await new Promise((listens) => closed.once('listening', listens))
    const { port } = closed.address() as AddressInfo
    await new Promise((isClosed) => closed.close(isClosed))
    const found = await examine({ host: '127.0.0.1', port, user: 'app' }, PATIENCE)
    expect(about(found, 'reachable')).toMatchObject({ severity: 'error', found: expect.stringMatching(/ECONNREFUSED/) })
  })

  it('is a name that leads nowhere', async () => {
    const found = await examine({ host: 'database.invalid', user: 'app' }, PATIENCE)
    expect(about(found, 'name')).toMatchObject({ severity: 'error' })
  })
})

describeWithPgBouncer('a PgBouncer', () => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server?.close())

  it('without a free session at the server is said to be, in time', async () => {
    const { host, port, user, password, database } = server
    const bouncer = await startPgBouncer({ host, port, user, password, database }, { poolSize: 1 })
    const holder = new Client(bouncer.config)
    try {
      await holder.connect()
      await holder.query('BEGIN')
      const found = await examine(bouncer.config, { ...PATIENCE, withinMillis: 500 })
      expect(found.findings.at(-1)).toMatchObject({
        topic: 'server',
        severity: 'error',
        found: 'got in, and nobody answered within 0.5 s',
      })
    } finally {
      await holder.end()
      await bouncer.close()
    }
  })

  it('that does not know the password refuses it', async () => {
    const { host, port, user, password, database } = server
    const bouncer = await startPgBouncer({ host, port, user, password, database })
    try {
      const found = await examine({ ...bouncer.config, password: 'wrong' }, PATIENCE)
      expect(found.findings.at(-1)).toMatchObject({ topic: 'sign-in', severity: 'error' })
    } finally {
      await bouncer.close()
    }
  })

  it.each([{}, { ignoresOptions: true }])('in front is seen (%o)', async (options) => {
    const { host, port, user, password, database } = server
    const bouncer = await startPgBouncer({ host, port, user, password, database }, options)
    try {
      const found = await examine(bouncer.config, PATIENCE)
      expect(about(found, 'in between')).toMatchObject({ severity: 'warning', advice: "say so: `target: 'pgbouncer'`" })
      expect(found.options.target).toBe("'pgbouncer'")
    } finally {
      await bouncer.close()
    }
  })
})
