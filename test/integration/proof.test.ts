import { execFileSync } from 'node:child_process'
import type { Relay } from 'pg-thaw/testing'
import { startRelay } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Pool, type PoolOptions, wrapHandler } from '../../src/index'
import { type CurrentInvocation, environment, type LivePool } from '../../src/registry/environment'
import { createDatabase, type TestDatabase } from '../support/database'
import { startWire, type Wire } from '../support/wire'

const READ = 'SELECT $1::int AS n'
const WRITE = 'INSERT INTO notes (id) VALUES ($1)'
const PING_AHEAD = '>S'
const ANSWER = '<'
const MINUTE = 60_000

let database: TestDatabase
let wire: Wire
let relay: Relay
let pool: Pool

beforeAll(async () => {
  database = await createDatabase()
  await database.admin.query('CREATE TABLE notes (id int PRIMARY KEY)')
  await database.admin.query(
    "CREATE FUNCTION note(id int) RETURNS int LANGUAGE sql AS 'INSERT INTO notes VALUES (id) RETURNING id'",
  )
})
afterAll(() => database.dispose())
beforeEach(async () => {
  await database.admin.query('TRUNCATE notes')
  relay = await startRelay(database.config)
  wire = await startWire(relay)
})
afterEach(async () => {
  await pool.end()
  await wire.close()
  await relay.close()
})

/** A pool that has one idle connection. */
async function open(options: PoolOptions = {}): Promise<void> {
  pool = new Pool({ ...database.config, host: wire.host, port: wire.port, prepare: false, ...options })
  await pool.query('SELECT 1')
  wire.clear()
}

/** An invocation begins, after a time in which the process may have been frozen. */
function wake(quietMillis = 1000): void {
  const invocation: CurrentInvocation = { budgetMillis: 3000, isAnswered: false, remainingMillis: () => 3000 }
  const live = [...environment().pools].find((it) => it.pool === pool) as LivePool
  live.wake(invocation, quietMillis)
}

const ids = async () =>
  (await database.admin.query<{ id: number }>('SELECT id FROM notes ORDER BY id')).map((it) => it.id)

describe('after a thaw', () => {
  it('the ping rides ahead of a read: one round trip', async () => {
    await open()
    wake()
    const { rows } = await pool.query(READ, [7])
    expect(rows).toEqual([{ n: 7 }])
    expect(wire.log).toEqual([PING_AHEAD, ANSWER])
    expect(pool.stats()).toMatchObject({ pings: 1, idle: 1 })
    // Proved: what follows goes as it is.
    await pool.query('SELECT 1')
    expect(wire.log).toEqual([PING_AHEAD, ANSWER, '>Q', ANSWER])
  })

  it.each([
    ['without values', 'SELECT 1'],
    ['that is named', { name: 'mine', text: READ, values: [1] }],
    ['of several columns and rows', 'VALUES (1, 2), (3, 4)'],
    ['in a common table expression', 'WITH a AS (SELECT 1 AS n) SELECT count(*) FROM a WHERE n IN (1, 2)'],
    ['called idempotent', { text: 'UPDATE notes SET id = id', idempotent: true }],
  ] as const)('so it does ahead of a query %s', async (_, query) => {
    await open()
    wake()
    await pool.query(query as string)
    expect(wire.log).toEqual([PING_AHEAD, ANSWER])
  })

  it.each([
    ['a write', [WRITE, [1]]],
    ['a read that locks', ['SELECT id FROM notes FOR UPDATE']],
    ['a common table expression that writes', ['WITH a AS (DELETE FROM notes RETURNING id) SELECT * FROM a']],
    ['a function that may write', ['SELECT note(1)']],
    ['several statements', ['SELECT 1; SELECT 2']],
    ['a query with a time limit of its own', [{ text: 'SELECT 1', query_timeout: 1000 }]],
  ] as const)('a connection is proved before %s is sent', async (_, [query, values]) => {
    await open()
    wake()
    await pool.query(query as string, values as unknown[] | undefined)
    expect(wire.log.slice(0, 2)).toEqual([PING_AHEAD, ANSWER])
    expect(wire.log).toHaveLength(4)
  })

  it('a client is proved before it is lent', async () => {
    await open()
    wake()
    const client = await pool.connect()
    expect(wire.log).toEqual([PING_AHEAD, ANSWER])
    client.release()
  })

  it('the begin of a transaction is its proof', async () => {
    await open()
    wake()
    await pool.transaction((client) => client.query(WRITE, [1]))
    expect(wire.log).toEqual(['>Q', ANSWER, '>P', ANSWER, '>Q', ANSWER])
    expect(await ids()).toEqual([1])
  })

  it('nothing is asked for a call that needs no database', async () => {
    await open()
    wake()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(wire.log).toEqual([])
  })

  it('in which a flow may have been forgotten, the ping goes ahead at once', async () => {
    await open()
    wake(MINUTE)
    await wire.answered(2000)
    expect(wire.log).toEqual([PING_AHEAD, ANSWER])
  })

  it('several reads leave together behind one ping, and a write that comes with them joins when it is answered', async () => {
    await open({ max: 1 })
    wake()
    const answers = await Promise.all([pool.query(READ, [1]), pool.query(WRITE, [2]), pool.query(READ, [3])])
    expect(answers.map(({ rows }) => rows)).toEqual([[{ n: 1 }], [], [{ n: 3 }]])
    expect(await ids()).toEqual([2])
    expect(pool.stats()).toMatchObject({ pings: 1, dials: 1, lent: 0, idle: 1 })
  })
})

describe('a quiet that is shorter than a busy moment of the process', () => {
  it('is no freeze to a transaction: its begin leaves with its first statement', async () => {
    await open()
    wake(1)
    await pool.transaction(async (client) => {
      await client.query(WRITE, [1])
      await client.query(WRITE, [2])
    })
    expect(wire.log).toEqual(['>P', ANSWER, '>P', ANSWER, '>Q', ANSWER])
    expect(pool.stats().pings).toBe(0)
  })

  it('is none to a write', async () => {
    await open()
    wake(1)
    await pool.query(WRITE, [1])
    expect(wire.log).toEqual(['>P', ANSWER])
  })

  it('and what came of the connection in it is seen all the same', async () => {
    await open({ host: database.config.host, port: database.config.port })
    // While this process stands still, as in a freeze.
    const end = `new (require('pg').Client)(${JSON.stringify(database.config)})
      .connect().then((it) => it.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = 'SELECT 1' AND datname = current_database()").then(() => it.end()))`
    execFileSync(process.execPath, ['-e', end])
    wake(1)
    await pool.query(WRITE, [1])
    expect(await ids()).toEqual([1])
    expect(pool.stats()).toMatchObject({ dials: 2, pings: 0 })
  })
})

describe.each(['half-open', 'deaf', 'cut', 'reset'] as const)('a connection that died meanwhile (%s)', (fault) => {
  it.each([
    ['a read', () => pool.query(READ, [1])],
    ['a write', () => pool.query(WRITE, [1])],
    ['several reads', () => Promise.all([pool.query(READ, [1]), pool.query(READ, [1]), pool.query(READ, [1])])],
    ['a transaction', () => pool.transaction((client) => client.query(WRITE, [1]))],
    ['a client', () => pool.use((client) => client.query(WRITE, [1]))],
  ])('fails no call that begins with %s', async (_, ask) => {
    for (const max of [1, 3]) {
      await database.admin.query('TRUNCATE notes')
      await open({ max })
      relay.strike(fault)
      wake()
      const began = performance.now()
      await ask()
      expect(performance.now() - began).toBeLessThan(1500)
      const { generation, retired, dials } = pool.stats()
      expect({ generation, dials: dials > 1, lost: retired.invalid + retired.broken }).toEqual({
        generation: retired.invalid,
        dials: true,
        lost: 1,
      })
      await pool.end()
    }
  })

  it('runs the work of a transaction once', async () => {
    await open()
    relay.strike(fault)
    wake()
    let runs = 0
    await pool.transaction(async (client) => {
      runs += 1
      await client.query(WRITE, [runs])
    })
    expect(runs).toBe(1)
    expect(await ids()).toEqual([1])
  })
})

describe('a begin that is given up by a time limit of pg before its connection is', () => {
  it('costs no slot: another connection begins', async () => {
    await open({ max: 1, query_timeout: 100, connectionTimeoutMillis: 3000 })
    relay.strike('deaf')
    wake()
    await pool.transaction((client) => client.query(WRITE, [1]))
    expect(await ids()).toEqual([1])
    expect(pool.stats()).toMatchObject({ lent: 0, idle: 1, waiting: 0 })
  })
})

describe('a connection that answers the ping and dies afterwards', () => {
  it('loses what it was asked for, as ever', async () => {
    await open()
    wake()
    const lost = expect(pool.query('SELECT pg_sleep(5)')).rejects.toMatchObject({ code: '57P01', retry: 'unknown' })
    await database.untilSessions(1, { where: "state = 'active'" })
    await database.admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'active' AND datname = current_database() AND pid <> pg_backend_pid()",
    )
    await lost
  })
})

describe('a value that can not be sent', () => {
  it('says nothing of the connection', async () => {
    await open()
    wake()
    await expect(pool.query('SELECT 1', 'no array' as unknown as unknown[])).rejects.toThrow('must be an array')
    expect(pool.stats()).toMatchObject({ generation: 0, idle: 1, dials: 1 })
    await pool.query('SELECT 1')
    expect(pool.stats().dials).toBe(1)
  })
})

describe('what waits for a proof', () => {
  it('goes on elsewhere when the connection is taken from those who were to prove it', async () => {
    await open({ max: 1, lingerMillis: 0 })
    relay.strike('deaf')
    const handler = wrapHandler(async () => {
      pool.query(READ, [1]).catch(() => {})
    })
    const called = handler()
    // Outside of the call, beside a read of it that nobody awaits.
    const waits = pool.query(WRITE, [2])
    await called
    await waits
    expect(await ids()).toEqual([2])
    expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0, dials: 2 })
  })
})
