import fastifyPostgres from '@fastify/postgres'
import Fastify from 'fastify'
import knexOf from 'knex'
import pg from 'pg'
import PgBoss from 'pg-boss'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pool } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { expectClean } from './support/guard'

// Libraries that hand their own options on to the pool that they make, or are given one.

let database: TestDatabase
/** Every pool that was made, by whomever. */
let made: Pool[] = []
let warnings: string[] = []

class ObservedPool extends Pool {
  constructor(options?: object) {
    super(options)
    made.push(this)
  }
}

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())
beforeEach(() => {
  made = []
  warnings = []
  vi.spyOn(process, 'emitWarning').mockImplementation((text, about) => {
    warnings.push(`${(about as { code?: string }).code}: ${text}`)
  })
})
afterEach(() => vi.restoreAllMocks())

function onlyPool(): Pool {
  const [pool, ...others] = made
  if (pool === undefined || others.length > 0) throw new Error(`Expected one pool, got ${made.length}`)
  return pool
}

describe('pg-boss', () => {
  it('sends and works on jobs, with its options and those of its pool in one object', async () => {
    const { Pool: stock } = pg
    Object.assign(pg, { Pool: ObservedPool })
    try {
      const boss = new PgBoss({ connectionString: database.url, schema: 'boss', max: 3, application_name: 'boss' })
      const faults: Error[] = []
      boss.on('error', (error) => faults.push(error))
      await boss.start()
      await boss.createQueue('orders')
      const seen: unknown[] = []
      const worked = new Promise<void>((resolve) => {
        void boss.work<{ n: number }>('orders', { pollingIntervalSeconds: 0.5, batchSize: 5 }, async (jobs) => {
          seen.push(...jobs.map(({ data }) => data.n))
          if (seen.length === 5) resolve()
        })
      })
      await Promise.all([1, 2, 3, 4, 5].map((n) => boss.send('orders', { n })))
      await worked
      expect(seen.toSorted()).toEqual([1, 2, 3, 4, 5])
      expect(onlyPool().options.max).toBe(3)
      await boss.stop({ graceful: true, wait: true, timeout: 5000 })
      expect(faults).toEqual([])
      expect(warnings).toContain('PG_THAW_OPTION: Unknown option `schema` of a pool: it is passed over')
      await expectEnded(onlyPool())
    } finally {
      Object.assign(pg, { Pool: stock })
    }
  })
})

describe('@fastify/postgres', () => {
  it('takes the class from `pg`, and queries, lends and commits with it', async () => {
    const app = Fastify()
    const options = { connectionString: database.url, name: 'main', prefix: '/db', pg: { ...pg, Pool: ObservedPool } }
    await app.register(fastifyPostgres, options as never)
    const { main } = (app as unknown as { pg: Record<'main', FastifyPg> }).pg
    await main.query('CREATE TABLE tally (n int)')
    await main.transact((client) => client.query('INSERT INTO tally VALUES (1)'))
    const failing = main.transact(async (client) => {
      await client.query('INSERT INTO tally VALUES (2)')
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    const client = await main.connect()
    expect((await client.query('SELECT n FROM tally')).rows).toEqual([{ n: 1 }])
    client.release()
    const pool = onlyPool()
    expect(pool.stats()).toMatchObject({ lent: 0, faults: 0 })
    await app.close()
    await expectEnded(pool)
  })
})

describe('knex', () => {
  it('takes the pool itself, and queries, commits and rolls back on it', async () => {
    const pool = new ObservedPool({ ...database.config, max: 2 })
    const knex = knexOf({ client: 'pg', connectionPool: pool } as never)
    await knex.schema.createTable('orders', (table) => {
      table.increments('id')
      table.text('product')
    })
    await knex('orders').insert([{ product: 'tea' }, { product: 'salt' }])
    await knex.transaction(
      async (trx) => void (await trx('orders').where({ product: 'tea' }).update({ product: 'coffee' })),
    )
    const failing = knex.transaction(async (trx) => {
      await trx('orders').delete()
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(await knex('orders').orderBy('id').pluck('product')).toEqual(['coffee', 'salt'])
    await knex.destroy()
    await expectClean(database, pool)
  })
})

interface FastifyPg {
  query(text: string): Promise<pg.QueryResult>
  connect(): Promise<pg.PoolClient>
  transact<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T>
}

async function expectEnded(pool: Pool): Promise<void> {
  expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0, faults: 0 })
  await pool.end()
  await database.untilSessions(0)
}
