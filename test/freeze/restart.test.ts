import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Pool } from '../../src/index'
import { type OwnServer, startOwnServer } from './support/own-server'

let server: OwnServer
let pool: Pool
/** What the pool reported on its own. */
let reported: Error[]

beforeAll(async () => {
  server = await startOwnServer()
})
afterAll(() => server.close())
afterEach(() => pool.end())

function openPool(): void {
  const { host, port, user, password, database } = server
  pool = new Pool({ host, port, user, password, database, max: 3, connectionTimeoutMillis: 15_000 })
  reported = []
  pool.on('error', (error) => reported.push(error))
}

describe.each(['fast', 'immediate'] as const)('a server that restarts (%s)', (mode) => {
  it('F4: fails what was running, once, and nothing that comes after', async () => {
    openPool()
    const [busy, open, idle] = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
    await open.query('BEGIN')
    idle.release()
    const ended = Promise.all([busy, open].map((client) => new Promise((resolve) => client.once('end', resolve))))
    const running = expect(busy.query('SELECT pg_sleep(30)')).rejects.toThrow()
    await server.untilSessions(1, 5000, "state = 'active'")

    await server.stop(mode)
    await running
    await ended
    await expect(open.query('SELECT 1')).rejects.toThrow()
    // Has the time to wait for the server.
    const early = pool.query('SELECT 1 AS one')
    await server.start()
    expect((await early).rows).toEqual([{ one: 1 }])

    busy.release()
    open.release()
    const answers = await Promise.all([1, 2, 3, 4, 5, 6].map((n) => pool.query('SELECT $1::int AS n', [n])))
    expect(answers.map(({ rows }) => rows[0].n)).toEqual([1, 2, 3, 4, 5, 6])
    const stats = pool.stats()
    expect(stats).toMatchObject({ lent: 0, waiting: 0 })
    expect(stats.total).toBeLessThanOrEqual(3)
    // Of those that were lent their borrowers have heard.
    expect(reported).toHaveLength(1)
  })
})
