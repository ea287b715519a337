import pg, { type PoolClient } from 'pg'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Pool } from '../../src/index'
import { database, openPool as open, pool } from '../support/pool-under-test'

afterEach(() => vi.restoreAllMocks())

/** Puts a `connect` in the place of an object's own that counts how often it is asked, as tracers do. */
function countConnects(on: object): () => number {
  const holder = on as { connect(...args: unknown[]): unknown }
  const { connect } = holder
  let count = 0
  holder.connect = function (this: unknown, ...args: unknown[]) {
    count += 1
    return connect.apply(this, args)
  }
  return () => count
}

/** Every way to a connection: six acquires. */
async function askInEveryWay(): Promise<void> {
  expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  expect((await pool.query('SELECT $1::int AS n', [2])).rows).toEqual([{ n: 2 }])
  expect((await pool.query({ text: 'SELECT $1::int', values: [3], rowMode: 'array' })).rows).toEqual([[3]])
  await new Promise<void>((resolve, reject) => {
    pool.query('SELECT 4 AS n', (error, { rows }) =>
      error ? reject(error) : resolve(expect(rows).toEqual([{ n: 4 }])),
    )
  })
  expect(await pool.use(async (client) => (await client.query('SELECT 5 AS n')).rows)).toEqual([{ n: 5 }])
  await pool.transaction((client) => client.query('SELECT 6'))
}

describe('a connect that was put in the place of the pool’s own', () => {
  it('sees every query, on the pool itself', async () => {
    open({ max: 2 })
    const count = countConnects(pool)
    await askInEveryWay()
    expect(count()).toBe(6)
    expect(pool.stats()).toMatchObject({ lent: 0, acquires: 6, dials: 1 })
  })

  it('sees every query, on the prototype of the class', async () => {
    const { connect } = Pool.prototype
    const count = countConnects(Pool.prototype)
    open({ max: 1 })
    await askInEveryWay()
    Pool.prototype.connect = connect
    expect(count()).toBe(6)
    await pool.query('SELECT 1')
    expect(count()).toBe(6)
  })

  it('sees every query, on pg-pool’s class, though it leaves no mark', async () => {
    const Stock = Object.getPrototypeOf(pg.Pool) as { prototype: { connect: unknown } }
    const { connect } = Stock.prototype
    const count = countConnects(Stock.prototype)
    try {
      open({ max: 2 })
      await askInEveryWay()
      expect(count()).toBe(6)
    } finally {
      Stock.prototype.connect = connect
    }
  })

  it('may lend what it has prepared, and promise it only', async () => {
    class Tenants extends Pool {
      override async connect(): Promise<PoolClient> {
        const client = await super.connect()
        await client.query("SET application_name = 'tenant'")
        return client
      }
    }
    await using tenants = new Tenants({ ...database.config, max: 1 })
    open()
    const name = "SELECT current_setting('application_name') AS name"
    expect((await tenants.query(name)).rows).toEqual([{ name: 'tenant' }])
    await tenants.query("SET application_name = 'other'")
    expect(await tenants.transaction(async (client) => (await client.query(name)).rows)).toEqual([{ name: 'tenant' }])
    expect(tenants.stats()).toMatchObject({ lent: 0, idle: 1 })
  })

  it('has its errors told, with a stack that leads to the caller, and gets back what it lent', async () => {
    open({ max: 1 })
    countConnects(pool)
    async function whoAsked(text: string): Promise<unknown> {
      return await pool.query(text)
    }
    const error = await whoAsked('SELECT nonsense').catch((it) => it)
    expect(error).toMatchObject({ code: '42703' })
    expect((error as Error).stack).toContain('whoAsked')
    await expect(pool.query({ text: 'SELECT 1', values: 5 } as never)).rejects.toThrow()
    await expect(pool.query(null as never)).rejects.toThrow()
    const refuse = new Error('no connection for you')
    pool.connect = (() => Promise.reject(refuse)) as never
    await expect(pool.query('SELECT 1')).rejects.toBe(refuse)
    await expect(pool.use(async () => {})).rejects.toBe(refuse)
    pool.connect = ((callback: (error: Error) => void) => callback(refuse)) as never
    await expect(pool.query('SELECT 1')).rejects.toBe(refuse)
    expect(pool.stats()).toMatchObject({ lent: 0, idle: 1 })
  })
})

describe('errors of a user’s own code', () => {
  it('come out of use and transaction as they went in', async () => {
    open({ max: 1 })
    for (const run of [pool.use.bind(pool), pool.transaction.bind(pool)]) {
      const mine = Object.assign(new Error('mine'), { code: 'E_MINE' })
      const before = { ...mine, stack: mine.stack }
      const work = async () => {
        throw mine
      }
      expect(await run(work).catch((error) => error)).toBe(mine)
      expect({ ...mine, stack: mine.stack }).toEqual(before)
      expect(Object.keys(mine)).toEqual(['code'])
    }
  })
})

describe('options that are changed while the pool is in use', () => {
  it('have effect', async () => {
    open({ max: 1, idleTimeoutMillis: 0 })
    pool.options.max = '3' as never
    const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
    expect(pool.options.max).toBe(3)
    pool.options.maxUses = 1
    for (const client of clients) client.release()
    expect(pool.totalCount).toBe(0)
    pool.options.maxUses = 0
    await Promise.all([pool.connect(), pool.connect()]).then((both) => both.map((client) => client.release()))
    expect(pool.idleCount).toBe(2)
    ;(pool.options as { min?: number }).min = 1
    expect(pool.trim()).toBe(1)
  })

  it('are refused by name where they could not be given, and then stay as they were', async () => {
    open({ max: 2 })
    for (const value of [0, -1, 1.5, Number.NaN, 'many', undefined, null]) {
      expect(() => Object.assign(pool.options, { max: value }), String(value)).toThrow(/`max`/)
    }
    expect(pool.options.max).toBe(2)
  })
})
