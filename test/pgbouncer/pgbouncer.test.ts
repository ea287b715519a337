import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import {
  describeWithPgBouncer,
  describeWithStatementsInPgBouncer,
  type PgBouncer,
  startPgBouncer,
} from '../support/pgbouncer'

const serverSessions = 2

let database: TestDatabase
let bouncer: PgBouncer
let pool: Pool

/** The settings that differ from the server's own, in each of PgBouncer's sessions, but those that it keeps for each client. */
async function foreignSettings(): Promise<string[][]> {
  const clients = Array.from({ length: serverSessions }, () => new Client(bouncer.config))
  try {
    for (const client of clients) {
      await client.connect()
      // Each keeps a session of its own for as long as its transaction is open.
      await client.query('BEGIN')
    }
    return await Promise.all(
      clients.map(async (client) => {
        const { rows } = await client.query(
          `SELECT name FROM pg_settings WHERE source IN ('client', 'session') AND name NOT IN
             ('application_name', 'client_encoding', 'DateStyle', 'TimeZone', 'IntervalStyle', 'standard_conforming_strings')
           UNION ALL SELECT 'prepared ' || name FROM pg_prepared_statements`,
        )
        return rows.map(({ name }) => name)
      }),
    )
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

async function pidOf(on: { query(sql: string): Promise<{ rows: { pid: number }[] }> }): Promise<number | undefined> {
  return (await on.query('SELECT pg_backend_pid() AS pid')).rows[0]?.pid
}

describeWithPgBouncer('through PgBouncer in transaction mode', () => {
  beforeAll(async () => {
    database = await createDatabase()
    bouncer = await startPgBouncer(database.config, { poolSize: serverSessions })
    await database.admin.query('CREATE TABLE things (n int)')
  })
  afterAll(async () => {
    await bouncer.close()
    await database.dispose()
  })

  describe("with `target: 'pgbouncer'`", () => {
    function open(options: PoolOptions = {}): Pool {
      pool = new Pool({ ...bouncer.config, target: 'pgbouncer', max: 4, connectionTimeoutMillis: 5000, ...options })
      return pool
    }

    /** Whatever a test did, nothing of it is left to the next client. */
    afterEach(async () => {
      await pool.end()
      expect(await foreignSettings()).toEqual([[], []])
      await database.admin.query('TRUNCATE things')
    })

    it('connects without startup options, whatever the environment says', async () => {
      process.env.PGOPTIONS = '-c work_mem=7MB'
      try {
        open({ application_name: 'orders' })
        expect((await pool.query('SHOW work_mem')).rows).not.toEqual([{ work_mem: '7MB' }])
      } finally {
        delete process.env.PGOPTIONS
      }
    })

    it('connects with the defaults of a Lambda function', async () => {
      process.env.AWS_LAMBDA_FUNCTION_NAME = 'orders'
      try {
        open()
        expect((await pool.query('SHOW idle_session_timeout')).rows).toEqual([{ idle_session_timeout: '0' }])
      } finally {
        delete process.env.AWS_LAMBDA_FUNCTION_NAME
      }
    })

    it('runs queries with and without values, on whatever session there is', async () => {
      open()
      const sums = Array.from(
        { length: 20 },
        async (_, n) => (await pool.query('SELECT $1::int + 1 AS n', [n])).rows[0],
      )
      expect(await Promise.all(sums)).toEqual(Array.from({ length: 20 }, (_, n) => ({ n: n + 1 })))
      expect((await pool.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }])
    })

    it('runs queries with a name on sessions that have never heard of it', async () => {
      open()
      const named = { name: 'add', text: 'SELECT $1::int + 1 AS n', values: [1] }
      for (let turn = 0; turn < 3; turn += 1) {
        // While somebody holds a session, the query has to take another.
        const holder = new Client(bouncer.config)
        await holder.connect()
        await holder.query('BEGIN')
        expect((await pool.query(named)).rows).toEqual([{ n: 2 }])
        await holder.end()
        expect((await Promise.all([pool.query(named), pool.query(named)])).map(({ rows }) => rows)).toEqual([
          [{ n: 2 }],
          [{ n: 2 }],
        ])
      }
    })

    it('shares a connection between queries', async () => {
      open({ max: 1 })
      await pool.query('SELECT 1')
      const numbers = Array.from({ length: 30 }, async (_, n) => (await pool.query('SELECT $1::int AS n', [n])).rows[0])
      expect(await Promise.all(numbers)).toEqual(Array.from({ length: 30 }, (_, n) => ({ n })))
      const settled = await Promise.allSettled([
        pool.query('SELECT 1'),
        pool.query('SELECT nothing'),
        pool.query('SELECT 2'),
      ])
      expect(settled.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect(pool.stats().dials).toBe(1)
    })

    it('commits what succeeds, and rolls back what throws', async () => {
      open()
      const pids = await pool.transaction(async (client) => {
        await client.query('INSERT INTO things VALUES (1)')
        return [await pidOf(client), await pidOf(client)]
      })
      expect(pids[1]).toBe(pids[0])
      const failure = pool.transaction(async (client) => {
        await client.query('INSERT INTO things VALUES (2)')
        throw new Error('no')
      })
      await expect(failure).rejects.toThrow('no')
      expect(await database.admin.query('SELECT n FROM things')).toEqual([{ n: 1 }])
    })

    it('ends a transaction that was left open, and so gives its session back', async () => {
      open({ max: 1 })
      const client = await pool.connect()
      await client.query('BEGIN')
      await client.query('INSERT INTO things VALUES (1)')
      client.release()
      await pool.query('SELECT 1')
      await database.untilSessions(0, { where: "state LIKE 'idle in transaction%'" })
      expect(await database.admin.query('SELECT n FROM things')).toEqual([])
    })

    it('settings of a transaction stay in it', async () => {
      open({ max: 1 })
      await pool.transaction(async (client) => {
        await client.query("SELECT set_config('statement_timeout', '1234', true)")
        expect((await client.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '1234ms' }])
      })
      expect((await pool.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '0' }])
    })

    it('asks for a sign of life before each loan, if it has to', async () => {
      open({ max: 1, validationBypassMillis: 0 })
      for (let turn = 0; turn < 3; turn += 1) await pool.query('SELECT 1')
      expect(pool.stats()).toMatchObject({ dials: 1, pings: 2 })
    })

    it('cancels a query that its caller has given up, and nothing keeps running', async () => {
      open()
      const giveUp = new AbortController()
      const query = pool.query({ text: 'SELECT pg_sleep(30)', signal: giveUp.signal })
      await database.untilSessions(1, { where: "query LIKE '%pg_sleep(30)%' AND state = 'active'" })
      giveUp.abort()
      await expect(query).rejects.toThrow()
      await database.untilSessions(0, { where: "query LIKE '%pg_sleep(30)%' AND state = 'active'" })
      expect((await pool.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }])
    })

    it('survives the end of every server session', async () => {
      open()
      await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 1')])
      const sessions = await database.sessions()
      for (const { pid } of sessions) await database.admin.query('SELECT pg_terminate_backend($1, 5000)', [pid])
      expect((await pool.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }])
    })

    it('survives a restart of PgBouncer', async () => {
      open()
      await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 1')])
      await bouncer.restart()
      expect((await pool.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }])
    })

    it('refuses what would stay in a session that is not its own', () => {
      for (const options of [
        { leaseMillis: 5000 },
        { statement_timeout: 1000 },
        { reset: 'clean' },
        { options: '-c work_mem=7MB' },
      ] as const) {
        expect(() => open(options)).toThrow(/target: 'pgbouncer'/)
      }
    })
  })

  describe('a pool that does not know of it', () => {
    const warn = vi.spyOn(process, 'emitWarning')
    const unaware = { leaseMillis: 30_000, connectionTimeoutMillis: 5000 }

    beforeEach(() => void warn.mockReset().mockImplementation(() => {}))
    afterEach(() => void warn.mockReset())

    /** Codes of the process warnings so far. */
    function warned(): unknown[] {
      return warn.mock.calls.map(([, about]) => (about as { code?: string }).code)
    }

    it('leaves its lease out after the first refusal, and treats it as a pooler from then on', async () => {
      process.env.AWS_LAMBDA_FUNCTION_NAME = 'orders'
      try {
        pool = new Pool({ ...bouncer.config, ...unaware, max: 4 })
        for (let turn = 0; turn < 5; turn += 1) {
          const sums = Array.from({ length: 8 }, async () => (await pool.query('SELECT $1::int + 1 AS n', [1])).rows)
          expect(await Promise.all(sums)).toEqual(Array.from(sums, () => [{ n: 2 }]))
        }
        const named = { name: 'add', text: 'SELECT $1::int + 1 AS n', values: [1] }
        for (let turn = 0; turn < 3; turn += 1)
          for (const { rows } of await Promise.all([pool.query(named), pool.query(named), pool.query(named)]))
            expect(rows).toEqual([{ n: 2 }])
        expect(pool.stats()).toMatchObject({ prepared: 0, dialFailures: 0 })
      } finally {
        delete process.env.AWS_LAMBDA_FUNCTION_NAME
      }
      await pool.end()
      expect(await foreignSettings()).toEqual([[], []])
      expect(warned()).toEqual(['PG_THAW_TARGET'])
    })

    it('still has it cancel what is given up', async () => {
      pool = new Pool({ ...bouncer.config, ...unaware, max: 2 })
      const giveUp = new AbortController()
      const query = pool.query({ text: 'SELECT pg_sleep(29)', signal: giveUp.signal })
      await database.untilSessions(1, { where: "query LIKE '%pg_sleep(29)%' AND state = 'active'" })
      giveUp.abort()
      await expect(query).rejects.toThrow()
      await database.untilSessions(0, { where: "query LIKE '%pg_sleep(29)%' AND state = 'active'" })
      await pool.end()
    })

    it('learns nothing from one that is full, and works once there is room', async () => {
      const small = await startPgBouncer(database.config, { maxClients: 1 })
      const holder = new Client(small.config)
      try {
        await holder.connect()
        pool = new Pool({ ...small.config, ...unaware, max: 1, connectionTimeoutMillis: 300 })
        await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: '08P01' })
        expect(warned()).toEqual([])
        await holder.end()
        await vi.waitFor(async () => expect((await pool.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }]), 5000)
      } finally {
        await pool.end()
        await holder.end()
        await small.close()
      }
    })
  })

  it('a pool that was told of prepared statements which are not kept goes on without', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    pool = new Pool({ ...bouncer.config, target: 'pgbouncer', prepare: 'auto', max: 4 })
    for (let turn = 0; turn < 10; turn += 1) {
      const sums = Array.from({ length: 8 }, async () => (await pool.query('SELECT $1::int + 2 AS n', [1])).rows)
      expect(await Promise.all(sums)).toEqual(Array.from(sums, () => [{ n: 3 }]))
    }
    await pool.end()
    expect(warn.mock.calls.map(([, about]) => (about as { code?: string }).code)).toEqual(['PG_THAW_NO_PREPARE'])
    warn.mockRestore()
  })
})

describeWithStatementsInPgBouncer('through a PgBouncer that keeps prepared statements', () => {
  beforeAll(async () => {
    database = await createDatabase()
    bouncer = await startPgBouncer(database.config, { poolSize: serverSessions, preparedStatements: 20 })
  })
  beforeEach(() =>
    database.admin.query('CREATE TABLE items (id int PRIMARY KEY, label text); INSERT INTO items VALUES (1, $$one$$)'),
  )
  afterEach(async () => {
    await pool.end()
    await database.admin.query('DROP TABLE items')
  })
  afterAll(async () => {
    await bouncer.close()
    await database.dispose()
  })

  const BY_KEY = 'SELECT * FROM items WHERE id = $1'

  function open(options: PoolOptions = {}): Pool {
    const own = { target: 'pgbouncer', prepare: 'auto', max: 4, connectionTimeoutMillis: 5000 } as const
    pool = new Pool({ ...bouncer.config, ...own, ...options })
    return pool
  }

  /** On each server session in turn, with the other one in somebody else's hands. Resolves with their process ids, in order. */
  async function onEachSession(ask: () => Promise<unknown>): Promise<number[]> {
    const holders = Array.from({ length: serverSessions }, () => new Client(bouncer.config))
    const pids: number[] = []
    for (const holder of holders) {
      await holder.connect()
      await holder.query('BEGIN')
      pids.push((await holder.query('SELECT pg_backend_pid() AS pid')).rows[0].pid)
    }
    for (const holder of holders) {
      // Not by its end, after which PgBouncer would not use the session again.
      await holder.query('COMMIT')
      await ask()
      await holder.query('BEGIN')
    }
    for (const holder of holders) {
      await holder.query('COMMIT')
      await holder.end()
    }
    return pids.sort()
  }

  it('a statement that comes again is prepared, and runs by its name on sessions that never parsed it for this client', async () => {
    open({ max: 1 })
    await pool.query(BY_KEY, [1])
    for (let turn = 0; turn < 3; turn += 1)
      await onEachSession(async () => expect((await pool.query(BY_KEY, [1])).rows).toEqual([{ id: 1, label: 'one' }]))
    expect(pool.stats()).toMatchObject({ dials: 1, prepared: 1, reused: 5, forgotten: 0 })
  })

  it('so it is by many clients at once, in transactions too', async () => {
    open()
    for (let turn = 0; turn < 10; turn += 1) {
      const asked = Array.from({ length: 8 }, async (_, n) =>
        n % 2
          ? (await pool.query(BY_KEY, [1])).rows
          : pool.transaction(async (client) => (await client.query(BY_KEY, [1])).rows),
      )
      expect(await Promise.all(asked)).toEqual(Array.from(asked, () => [{ id: 1, label: 'one' }]))
    }
    expect(pool.stats()).toMatchObject({ forgotten: 0 })
    expect(pool.stats().reused).toBeGreaterThan(40)
  })

  it("so are those with names of the program's own", async () => {
    open({ max: 1 })
    const named = { name: 'by key', text: BY_KEY, values: [1] }
    for (let turn = 0; turn < 2; turn += 1)
      await onEachSession(async () => expect((await pool.query(named)).rows).toEqual([{ id: 1, label: 'one' }]))
    const held = await pool.transaction((client) => client.query('SELECT name FROM pg_prepared_statements'))
    expect(held.rows.map(({ name }) => name)).toContainEqual(expect.stringMatching(/^PGBOUNCER_/))
    expect(pool.stats().dials).toBe(1)
  })

  it('no query fails when a table changes, though PgBouncer keeps the old statement for all who send its text', async () => {
    open({ max: 1 })
    const ask = async () => (await pool.query(BY_KEY, [1])).rows
    const before = await onEachSession(ask)
    expect(await onEachSession(ask)).toEqual(before)
    await database.admin.query('ALTER TABLE items ADD COLUMN price int')
    const asked = async () => expect(await ask()).toEqual([{ id: 1, label: 'one', price: null }])
    for (let turn = 0; turn < 3; turn += 1) expect(await onEachSession(asked)).toEqual(before)
    expect(pool.stats()).toMatchObject({ dials: 1, forgotten: 1 })
    // Another client, which has never seen the old table, is given the old statement with its first Parse.
    await pool.end()
    open({ max: 1, prepare: 0 })
    for (let turn = 0; turn < 3; turn += 1) expect(await onEachSession(asked)).toEqual(before)
    expect(pool.stats()).toMatchObject({ dials: 1, prepared: 1, forgotten: 1 })
  })

  it('rows are read as they look on the session that the statement runs on', async () => {
    open({ max: 1 })
    for (let turn = 0; turn < 3; turn += 1) await pool.query(BY_KEY, [1])
    await database.admin.query('ALTER TABLE items ADD COLUMN price int, ALTER COLUMN label TYPE int USING 5')
    // PgBouncer opens new ones, which parse it anew.
    for (const { pid } of await database.sessions())
      await database.admin.query('SELECT pg_terminate_backend($1, 5000)', [pid])
    await pool.query('SELECT 1')
    expect((await pool.query(BY_KEY, [1])).rows).toEqual([{ id: 1, label: 5, price: null }])
    expect(pool.stats()).toMatchObject({ dials: 1, prepared: 1, forgotten: 0 })
  })

  it('names that are closed, dropped or could not be parsed are given again', async () => {
    open({ max: 1, preparedStatements: 2, prepare: 0 })
    for (let turn = 0; turn < 3; turn += 1) {
      for (let n = 0; n < 5; n += 1)
        expect((await pool.query(`SELECT $1::int + ${n} AS n`, [1])).rows).toEqual([{ n: 1 + n }])
      await expect(pool.query('SELECT $1::int FROM nowhere', [1])).rejects.toMatchObject({ code: '42P01' })
      await pool.query(turn === 0 ? 'DISCARD ALL' : 'DEALLOCATE ALL')
    }
    expect(pool.stats().dials).toBe(1)
  })
})
