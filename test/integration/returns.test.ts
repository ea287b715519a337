import pg, { type PoolClient } from 'pg'
import { describe, expect, it } from 'vitest'
import type { Pool, PoolOptions } from '../../src/index'
import { database, openPool, pool } from '../support/pool-under-test'

function open(options: PoolOptions = {}): Pool {
  return openPool({ max: 1, ...options })
}

async function pidOf(of: Pick<PoolClient, 'query'>): Promise<number> {
  return (await of.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
}

const WHERE_IN_TRANSACTION = "state LIKE 'idle in transaction%'"

describe('what comes back', () => {
  it('C1: a second release throws, and harms nobody', async () => {
    open()
    const client = await pool.connect()
    client.release()
    expect(() => client.release()).toThrow('Release called on client which has already been released to the pool.')
    await pool.query('SELECT 1')
  })

  it("C2: a stale release throws instead of releasing the next borrower's loan", async () => {
    open()
    const { release } = await pool.connect()
    release()
    const next = await pool.connect()
    expect(() => release()).toThrow('already been released')
    expect(pool.stats().lent).toBe(1)
    next.release()
  })

  it('C4: an open transaction is rolled back before the next loan, on the same backend', async () => {
    open()
    const client = await pool.connect()
    const pid = await pidOf(client)
    await client.query('BEGIN')
    await client.query('CREATE TABLE left_open (n int)')
    client.release()
    expect(await pidOf(pool)).toBe(pid)
    expect(await database.admin.query("SELECT to_regclass('left_open') AS it")).toEqual([{ it: null }])
    expect(await database.sessions(WHERE_IN_TRANSACTION)).toEqual([])
    expect(pool.stats().resets).toBe(1)
  })

  it('C4: a failed transaction is rolled back before the next loan', async () => {
    open()
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('SELECT nonsense').catch(() => {})
    client.release()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it('C4: BEGIN sent as a lone pool.query says that it can not be kept, and opens no transaction for the next borrower', async () => {
    open()
    await expect(pool.query('BEGIN')).rejects.toMatchObject({ code: 'POOL_TRANSACTION_LEFT_OPEN' })
    const client = await pool.connect()
    expect(client.getTransactionStatus()).toBe('I')
    client.release()
  })

  it('C4: a transaction costs no rollback when it was committed', async () => {
    open()
    await pool.transaction((client) => client.query('SELECT 1'))
    expect(pool.stats().resets).toBe(0)
  })

  it('C5: a client released while its query runs is never lent again', async () => {
    open()
    const client = await pool.connect()
    const pid = await pidOf(client)
    const late = client.query('SELECT pg_sleep(30)').catch((error) => error)
    client.release()
    expect(await pidOf(pool)).not.toBe(pid)
    expect(await late).toBeInstanceOf(Error)
    expect(pool.stats().retired.busy).toBe(1)
    await database.admin.query('SELECT pg_terminate_backend($1)', [pid])
  })

  it('C6: a rollback that the server does not answer in time costs the connection, not the pool', async () => {
    open({ validationTimeoutMillis: 200 })
    const client = await pool.connect()
    const pid = await pidOf(client)
    await client.query('BEGIN')
    // Whatever is asked of it from here on never comes back.
    Reflect.set(client, 'query', () => new Promise(() => {}))
    client.release()
    expect(await pidOf(pool)).not.toBe(pid)
    expect(pool.stats().retired.reset).toBe(1)
  })

  it('C9: a client that its borrower ended is replaced', async () => {
    open()
    const client = await pool.connect()
    await (client as unknown as { end(): Promise<void> }).end()
    client.release()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(pool.stats().dials).toBe(2)
  })

  it('discards a client whose query timed out on this side', async () => {
    open({ query_timeout: 100 })
    const pid = (await database.admin.query<{ pid: number }>('SELECT pg_backend_pid() AS pid'))[0]?.pid
    expect(pid).toBeTypeOf('number')
    await expect(pool.query('SELECT pg_sleep(30)')).rejects.toThrow('Query read timeout')
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(pool.stats().retired.busy).toBe(1)
    await database.admin.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND datname = current_database()",
    )
  })
})

describe('a query that goes wrong on this side', () => {
  const circular: Record<string, unknown> = {}
  circular.self = circular

  it.each([
    ['a circular value', circular],
    ['a BigInt inside a value', { n: 1n }],
  ])('%s rejects once, and the next query works', async (_name, value) => {
    for (const fanOut of [true, false]) {
      open({ fanOut })
      await expect(pool.query('SELECT $1::json', [value])).rejects.toThrow(TypeError)
      expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      expect(pool.stats().lent).toBe(0)
      await pool.end()
    }
  })

  it('an error that nothing may be added to is passed on all the same', async () => {
    open()
    const error = Object.freeze(new RangeError('not today'))
    const toPostgres = () => {
      throw error
    }
    await expect(pool.query('SELECT $1::text', [{ toPostgres }])).rejects.toBe(error)
  })

  it('a type parser that throws, or is none, rejects or passes the text on, and the next query works', async () => {
    const thrown = new Error('cannot parse')
    const parsers = {
      getTypeParser: (oid: number) => () => {
        if (oid === 16) throw thrown
        return 'parsed'
      },
    }
    for (const fanOut of [true, false]) {
      open({ fanOut })
      await expect(pool.query({ text: 'SELECT true AS t', types: parsers as never })).rejects.toBe(thrown)
      expect((await pool.query({ text: 'SELECT 1 AS one', types: parsers as never })).rows).toEqual([{ one: 'parsed' }])
      expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
      expect(pool.stats()).toMatchObject({ lent: 0, dials: 1 })
      await pool.end()
    }
  })

  it('a Submittable that calls back twice is heard once', async () => {
    open()
    const { rows } = await pool.query('SELECT 1 AS one')
    const twice = {
      callback: undefined as ((error: null, result: unknown) => void) | undefined,
      submit: (connection: { sync(): void }) => connection.sync(),
      handleReadyForQuery() {
        this.callback?.(null, rows)
        this.callback?.(null, 'again')
      },
      handleError: () => {},
    }
    expect(await pool.query(twice as never)).toBe(rows)
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual(rows)
  })
})

describe('other makes of clients and streams', () => {
  it('pipeline: true keeps its connections through pings and failed queries', async () => {
    open({ pipeline: true, validationBypassMillis: 0 })
    for (let query = 0; query < 3; query += 1) await pool.query('SELECT 1')
    await pool.query('SELECT nonsense').catch(() => {})
    await pool.query('SELECT 1')
    expect(pool.stats()).toMatchObject({ dials: 1, generation: 0 })
    expect(pool.stats().pings).toBeGreaterThan(0)
  })

  it('a client without ref and unref loses no event', async () => {
    class Unreferenced extends pg.Client {
      ref = undefined
      unref = undefined
    }
    open({ Client: Unreferenced })
    const events: string[] = []
    for (const name of ['connect', 'acquire', 'release'] as const) pool.on(name, () => events.push(name))
    await pool.query('SELECT 1')
    expect(events).toEqual(['connect', 'acquire', 'release'])
    expect(pool.stats().faults).toBe(0)
  })
})

describe('await using', () => {
  it("of a client that was released early leaves the next borrower's loan alone", async () => {
    open()
    const other: PoolClient[] = []
    await (async () => {
      await using client = (await pool.connect()) as PoolClient & AsyncDisposable
      client.release()
      other.push(await pool.connect())
    })()
    expect(pool.stats().lent).toBe(1)
    other[0]?.release()
  })
})

describe('reset', () => {
  it('C7: rollback leaves the session as its borrower left it', async () => {
    open()
    await pool.query("SET work_mem = '7MB'")
    expect((await pool.query('SHOW work_mem')).rows).toEqual([{ work_mem: '7MB' }])
  })

  it('C7: clean gives the next borrower a session as new, with its lease and its prepared statements', async () => {
    open({ reset: 'clean', leaseMillis: 30_000 })
    const client = await pool.connect()
    const pid = await pidOf(client)
    await client.query({ name: 'kept', text: 'SELECT 1' })
    await client.query(
      "SET work_mem = '7MB'; CREATE TEMP TABLE scratch (n int); SELECT pg_advisory_lock(1); LISTEN news",
    )
    client.release()
    const next = await pool.connect()
    expect(await pidOf(next)).toBe(pid)
    expect((await next.query('SHOW work_mem')).rows).not.toEqual([{ work_mem: '7MB' }])
    expect((await next.query("SELECT to_regclass('scratch') AS it, pg_listening_channels()")).rows).toEqual([])
    expect((await next.query('SHOW idle_session_timeout')).rows).toEqual([{ idle_session_timeout: '30s' }])
    expect((await next.query('SELECT count(*)::int AS n FROM pg_prepared_statements')).rows).toEqual([{ n: 1 }])
    expect(await database.admin.query('SELECT pg_try_advisory_lock(1) AS free')).toEqual([{ free: true }])
    await database.admin.query('SELECT pg_advisory_unlock(1)')
    next.release()
  })

  it('C7: none leaves even an open transaction', async () => {
    open({ reset: 'none' })
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release()
    const next = await pool.connect()
    expect(next.getTransactionStatus()).toBe('T')
    await next.query('COMMIT')
    next.release()
  })

  it('C7: a function runs after the rollback', async () => {
    const statuses: unknown[] = []
    open({
      reset: (client) => {
        statuses.push(client.getTransactionStatus())
      },
    })
    const client = await pool.connect()
    await client.query('BEGIN')
    client.release()
    await pool.query('SELECT 1')
    expect(statuses[0]).toBe('I')
  })

  it('C7: a function that leaves a transaction open costs the connection', async () => {
    open({ reset: (client) => client.query('BEGIN').then(() => {}) })
    const pid = await pidOf(pool)
    expect(await pidOf(pool)).not.toBe(pid)
  })

  it('C7: a function that throws costs the connection', async () => {
    open({
      reset: () => {
        throw new Error('not clean')
      },
    })
    const pid = await pidOf(pool)
    expect(await pidOf(pool)).not.toBe(pid)
  })
})
