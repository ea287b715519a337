import { startRelay } from 'pg-thaw/testing'
import { describe, expect, it, vi } from 'vitest'
import { Pool, wrapHandler } from '../../src/index'
import { database, openPool as open, pool } from '../support/pool-under-test'

const SLOW = 'SELECT pg_sleep(30)'

/** Resolves when a slow query runs on the server. */
async function untilRunning(count = 1): Promise<void> {
  await database.untilSessions(count, { where: `state = 'active' AND query = '${SLOW}'` })
}

/** Ends the pool's sessions in the way that is named, and waits until they are gone. */
async function terminate(): Promise<void> {
  await database.admin.query(
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND application_name <> 'admin'",
  )
}

async function untilNothingRuns(): Promise<void> {
  await database.untilSessions(0, { where: "state <> 'idle'" })
}

describe('an aborted signal', () => {
  it('cancels a query, on the server too', async () => {
    open()
    const controller = new AbortController()
    const query = pool.query({ text: SLOW, signal: controller.signal })
    await untilRunning()
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(query).rejects.toMatchObject({ code: 'POOL_QUERY_ABORTED', retry: 'unknown', cause: reason })
    await untilNothingRuns()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(pool.stats()).toMatchObject({ lent: 0, retired: { reclaimed: 1 } })
  })

  it('A8: leaves those alone that run at the same time', async () => {
    open({ max: 2 })
    const controller = new AbortController()
    const aborted = pool.query({ text: SLOW, signal: controller.signal })
    await untilRunning()
    const others = Array.from({ length: 10 }, (_, n) => pool.query('SELECT $1::int AS n', [n]))
    controller.abort()
    await expect(aborted).rejects.toMatchObject({ code: 'POOL_QUERY_ABORTED' })
    expect((await Promise.all(others)).map(({ rows }) => rows[0].n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  it('before it starts refuses a query, and one that comes after the result changes nothing', async () => {
    open()
    await expect(pool.query({ text: 'SELECT 1', signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'POOL_ACQUIRE_ABORTED',
    })
    const controller = new AbortController()
    await pool.query({ text: 'SELECT 1', signal: controller.signal })
    controller.abort()
    expect(pool.stats()).toMatchObject({ idle: 1, retired: { reclaimed: 0 } })
  })

  it('ends scoped work at its query, and its transaction', async () => {
    open()
    for (const run of ['use', 'transaction'] as const) {
      const controller = new AbortController()
      const work = pool[run]((client) => client.query(SLOW), { signal: controller.signal })
      await untilRunning()
      controller.abort()
      await expect(work).rejects.toMatchObject({ code: 'POOL_QUERY_ABORTED' })
      await untilNothingRuns()
    }
    expect(pool.stats()).toMatchObject({ lent: 0, lateReturns: 2 })
  })

  it('between being lent and being used counts as well', async () => {
    open()
    const controller = new AbortController()
    pool.on('acquire', () => controller.abort())
    await expect(pool.query({ text: SLOW, signal: controller.signal })).rejects.toMatchObject({
      code: 'POOL_ACQUIRE_ABORTED',
      retry: 'safe',
    })
    await untilNothingRuns()
  })
})

describe('a query that the server has not read when it is asked to cancel it', () => {
  it('is cancelled all the same', async () => {
    const relay = await startRelay(database.config)
    const { host, port } = relay
    open({ host, port, max: 1 })
    const { rows } = await pool.query('SELECT pg_backend_pid() AS pid')
    const controller = new AbortController()
    process.kill(rows[0].pid, 'SIGSTOP')
    try {
      const query = pool.query({ text: SLOW, signal: controller.signal })
      controller.abort()
      await expect(query).rejects.toMatchObject({ code: 'POOL_QUERY_ABORTED' })
      // The first request has come to nothing then.
      await vi.waitUntil(() => relay.connects > 2)
    } finally {
      process.kill(rows[0].pid, 'SIGCONT')
    }
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    await untilNothingRuns()
    await pool.end()
    await relay.close()
  })
})

describe('a client that is released while its query runs', () => {
  it('goes on until the query is done, and then to who waits, whole', async () => {
    open({ max: 1 })
    await pool.query('CREATE TABLE late (n int)')
    const client = await pool.connect()
    const late = client.query('INSERT INTO late SELECT 1 FROM pg_sleep(0.2)')
    client.release()
    expect(() => client.release()).toThrow('already been released')
    const { rows } = await pool.query('SELECT count(*)::int AS n FROM late')
    expect(rows).toEqual([{ n: 1 }])
    await late
    expect(pool.stats()).toMatchObject({ dials: 1, lent: 0, retired: { busy: 0 } })
  })

  it('is dropped at once under all who share it where the target knows no cancelling', async () => {
    open({ target: 'rds-proxy', max: 1 })
    const handler = wrapHandler((_event: unknown, _context: object) =>
      Promise.allSettled([pool.query(SLOW), pool.query('SELECT 1'), pool.query(SLOW)]),
    )
    const settled = await handler({}, { getRemainingTimeInMillis: () => 1000 })
    expect(settled.map((it) => (it.status === 'rejected' ? it.reason.code : ''))).toEqual(
      Array(3).fill('POOL_QUERY_TIMEOUT'),
    )
    await pool.end()
    expect(pool.stats()).toMatchObject({ forcedCloses: 0, retired: { reclaimed: 1 } })
    await terminate()
  })

  it('is only dropped where the target knows no cancelling', async () => {
    open({ target: 'rds-proxy' })
    const client = await pool.connect()
    const query = client.query(SLOW)
    query.catch(() => {})
    await untilRunning()
    client.release()
    await expect(query).rejects.toThrow()
    expect(await database.sessions("state = 'active'")).toHaveLength(1)
    await database.admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query = $1 AND state = 'active' AND datname = current_database()",
      [SLOW],
    )
  })
})

describe('the deadline of an invocation', () => {
  it('ends on the server whatever was sent over one connection', async () => {
    open({ max: 1 })
    const handler = wrapHandler(async (_event: unknown, _context: object) => {
      const quick = await Promise.all(Array.from({ length: 20 }, () => pool.query('SELECT pg_backend_pid() AS pid')))
      const slow = await Promise.allSettled(Array.from({ length: 4 }, () => pool.query(SLOW)))
      return { pid: quick[0]?.rows[0].pid, codes: slow.map((it) => it.status === 'rejected' && it.reason.code) }
    })
    const { pid, codes } = await handler({}, { getRemainingTimeInMillis: () => 1000 })
    expect(codes).toContain('POOL_QUERY_TIMEOUT')
    await database.untilSessions(0, { where: `pid = ${pid}` })
  })

  it('rejects a query that shares its connection with another invocation, and leaves the other one alone', async () => {
    open({ max: 1, deadlineMarginMillis: 100 })
    const ask = wrapHandler((_event: unknown, _context: object) => pool.query('SELECT pg_sleep(0.8)'))
    const timed = ask({}, { getRemainingTimeInMillis: () => 400 })
    const other = ask({}, {})
    await expect(timed).rejects.toMatchObject({ code: 'POOL_QUERY_TIMEOUT' })
    await expect(other).resolves.toMatchObject({ rowCount: 1 })
    expect(pool.stats().lent).toBe(0)
  })

  it.each<[string, () => Promise<unknown>]>([
    ['a transaction', () => pool.transaction((client) => client.query(SLOW))],
    [
      'a rollback by hand',
      async () => {
        const client = await pool.connect()
        try {
          await client.query('BEGIN')
          await client.query(SLOW)
        } catch (error) {
          await client.query('ROLLBACK').catch(() => {})
          throw error
        } finally {
          client.release()
        }
      },
    ],
  ])('is told in time through %s, though the network is down', async (_, work) => {
    const relay = await startRelay(database.config)
    const { host, port } = relay
    open({ host, port, deadlineMarginMillis: 400 })
    const handler = wrapHandler(async (_event: unknown, _context: object) => {
      const timedOut = new Promise((resolve) => setTimeout(resolve, 1500, 'timed out'))
      const told = work().catch((error) => error.code)
      await untilRunning()
      relay.newcomersMeet = 'deaf'
      relay.strike('deaf')
      return Promise.race([told, timedOut])
    })
    const answer = await handler({}, { getRemainingTimeInMillis: () => 1500 })
    await pool.end()
    await relay.close()
    await terminate()
    expect(answer).toBe('POOL_QUERY_TIMEOUT')
  })

  it('is told to each of its queries in an error of its own, with a stack that leads to who asked', async () => {
    open({ max: 1, deadlineMarginMillis: 100 })
    const whoAsked = async () => await pool.query(SLOW)
    const whoElse = async () => await pool.query(SLOW)
    const handler = wrapHandler((_event: unknown, _context: object) => Promise.allSettled([whoAsked(), whoElse()]))
    const settled = await handler({}, { getRemainingTimeInMillis: () => 1000 })
    const stacks = settled.map((it) => (it.status === 'rejected' ? it.reason.stack : ''))
    expect(stacks).toEqual([expect.stringContaining('whoAsked'), expect.stringContaining('whoElse')])
  })

  it('leaves half of its time, and cuts off in the other half, however long the margin', async () => {
    open({ deadlineMarginMillis: 20_000, connectionTimeoutMillis: 30_000 })
    let isTimedOut = false
    const handler = wrapHandler(async (_event: unknown, _context: object) => {
      setTimeout(() => {
        isTimedOut = true
      }, 1500)
      await expect(pool.query(SLOW)).rejects.toMatchObject({ code: 'POOL_QUERY_TIMEOUT' })
      return isTimedOut
    })
    expect(await handler({}, { getRemainingTimeInMillis: () => 1500 })).toBe(false)
  })

  it('is at the latest when half of its time is over', async () => {
    open({ deadlineMarginMillis: 5000 })
    const handler = wrapHandler((_event: unknown, _context: object) => pool.query('SELECT 1 AS one'))
    const { rows } = await handler({}, { getRemainingTimeInMillis: () => 2000 })
    expect(rows).toEqual([{ one: 1 }])
  })
})

describe('what is tried again', () => {
  it('a query whose session the server ended for idling, before it looked at the query', async () => {
    open({ options: '-c idle_session_timeout=100', validate: false })
    const client = await pool.connect()
    const { processID } = client as unknown as { processID: number }
    // Its answer is read only after the query was written: the event loop is held up until the server has ended the session.
    client.release()
    const end = performance.now() + 400
    while (performance.now() < end);
    const { rows } = await pool.query('SELECT pg_backend_pid() AS pid')
    expect(rows[0].pid).not.toBe(processID)
    expect(pool.stats().dials).toBe(2)
  })

  it('an idempotent query whose connection was lost, and no other', async () => {
    open()
    for (const idempotent of [true, false]) {
      const query = pool.query({ text: 'SELECT pg_sleep(0.5)', idempotent })
      query.catch(() => {})
      await database.untilSessions(1, { where: "state = 'active'" })
      await terminate()
      if (idempotent) await expect(query).resolves.toMatchObject({ rowCount: 1 })
      else await expect(query).rejects.toMatchObject({ code: '57P01', retry: 'unknown' })
    }
  })

  it('an idempotent query that is terminated again and again: twice', async () => {
    open()
    const query = pool.query({ text: SLOW, idempotent: true })
    query.catch(() => {})
    for (let run = 0; run < 3; run += 1) {
      await untilRunning()
      await terminate()
    }
    await expect(query).rejects.toMatchObject({ code: '57P01', retry: 'unknown' })
    expect(pool.stats().acquires).toBe(3)
  })

  it('none that its invocation left behind, even if its connection is cut without a word', async () => {
    open({ target: 'rds-proxy', lingerMillis: 0 })
    const left: Promise<unknown>[] = []
    const handler = wrapHandler(async (_event: unknown, _context: object) => {
      left.push(pool.query({ text: SLOW, idempotent: true }))
      await untilRunning()
    })
    await handler({}, {})
    expect(pool.stats()).toMatchObject({ acquires: 1, waiting: 0, lent: 0, unfinished: 1 })
    await terminate()
    const settled = Promise.race([left[0]?.then(String, String), pool.query('SELECT 1').then(() => 'nothing')])
    expect(await settled, 'what was left behind is not settled').toBe('nothing')
  })

  it('a transaction that conflicts, as often as it says', async () => {
    open()
    for (const [retries, runs] of [
      [2, 3],
      [0, 1],
    ] as const) {
      let run = 0
      const work = pool.transaction(
        async (client) => {
          run += 1
          await client.query("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40001'; END $$")
        },
        { retries },
      )
      await expect(work).rejects.toMatchObject({ code: '40001', retry: 'safe' })
      expect(run).toBe(runs)
    }
    let attempts = 0
    const work = pool.transaction(
      async (client) => {
        attempts += 1
        if (attempts === 1) await client.query("DO $$ BEGIN RAISE EXCEPTION 'conflict' USING ERRCODE = '40P01'; END $$")
        return attempts
      },
      { retries: 1 },
    )
    expect(await work).toBe(2)
    await expect(pool.transaction(async () => 1, { retries: -1 })).rejects.toMatchObject({
      code: 'POOL_OPTION_INVALID',
    })
  })

  it('never a transaction without retries whose connection was lost: one error, nothing half committed', async () => {
    open()
    await pool.query('CREATE TABLE once (n int)')
    let runs = 0
    const work = pool.transaction(async (client) => {
      runs += 1
      await client.query('INSERT INTO once VALUES (1)')
      await terminate()
      await client.query('INSERT INTO once VALUES (2)')
    })
    await expect(work).rejects.toMatchObject({ code: expect.any(String), retry: expect.stringMatching(/safe|unknown/) })
    expect(runs).toBe(1)
    expect((await pool.query('SELECT * FROM once')).rows).toEqual([])
  })

  it('says of every error what trying again would mean', async () => {
    open({ max: 1, maxWaiting: 0 })
    await expect(pool.query('SELECT nonsense')).rejects.toMatchObject({ code: '42703', retry: 'never' })
    await expect(pool.use((client) => client.query('SELECT nonsense'))).rejects.toMatchObject({ retry: 'never' })
    const client = await pool.connect()
    await expect(pool.connect()).rejects.toMatchObject({ code: 'POOL_QUEUE_FULL', retry: 'safe' })
    client.release()
    const refused = new Pool({ ...database.config, port: 1 })
    await expect(refused.query('SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED', retry: 'safe' })
    const unknown = new Pool({ ...database.config, database: 'nowhere' })
    await expect(unknown.query('SELECT 1')).rejects.toMatchObject({ code: '3D000', retry: 'never' })
    await Promise.all([refused.end(), unknown.end()])
  })
})

describe('the lease', () => {
  it('covers transactions, never for longer than an invocation lasts', async () => {
    open({ leaseMillis: 60_000, maxUses: 1 })
    const read = async () => {
      const { rows } = await pool.query(
        "SELECT current_setting('idle_session_timeout') AS idle, current_setting('idle_in_transaction_session_timeout') AS open",
      )
      return rows[0]
    }
    expect(await read()).toEqual({ idle: '1min', open: '1min' })
    const handler = wrapHandler((_event: unknown, _context: object) => read())
    expect(await handler({}, { getRemainingTimeInMillis: () => 3000 })).toEqual({ idle: '1min', open: '3s' })
  })
})

describe('a target that owns the sessions', () => {
  it('is sent no settings and no names of statements', async () => {
    open({ target: 'pgbouncer', max: 1 })
    await pool.query({ name: 'named', text: 'SELECT 1' })
    const client = await pool.connect()
    await client.query({ name: 'named', text: 'SELECT 2' })
    client.release()
    const { rows } = await pool.query(
      "SELECT (SELECT count(*)::int FROM pg_prepared_statements) AS named, current_setting('idle_session_timeout') AS idle",
    )
    expect(rows).toEqual([{ named: 0, idle: '0' }])
  })

  it('is sent none that a URL asks for', async () => {
    const asked =
      'options=-c%20work_mem=7MB&statement_timeout=5001&lock_timeout=5002&idle_in_transaction_session_timeout=5003'
    open({ connectionString: `${database.url}?${asked}`, target: 'pgbouncer' })
    const { rows } = await pool.query(
      "SELECT name FROM pg_settings WHERE source = 'client' AND name ~ 'timeout|work_mem'",
    )
    expect(rows).toEqual([])
  })
})
