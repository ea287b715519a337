import { createServer, type Server } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { callbackClient, calledBack, describeBoth } from '../../support/both-pools'

const failure = 'a passing failure'

/** A class of clients whose first connects end as said: with an error, or late. */
function clientThat(...connects: readonly ((connect: () => void, fail: (error: Error) => void) => void)[]) {
  let count = 0
  return class extends pg.Client {
    override connect(callback?: unknown): never {
      const call = callback as (error: Error | null) => void
      const way = connects[count++]
      const connect = () => super.connect(call as never)
      return (way === undefined ? connect() : way(connect, call)) as never
    }
  }
}

describeBoth('a time limit', ({ open }) => {
  let deaf: Server
  let port: number

  beforeAll(async () => {
    // Reads, or its sockets could not be closed, and says nothing.
    deaf = createServer((socket) => socket.resume().on('error', () => {}))
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve))
    port = (deaf.address() as { port: number }).port
  })
  afterAll(() => deaf.close())

  it('ends the wait for a server that says nothing, with callbacks and with promises, time after time', async () => {
    const pool = open({ connectionTimeoutMillis: 20, port })
    const { error, results } = await calledBack((callback) => pool.connect(callback as never))
    expect(error?.message).toContain('timeout')
    expect(results[0]).toBeUndefined()
    for (let time = 0; time < 10; time += 1) await expect(pool.connect()).rejects.toThrow(/timeout/)
    expect(pool.idleCount).toBe(0)
  })

  it('ends the wait for a connection that is in use, of a client and of a query', async () => {
    const pool = open({ connectionTimeoutMillis: 1000, max: 1 })
    const held = await pool.connect()
    await expect(pool.connect()).rejects.toThrow(/^timeout exceeded when trying to connect/)
    const { error, results } = await calledBack((callback) => pool.query('SELECT 1', callback as never))
    expect(error?.message).toContain('timeout')
    expect(results[0]).toBeUndefined()
    held.release()
    expect((await pool.query('SELECT $1::text AS name', ['on'])).rows).toEqual([{ name: 'on' }])
  })

  it('is each caller’s own', async () => {
    const pool = open({ connectionTimeoutMillis: 300, max: 1 })
    const held = await pool.connect()
    const early = pool.connect().then(
      () => 'served',
      () => held.release(),
    )
    await pause(150)
    const late = pool.connect()
    expect(await early).toBeUndefined()
    const client = await late
    expect(client).toBe(held)
    client.release()
  })

  it('leaves the pool whole when a connect fails, and when one comes too late', async () => {
    const Client = clientThat(
      (_connect, fail) => void setTimeout(() => fail(new Error(failure)), 50),
      (connect) => void setTimeout(connect, 450),
    )
    const pool = open({ connectionTimeoutMillis: 300, max: 1, Client })
    const [first, second] = [1, 2].map(() => pool.connect().catch((error) => error))
    expect(await first).toMatchObject({ message: failure })
    expect(await second).toBeInstanceOf(Error)
    // Whose lot the late one is depends on whether the second caller heard of the first failure.
    const ask = () => pool.query('SELECT $1::text AS name', ['on'])
    await pause(500)
    expect((await ask().catch(ask)).rows).toEqual([{ name: 'on' }])
    await pause(500)
    expect([pool.totalCount, pool.waitingCount]).toEqual([1, 0])
  })
})

describeBoth('a connect that fails', ({ open }) => {
  it('is told to its caller with its own text', async () => {
    const pool = open({ Client: callbackClient((done) => process.nextTick(done, new Error('bad news'))) })
    pool.on('connect', () => {
      throw new Error('nothing was connected')
    })
    await expect(pool.connect()).rejects.toThrow(/^bad news$/)
    expect(pool.totalCount).toBe(0)
  })

  it('does not keep those who wait behind it waiting', async () => {
    const hangingUp = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => hangingUp.listen(0, '127.0.0.1', resolve))
    const { port } = hangingUp.address() as { port: number }
    const pool = open({ max: 1, port })
    const both = await Promise.all([1, 2].map(() => pool.connect().catch((error) => error)))
    for (const error of both) expect(error).toBeInstanceOf(Error)
    expect(pool.waitingCount).toBe(0)
    hangingUp.close()
  })
})

describeBoth('hooks of a new connection', ({ open }) => {
  it('run once for each, and are waited for', async () => {
    const seen: unknown[] = []
    const pool = open({
      max: 1,
      onConnect: async (client: pg.Client) => void seen.push((await client.query('SELECT 1 AS num')).rows[0].num),
    })
    const client = await pool.connect()
    client.release()
    expect(await pool.connect()).toBe(client)
    client.release()
    expect(seen).toEqual([1])
  })

  it.each([
    ['rejects', async (client: pg.Client) => void (await client.query('SELECT nonsense')), /nonsense/],
    [
      'throws',
      () => {
        throw new Error('no entry')
      },
      /^no entry$/,
    ],
  ])('fail the connect where onConnect %s', async (_, onConnect, text) => {
    const pool = open({ onConnect })
    await expect(pool.connect()).rejects.toThrow(text)
    expect(pool.totalCount).toBe(0)
  })

  it('fail the connect where verify says no, each time anew', async () => {
    const pool = open({ verify: (_client: unknown, done: (error?: Error) => void) => done(new Error('nope')) })
    for (let time = 0; time < 2; time += 1) {
      const { error, results } = await calledBack((callback) => pool.connect(callback as never))
      expect(error?.message).toBe('nope')
      expect(results[0]).toBeUndefined()
    }
    expect(pool.idleCount).toBe(0)
  })

  it('verify only what is new', async () => {
    let verified = 0
    const pool = open({
      max: 1,
      verify(_client: unknown, done: () => void) {
        verified += 1
        done()
      },
    })
    for (let time = 0; time < 3; time += 1) await pool.query('SELECT 1')
    expect(verified).toBe(1)
  })
})
