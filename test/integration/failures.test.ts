import { createServer, type Server, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { DialError, Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'

const MARKER = 'marker-secret-9f31'

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())
afterEach(() => pool.end())

function open(options: PoolOptions = {}): Pool {
  pool = new Pool({ ...database.config, max: 2, ...options })
  return pool
}

/** A server that accepts, and then does with each connection what the test says. */
async function listen(accept: (socket: Socket) => void): Promise<{ port: number; sockets: Socket[]; server: Server }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
    accept(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return { port: address.port, sockets, server }
}

async function failure(options: PoolOptions): Promise<Error> {
  return open(options)
    .query('SELECT 1')
    .then(
      () => Promise.reject(new Error('expected a failure')),
      (error: Error) => error,
    )
}

describe('a dial that fails', () => {
  it('F2: a wrong password rejects at once, with the phase and the cause, and without the password', async () => {
    const error = await failure({ password: MARKER, connectionTimeoutMillis: 30_000 })
    expect(error).toBeInstanceOf(DialError)
    expect(error).toMatchObject({ code: '28P01', phase: 'dial', cause: { code: '28P01' } })
    expect(pool.stats()).toMatchObject({ dials: 1, total: 0 })
    for (const shown of [inspect(error, { depth: 20 }), JSON.stringify(error), inspect(pool, { depth: 20 })]) {
      expect(shown).not.toContain(MARKER)
    }
  })

  it('a missing database rejects at once', async () => {
    const error = await failure({ database: 'no_such_database', connectionTimeoutMillis: 30_000 })
    expect(error).toMatchObject({ code: '3D000', phase: 'dial' })
    expect(pool.stats().dials).toBe(1)
  })

  it('a connection string with a wrong password shows it nowhere', async () => {
    const { host, port, user, database: name } = database.config
    pool = new Pool({ connectionString: `postgres://${user}:${MARKER}@${host}:${port}/${name}` })
    const error = await pool.query('SELECT 1').catch((it) => it)
    expect(error).toMatchObject({ code: '28P01' })
    for (const shown of [
      inspect(error, { depth: 20, showHidden: true }),
      inspect(pool, { depth: 20 }),
      JSON.stringify(pool.options),
    ]) {
      expect(shown).not.toContain(MARKER)
    }
  })

  it('F1: a refused connection is tried again, few times, until the deadline, and tells of itself', async () => {
    const closed = await listen(() => {})
    await new Promise((resolve) => closed.server.close(resolve))
    const error = await failure({ port: closed.port, connectionTimeoutMillis: 600 })
    expect(error).toBeInstanceOf(DialError)
    const text = `connect ECONNREFUSED 127.0.0.1:${closed.port}`
    expect(error).toMatchObject({
      ...{ code: 'ECONNREFUSED', phase: 'dial', retry: 'safe', message: text, cause: { message: text } },
      ...{ syscall: 'connect', address: '127.0.0.1', port: closed.port, errno: expect.any(Number) },
    })
    expect(pool.stats().dials).toBeGreaterThan(1)
    expect(pool.stats().dials).toBeLessThan(30)
  })

  it('F1: outside Lambda that is over after a second, on Lambda it is the deadline that ends it', async () => {
    const closed = await listen(() => {})
    await new Promise((resolve) => closed.server.close(resolve))
    const askedAt = performance.now()
    expect(await failure({ port: closed.port, connectionTimeoutMillis: 15_000 })).toMatchObject({
      code: 'ECONNREFUSED',
    })
    expect(performance.now() - askedAt).toBeLessThan(5000)
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'orders')
    const started = performance.now()
    expect(await failure({ port: closed.port, connectionTimeoutMillis: 1600 })).toMatchObject({ code: 'ECONNREFUSED' })
    expect(performance.now() - started).toBeGreaterThan(1500)
    vi.unstubAllEnvs()
  })

  it('what the server says of a refusal stands on the error, whose text is the server’s', async () => {
    const error = await failure({ password: MARKER })
    expect(error).toMatchObject({ severity: 'FATAL', message: 'password authentication failed for user "postgres"' })
    expect(Object.keys(error).sort()).toEqual(['code', 'gauges', 'name', 'phase', 'retry', 'severity'])
  })

  it('F1: without a time limit a refused connection rejects at once, as in pg.Pool', async () => {
    const closed = await listen(() => {})
    await new Promise((resolve) => closed.server.close(resolve))
    const error = await failure({ port: closed.port, connectionTimeoutMillis: 0 })
    expect(error).toMatchObject({ code: 'ECONNREFUSED', phase: 'dial' })
    expect(pool.stats().dials).toBe(1)
  })

  it('F3: a server that accepts and never answers rejects at the deadline, and no socket stays', async () => {
    const deaf = await listen(() => {})
    const error = await failure({ port: deaf.port, connectionTimeoutMillis: 300 })
    expect(error).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT', phase: 'dial' })
    const closed = Promise.all(deaf.sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))))
    for (const socket of deaf.sockets) socket.resume()
    await pool.end()
    await closed
    deaf.server.close()
  })

  it('a server that hangs up while connecting counts as a passing failure', async () => {
    const rude = await listen((socket) => socket.end())
    const error = await failure({ port: rude.port, connectionTimeoutMillis: 400 })
    expect(error).toMatchObject({ code: 'ECONNRESET', retry: 'safe', cause: { code: 'ECONNRESET' } })
    rude.server.close()
  })

  it('B9: a caller that acquires while it holds the only connection gets an error that explains it', async () => {
    open({ max: 1, connectionTimeoutMillis: 1000 })
    await expect(pool.use(() => pool.query('SELECT 1'))).rejects.toThrow(
      /timeout exceeded when trying to connect.*every connection is lent: a caller that holds one/,
    )
    await pool.query('SELECT 1')
  })
})

describe('a connection that dies', () => {
  async function terminate(pid: number): Promise<void> {
    await database.admin.query('SELECT pg_terminate_backend($1, 5000)', [pid])
  }

  async function pid(): Promise<number> {
    return (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
  }

  it('G1: an idle one is dropped, and told to those who listen', async () => {
    open()
    const told = new Promise<Error>((resolve) => pool.on('error', resolve))
    const before = await pid()
    await terminate(before)
    expect(await told).toMatchObject({ code: '57P01' })
    expect(pool.totalCount).toBe(0)
    expect(await pid()).not.toBe(before)
  })

  it('G1: nobody has to listen', async () => {
    open()
    const removed = new Promise((resolve) => pool.on('remove', resolve))
    await terminate(await pid())
    await removed
    expect(await pid()).toBeTypeOf('number')
  })

  it('G2: a lent one fails its query, nothing else, and is replaced', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
    const running = client.query('SELECT pg_sleep(30)').catch((error) => error)
    await terminate(rows[0].pid)
    expect(await running).toMatchObject({ code: '57P01' })
    client.release()
    expect(await pid()).not.toBe(rows[0].pid)
  })

  it('G2: a lent one that dies between two queries does not end the process', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
    const ended = new Promise((resolve) => client.once('end', resolve))
    await terminate(rows[0].pid)
    await ended
    await expect(client.query('SELECT 1')).rejects.toThrow()
    client.release()
    expect(await pid()).not.toBe(rows[0].pid)
  })

  it('G8: listeners do not pile up on a client', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    const before = client.listenerCount('error')
    client.release()
    for (let loan = 0; loan < 50; loan += 1) (await pool.connect()).release()
    expect(client.listenerCount('error')).toBe(before)
  })

  it('the lease ends an idle session at the server, and the next query does not notice', async () => {
    open({ max: 1, leaseMillis: 1000, idleTimeoutMillis: 0 })
    const before = await pid()
    await database.untilSessions(0, { withinMillis: 5000 })
    expect(await pid()).not.toBe(before)
  })

  it("a lease stands beside the user's own startup options, and the user's own timeout wins", async () => {
    open({ max: 1, leaseMillis: 30_000, options: '-c work_mem=7MB' })
    expect((await pool.query('SHOW work_mem')).rows).toEqual([{ work_mem: '7MB' }])
    expect((await pool.query('SHOW idle_session_timeout')).rows).toEqual([{ idle_session_timeout: '30s' }])
    await pool.end()
    open({ max: 1, leaseMillis: 30_000, options: '-c idle_session_timeout=5000' })
    expect((await pool.query('SHOW idle_session_timeout')).rows).toEqual([{ idle_session_timeout: '5s' }])
  })
})
