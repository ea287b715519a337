import type { PoolClient } from 'pg'
import Cursor from 'pg-cursor'
import { beforeEach, describe, expect, it } from 'vitest'
import type { TransactionOptions } from '../../src/index'
import { runInTransaction } from '../../src/postgres/query/transaction/transaction'
import { database, openPool, pool } from '../support/pool-under-test'

beforeEach(async () => {
  await database.admin.query('DROP TABLE IF EXISTS rows')
  await database.admin.query('CREATE TABLE rows (id int)')
})

const insert = (client: PoolClient, id: number) => client.query('INSERT INTO rows VALUES ($1)', [id])
const stored = async () =>
  (await database.admin.query<{ id: number }>('SELECT id FROM rows ORDER BY id')).map((it) => it.id)
const NONSENSE = [{ text: 'BEGIN ISOLATION LEVEL nonsense' }]

/** A client whose transaction can't begin. */
function refused<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
  return pool.use((client) => runInTransaction(client, work, NONSENSE, 'with-first'))
}

describe('a transaction whose BEGIN the server refuses', () => {
  beforeEach(() => void openPool({ max: 1 }))

  it.each([
    ['one that is awaited', (client: PoolClient) => insert(client, 1)],
    ['one without values', (client: PoolClient) => client.query('INSERT INTO rows VALUES (1)')],
    [
      'several statements',
      (client: PoolClient) => client.query('INSERT INTO rows VALUES (1); INSERT INTO rows VALUES (2)'),
    ],
    ['some that are not awaited', (client: PoolClient) => Promise.all([1, 2, 3].map((id) => insert(client, id)))],
    ['one whose error is swallowed', (client: PoolClient) => insert(client, 1).catch(() => {})],
    [
      'one after another whose error was swallowed',
      async (client: PoolClient) => {
        await insert(client, 1).catch(() => {})
        await insert(client, 2).catch(() => {})
      },
    ],
    [
      'one with a callback',
      (client: PoolClient) => new Promise((resolve) => client.query('INSERT INTO rows VALUES ($1)', [1], resolve)),
    ],
    ['a cursor', (client: PoolClient) => client.query(new Cursor('INSERT INTO rows VALUES (1) RETURNING id')).read(1)],
  ])('runs nothing of what was asked: %s', async (_, work) => {
    await expect(refused(work as (client: PoolClient) => Promise<unknown>)).rejects.toMatchObject({ code: '42601' })
    expect(await stored()).toEqual([])
    // The connection is whole.
    await pool.transaction((client) => insert(client, 9))
    expect(await stored()).toEqual([9])
    expect(pool.stats()).toMatchObject({ dials: 1, lent: 0 })
  })
})

describe('a transaction', () => {
  beforeEach(() => void openPool({ max: 1 }))

  it('that asks nothing begins nothing', async () => {
    expect(await pool.transaction(async () => 'done')).toBe('done')
    expect(pool.stats()).toMatchObject({ lent: 0, resets: 0 })
  })

  it('is rolled back when its work throws, whether or not it has been asked something', async () => {
    for (const ask of [0, 1, 2]) {
      const work = async (client: PoolClient) => {
        for (let id = 0; id < ask; id += 1) await insert(client, id)
        throw new Error('no')
      }
      await expect(pool.transaction(work)).rejects.toThrow('no')
    }
    expect(await stored()).toEqual([])
  })

  it('is rolled back with a first statement that was not awaited', async () => {
    await expect(
      pool.transaction(async (client) => {
        insert(client, 1).catch(() => {})
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await stored()).toEqual([])
  })

  it('begins with whatever comes first: a cursor, a callback, several statements, a setting', async () => {
    await pool.transaction(async (client) => {
      const cursor = client.query(new Cursor('SELECT generate_series(1, 3) AS n'))
      expect(await cursor.read(5)).toHaveLength(3)
      await cursor.close()
      await insert(client, 1)
    })
    await pool.transaction(async (client) => {
      await client.query('INSERT INTO rows VALUES (2); INSERT INTO rows VALUES (3)')
    })
    await pool.transaction(async (client) => {
      await client.query("SET LOCAL statement_timeout = '1s'")
      await new Promise((resolve) => client.query('INSERT INTO rows VALUES (4)', resolve))
    })
    expect(await stored()).toEqual([1, 2, 3, 4])
    expect((await pool.query('SHOW statement_timeout')).rows).toEqual([{ statement_timeout: '0' }])
  })
})

describe('what a transaction may be', () => {
  beforeEach(() => void openPool({ max: 1 }))

  const shown = (options: TransactionOptions, name: string) =>
    pool.transaction(
      async (client) => (await client.query(`SELECT current_setting('${name}') AS it`)).rows[0].it,
      options,
    )

  it('stands in its BEGIN', async () => {
    for (const isolation of ['read uncommitted', 'read committed', 'repeatable read', 'serializable'] as const) {
      expect(await shown({ isolation }, 'transaction_isolation')).toBe(isolation)
    }
    expect(await shown({ readOnly: true }, 'transaction_read_only')).toBe('on')
    expect(await shown({ readOnly: false }, 'transaction_read_only')).toBe('off')
    expect(await shown({ deferrable: true }, 'transaction_deferrable')).toBe('on')
    expect(await shown({}, 'transaction_isolation')).toBe('read committed')
  })

  it('settings hold for it alone, whatever is in them', async () => {
    const tenant = "'; DROP TABLE rows; --"
    expect(await shown({ settings: { 'app.tenant': tenant, work_mem: '8MB' } }, 'app.tenant')).toBe(tenant)
    expect(await shown({ settings: { work_mem: '8MB', 'app.n': 7, 'app.on': true } }, 'work_mem')).toBe('8MB')
    expect(await shown({}, 'work_mem')).not.toBe('8MB')
    expect((await pool.query("SELECT current_setting('app.tenant', true) AS it")).rows[0].it).toBeFalsy()
    expect(pool.stats().dials).toBe(1)
  })

  it('a setting that the server refuses fails it, and nothing of it runs', async () => {
    const work = (client: PoolClient) => insert(client, 1)
    await expect(pool.transaction(work, { settings: { no_such_thing: 1 } })).rejects.toMatchObject({ code: '42704' })
    await expect(pool.transaction(work, { settings: { work_mem: 'much' } })).rejects.toMatchObject({ code: '22023' })
    expect(await stored()).toEqual([])
    await pool.transaction(work)
    expect(await stored()).toEqual([1])
    expect(pool.stats().dials).toBe(1)
  })

  it('a serializable one with retries runs again after a conflict', async () => {
    await pool.end()
    openPool({ max: 2 })
    let runs = 0
    const count = async (client: PoolClient) => {
      runs += 1
      const { rows } = await client.query('SELECT count(*)::int AS n FROM rows')
      await new Promise((resolve) => setTimeout(resolve, 20))
      await insert(client, rows[0].n)
    }
    const options = { isolation: 'serializable', retries: 5 } as const
    await Promise.all([pool.transaction(count, options), pool.transaction(count, options)])
    expect(await stored()).toEqual([0, 1])
    expect(runs).toBeGreaterThan(2)
  })

  it.each([
    [{ isolation: 'snapshot' as never }, '`isolation`'],
    [{ readOnly: 1 as never }, '`readOnly`'],
    [{ deferrable: 'yes' as never }, '`deferrable`'],
    [{ settings: 'app.tenant' as never }, '`settings`'],
    [{ settings: { 'app tenant': 1 } }, 'app tenant'],
    [{ settings: { "x'; --": 1 } }, "x'; --"],
    [{ settings: { 'app.tenant': null as never } }, 'app.tenant'],
    [{ retries: -1 }, '`retries`'],
  ])('is refused by name, and nothing is sent: %o', async (options, name) => {
    const refusal = pool.transaction((client) => insert(client, 1), options)
    await expect(refusal).rejects.toMatchObject({ code: 'POOL_OPTION_INVALID', message: expect.stringContaining(name) })
    expect(pool.stats().dials).toBe(0)
  })
})

describe.each([1, 3])('a transaction that is opened by a query of the pool (max %i)', (max) => {
  it('is rolled back, and the query that opened it says so', async () => {
    openPool({ max })
    await expect(pool.query('BEGIN')).rejects.toMatchObject({
      code: 'POOL_TRANSACTION_LEFT_OPEN',
      message: expect.stringContaining('pool.transaction(fn)'),
    })
    await expect(pool.query('BEGIN; INSERT INTO rows VALUES (1)')).rejects.toMatchObject({
      code: 'POOL_TRANSACTION_LEFT_OPEN',
    })
    expect(await stored()).toEqual([])
  })

  it('may begin and end within one text', async () => {
    openPool({ max })
    await pool.query('BEGIN; INSERT INTO rows VALUES (1); COMMIT')
    await pool.query('BEGIN; INSERT INTO rows VALUES (2); ROLLBACK')
    expect(await stored()).toEqual([1])
    expect(pool.stats().resets).toBe(0)
  })
})

describe('a transaction with retries', () => {
  /** The session ends, and the client has heard of it. */
  async function lose(client: PoolClient): Promise<void> {
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
    const ended = new Promise((resolve) => client.once('end', resolve))
    await database.admin.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
    await ended
  }

  it('runs again where its session had ended before COMMIT was sent', async () => {
    openPool({ max: 1 })
    let runs = 0
    const work = async (client: PoolClient) => {
      runs += 1
      await insert(client, runs)
      if (runs === 1) await lose(client)
    }
    await pool.transaction(work, { retries: 1 })
    expect(await stored()).toEqual([2])
  })

  it('runs again where it was idle for so long that the server ended it', async () => {
    openPool({ max: 1, options: '-c idle_in_transaction_session_timeout=100' })
    let runs = 0
    const work = async (client: PoolClient) => {
      runs += 1
      await insert(client, runs)
      if (runs === 1) await new Promise((resolve) => client.once('end', resolve))
    }
    await pool.transaction(work, { retries: 1 })
    expect(await stored()).toEqual([2])
  })
})
