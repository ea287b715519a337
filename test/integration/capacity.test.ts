import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Pool } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())

describe('capacity, as the server counts it', () => {
  it('B3: 100 callers at max 2 never open a third session, closing ones included', async () => {
    // The server itself refuses a third session of this role (53300): one refusal, and the test fails.
    const role = `two_${database.config.database}`
    await database.admin.query(`CREATE ROLE ${role} LOGIN PASSWORD 'two' CONNECTION LIMIT 2`)
    // Every third loan is discarded and every connection is lent four times at most, so that there is always one closing.
    await using pool = new Pool({ ...database.config, user: role, password: 'two', max: 2, maxUses: 4 })
    let peak = 0
    let calling = true
    const watching = (async () => {
      while (calling) peak = Math.max(peak, (await database.sessions()).length)
    })()
    const calls = Array.from({ length: 100 }, async (_, index) => {
      const client = await pool.connect()
      await client.query('SELECT 1')
      client.release(index % 3 === 0)
    })
    await Promise.all(calls)
    calling = false
    await watching
    expect(peak).toBeLessThanOrEqual(2)
    expect(pool.stats()).toMatchObject({ dialFailures: 0, acquires: 100, lent: 0 })
    expect(pool.stats().dials).toBeGreaterThan(30)
    await pool.end()
    await database.untilSessions(0)
    await database.admin.query(`DROP ROLE ${role}`)
  })

  it('recycles by age between two loans, never under a query', async () => {
    await using pool = new Pool({ ...database.config, max: 1, maxLifetimeSeconds: 0.2 })
    const client = await pool.connect()
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid, pg_sleep(0.4)')
    expect((await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid).toBe(rows[0].pid)
    client.release()
    expect((await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid).not.toBe(rows[0].pid)
    expect(pool.stats().retired.lifetime).toBe(1)
  })

  it("pooling 'never' leaves no session behind a release", async () => {
    await using pool = new Pool({ ...database.config, max: 2, pooling: 'never' })
    for (let query = 0; query < 3; query += 1) await pool.query('SELECT 1')
    await database.untilSessions(0)
    expect(pool.stats()).toMatchObject({ dials: 3, retired: { surplus: 3 } })
  })

  it('trims to min by default, and drains what is idle without ending', async () => {
    await using pool = new Pool({ ...database.config, max: 3, min: 1 })
    const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
    for (const client of clients) client.release()
    expect(pool.trim()).toBe(2)
    await database.untilSessions(1)
    await pool.drain()
    await database.untilSessions(0)
    await pool.query('SELECT 1')
  })
})
