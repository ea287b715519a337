import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { describeWithPgBouncer, type PgBouncer, startPgBouncer } from '../support/pgbouncer'

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

  it('a pool that does not know of it leaves its lease out after the first refusal', async () => {
    pool = new Pool({ ...bouncer.config, max: 1, leaseMillis: 30_000, connectionTimeoutMillis: 5000 })
    expect((await pool.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }])
    await pool.end()
    expect(await foreignSettings()).toEqual([[], []])
  })
})
