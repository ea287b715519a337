import { Client, type PoolClient } from 'pg'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Pool } from '../../src/index'
import { database, openPool as open, pool } from '../support/pool-under-test'
import { within } from '../support/within'

/** Another program, which holds a lock. The admin's own transaction would see no change among the sessions. */
let other: Client

beforeAll(async () => {
  await database.admin.query('CREATE TABLE account AS SELECT 1 AS id, 100 AS balance')
  other = new Client({ ...database.config, application_name: 'admin' })
  await other.connect()
})
afterAll(() => other.end())

const LOCK = 'UPDATE account SET balance = balance WHERE id = 1'
const WAITS_FOR_LOCK = "wait_event_type = 'Lock'"

/** Runs `work` while another session holds the lock that {@link LOCK} needs. */
async function whileLocked<T>(work: () => Promise<T>): Promise<T> {
  await other.query('BEGIN')
  await other.query(LOCK)
  try {
    return await work()
  } finally {
    await other.query('COMMIT')
  }
}

const slow: Record<string, (pool: Pool) => Promise<unknown>> = {
  'a query': (pool) => pool.query(LOCK),
  'a query with values': (pool) => pool.query('UPDATE account SET balance = $1 WHERE id = $2', [100, 1]),
  'a named query': (pool) => pool.query({ name: 'lock', text: LOCK }),
  'a lent client': (pool) => pool.use((client) => client.query(LOCK)),
  'a transaction': (pool) => pool.transaction((client) => client.query(LOCK)),
}

const quick: Record<string, (pool: Pool) => Promise<unknown>> = {
  plain: (pool) => pool.query('SELECT 1'),
  'with values': (pool) => pool.query('SELECT $1::int', [1]),
  named: (pool) => pool.query({ name: 'quick', text: 'SELECT $1::int', values: [1] }),
}

describe('a pool of several connections', () => {
  describe.each([2, 4, 10])('of %i', (max) => {
    it.each(Object.keys(slow))('lets no caller stand behind %s that takes long', async (name) => {
      open({ max })
      const asked = Object.values(quick)
      let began = false
      const callers = Array.from({ length: 20 }, async (_, caller) => {
        // Each asks on until it has been answered often enough while the slow one runs.
        for (let after = 0; after < 30; after += began ? 1 : 0) await asked[caller % asked.length]?.(pool)
      })
      await whileLocked(async () => {
        const running = slow[name]?.(pool)
        await database.untilSessions(1, { where: WAITS_FOR_LOCK })
        began = true
        await within(3000, Promise.all(callers), `every quick query answered while ${name} runs`)
        return { running }
      }).then(({ running }) => running)
    })

    it.each([0, 1, 5, 19])(
      'answers all that is asked in one breath but the slow one, at place %i of 20',
      async (at) => {
        open({ max })
        const queries = await whileLocked(async () => {
          const queries = Array.from({ length: 20 }, (_, n) => pool.query(n === at ? LOCK : `SELECT ${n} AS n`))
          const others = Promise.all(queries.filter((_, n) => n !== at))
          await within(3000, others, 'the others answered while the slow one runs')
          return queries
        })
        await Promise.all(queries)
      },
    )
  })

  it('serves quick queries beside a slow one in each of all connections but one', async () => {
    open({ max: 4 })
    const running = await whileLocked(async () => {
      const running = [pool.query(LOCK), pool.query(LOCK), pool.query(LOCK)]
      for (let n = 0; n < 30; n += 1) await within(2000, pool.query('SELECT $1::int', [n]), `quick query ${n} answered`)
      return running
    })
    await Promise.all(running)
  })
})

describe('a query that waits for the lock of a transaction of the same pool', () => {
  const holders: Record<string, (work: (client: PoolClient) => Promise<unknown>) => Promise<unknown>> = {
    transaction: (work) => pool.transaction(work),
    use: (work) =>
      pool.use(async (client) => {
        await client.query('BEGIN')
        await work(client)
        await client.query('COMMIT')
      }),
    connect: async (work) => {
      const client = await pool.connect()
      await client.query('BEGIN')
      await work(client)
      await client.query('COMMIT')
      client.release()
    },
  }

  it.each(Object.keys(holders))('lets nobody else wait behind it, so that the transaction ends (%s)', async (name) => {
    open({ max: 3 })
    let locked: Promise<unknown> = Promise.resolve()
    await within(
      5000,
      holders[name]?.(async (client) => {
        await client.query(LOCK)
        locked = pool.query(LOCK)
        await database.untilSessions(1, { where: WAITS_FOR_LOCK })
        for (let n = 0; n < 10; n += 1) await pool.query('SELECT $1::int', [n])
        await Promise.all(Array.from({ length: 10 }, () => pool.query('SELECT 1')))
      }) ?? Promise.reject(new Error(name)),
      'the transaction, which waits for quick queries of its own pool, over',
    )
    await locked
  })

  it('lets nobody else wait behind it, asked in the same breath', async () => {
    open({ max: 3 })
    let others: Promise<unknown>[] = []
    const transaction = pool.transaction(async (client) => {
      await client.query(LOCK)
      others = [pool.query(LOCK), ...Array.from({ length: 5 }, () => pool.query('SELECT 1'))]
      await Promise.all(others.slice(1))
    })
    await within(5000, transaction, 'the transaction over')
    await Promise.all(others)
  })
})
