import { createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { PostgresServer } from '../../scripts/postgres-server'
import { credentialsFrom } from '../../src/credentials/index'
import { Pool, type PoolOptions } from '../../src/index'
import { ReplicatedServers } from '../support/replicated-servers'
import { startWire } from '../support/wire'

let servers: ReplicatedServers
let pool: Pool | undefined

beforeAll(async () => {
  servers = await ReplicatedServers.start()
})
afterAll(() => servers?.close())
afterEach(async () => {
  vi.unstubAllEnvs()
  await pool?.end()
  pool = undefined
})

interface Place {
  readonly host: string
  readonly port: number
}

function open(places: readonly Place[], options: PoolOptions = {}): Pool {
  const { user, password, database } = servers.primary
  const host = places.map((it) => it.host).join()
  const port = places.map((it) => it.port).join()
  pool = new Pool({ user, password, database, host, port, max: 1, connectionTimeoutMillis: 5000, ...options })
  return pool
}

const portOf = async (it: Pool) => Number((await it.query("SELECT current_setting('port') AS port")).rows[0].port)

/** Takes connections, and says nothing; or hangs up at the first word. */
async function startSilent(hangsUp = false): Promise<Place & { readonly met: () => number; close(): Promise<void> }> {
  const sockets: Socket[] = []
  const server: Server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}))
    if (hangsUp) socket.once('data', () => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const close = () => {
    for (const socket of sockets) socket.destroy()
    return new Promise<void>((resolve) => void server.close(() => resolve()))
  }
  return { host: '127.0.0.1', port, met: () => sockets.length, close }
}

/** Where nobody listens. */
async function nowhere(): Promise<Place> {
  const silent = await startSilent()
  await silent.close()
  return silent
}

describe('which of several servers a connection goes to', () => {
  const standbyFirst = () => [servers.standby, servers.primary]
  const primaryFirst = () => [servers.primary, servers.standby]

  it.each([
    ['any', standbyFirst, () => servers.standby],
    ['read-write', standbyFirst, () => servers.primary],
    ['primary', standbyFirst, () => servers.primary],
    ['read-only', primaryFirst, () => servers.standby],
    ['standby', primaryFirst, () => servers.standby],
    ['prefer-standby', primaryFirst, () => servers.standby],
    ['prefer-standby', () => [servers.primary], () => servers.primary],
  ] as const)('with `%s`', async (target_session_attrs, places, expected) => {
    expect(await portOf(open(places(), { target_session_attrs }))).toBe(expected().port)
    expect(pool?.stats()).toMatchObject({ dials: 1, dialFailures: 0, total: 1 })
  })

  it('is said in a connection string too, before the options, and in the environment', async () => {
    const { user, password, database } = servers.primary
    const places = standbyFirst()
      .map(({ host, port }) => `${host}:${port}`)
      .join()
    const connectionString = `postgres://${user}:${password}@${places}/${database}`
    pool = new Pool({
      connectionString: `${connectionString}?target_session_attrs=read-write`,
      target_session_attrs: 'standby',
    })
    expect(await portOf(pool)).toBe(servers.primary.port)
    await pool.end()
    vi.stubEnv('PGTARGETSESSIONATTRS', 'primary')
    pool = new Pool({ connectionString })
    expect(await portOf(pool)).toBe(servers.primary.port)
  })

  it('costs no round trip where the server reports it', async () => {
    const sent: number[] = []
    for (const target_session_attrs of ['any', 'read-write'] as const) {
      const wire = await startWire(servers.primary)
      await open([wire], { target_session_attrs }).query('SELECT 1')
      sent.push(wire.log.filter((it) => it.startsWith('>')).length)
      await pool?.end()
      await wire.close()
    }
    expect(sent[1]).toBe(sent[0])
  })

  it('is the next one where the first can not be reached, or says nothing; then that one is tried last for a while', async () => {
    expect(await portOf(open([await nowhere(), servers.primary]))).toBe(servers.primary.port)
    const silent = await startSilent()
    try {
      const places = [silent, servers.standby, servers.primary]
      expect(await portOf(open(places, { target_session_attrs: 'primary' }))).toBe(servers.primary.port)
      expect(silent.met()).toBe(1)
      await pool?.drain()
      expect(await portOf(pool as Pool)).toBe(servers.primary.port)
      expect(silent.met()).toBe(1)
    } finally {
      await silent.close()
    }
  })

  it('is the next one within the same dial, where the first ends a connection in any way before it is open', async () => {
    const first = await startSilent(true)
    const silent = await startSilent()
    try {
      expect(await portOf(open([first, silent, servers.primary], { connectionTimeoutMillis: 900 }))).toBe(
        servers.primary.port,
      )
      expect(pool?.stats()).toMatchObject({ dials: 1, dialFailures: 0, total: 1 })
      await pool?.end()
      // Without a time limit nothing would be tried again within.
      expect(await portOf(open([first, servers.primary], { connectionTimeoutMillis: 0 }))).toBe(servers.primary.port)
    } finally {
      await Promise.all([first.close(), silent.close()])
    }
  })

  it('is the first, however long the credentials take', async () => {
    const { user, password } = servers.primary
    const credentials = credentialsFrom(async () => {
      await pause(1200)
      return { user, password }
    })
    const places = [servers.primary, await nowhere()]
    const options = { user: undefined, password: undefined, credentials, connectionTimeoutMillis: 2000 }
    expect(await portOf(open(places, options))).toBe(servers.primary.port)
    expect(pool?.stats()).toMatchObject({ dials: 1, dialFailures: 0 })
  })

  it('is none where all are the wrong ones: the error lists each with its reason', async () => {
    const away = await nowhere()
    const { standby } = servers
    const asked = open([standby, away], { target_session_attrs: 'read-write', connectionTimeoutMillis: 400 }).query('')
    const error = await asked.catch((it) => it)
    expect(error).toMatchObject({ name: 'DialError', code: 'POOL_WRONG_SERVER', retry: 'safe' })
    expect(error.message).toContain(`${standby.host}:${standby.port} takes no writes`)
    expect(error.message).toContain(`${away.host}:${away.port}: `)
    expect(error.cause.errors).toHaveLength(2)
    expect(pool?.stats().dials).toBeGreaterThan(1)
  })

  it('is not asked for where the first refuses who signs in, as in libpq', async () => {
    const silent = await startSilent()
    try {
      const asked = open([servers.primary, silent], { password: 'wrong' }).query('')
      await expect(asked).rejects.toMatchObject({ code: '28P01', retry: 'never' })
      expect(silent.met()).toBe(0)
    } finally {
      await silent.close()
    }
  })

  it('stays nothing where the pool gives up: no socket is left', async () => {
    const [one, other] = [await startSilent(), await startSilent()]
    const asked = open([one, other], { connectionTimeoutMillis: 300 }).query('')
    await expect(asked).rejects.toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT' })
    await pool?.end()
    expect(pool?.stats().total).toBe(0)
    await Promise.all([one.close(), other.close()])
  })
})

describe('a writer that is demoted', () => {
  const rows = async (n: number) =>
    expect((await pool?.query('SELECT count(*)::int AS n FROM written'))?.rows).toEqual([{ n }])

  it.each([
    ['query', (it: Pool, n: number) => it.query('INSERT INTO written VALUES ($1)', [n])],
    [
      'transaction',
      (it: Pool, n: number) =>
        it.transaction((client) => client.query('INSERT INTO written VALUES ($1)', [n]), { retries: 1 }),
    ],
    [
      'transaction that has read before',
      (it: Pool, n: number) =>
        it.transaction(
          async (client) => {
            await client.query('SELECT 1')
            await client.query('INSERT INTO written VALUES ($1)', [n])
          },
          { retries: 1 },
        ),
    ],
  ])('is left for the one that took its place, and no %s fails', async (_, write) => {
    const before: PostgresServer = servers.primary
    open([servers.primary, servers.standby], { target_session_attrs: 'read-write', connectionTimeoutMillis: 15_000 })
    await pool?.query('CREATE TABLE IF NOT EXISTS written (n int)')
    await pool?.query('TRUNCATE written')
    await write(pool as Pool, 1)
    await servers.demote('in place')
    const written = write(pool as Pool, 2)
    await servers.promote()
    await written
    await rows(2)
    expect(await portOf(pool as Pool)).not.toBe(before.port)
    await servers.rejoin()
  })
})
