import pg from 'pg'
import Cursor from 'pg-cursor'
import { describe, expect, it, vi } from 'vitest'
import type { Pool, PoolOptions } from '../../src/index'
import { database, openPool, pool } from '../support/pool-under-test'

function open(options: PoolOptions = {}): Pool {
  return openPool({ max: 1, ...options })
}

describe('fan-out', () => {
  it('sends concurrent queries over one connection without waiting for each other', async () => {
    open()
    await pool.query('SELECT 1')
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, n) => pool.query('SELECT $1::int AS n, pg_backend_pid() AS pid', [n])),
    )
    expect(results.map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 50 }, (_, n) => n))
    expect(new Set(results.map(({ rows }) => rows[0].pid)).size).toBe(1)
    expect(pool.stats()).toMatchObject({ joins: 49, lent: 0, idle: 1, dials: 1 })
  })

  it('gathers what is asked in one turn: the first query leaves at once, the others together at its end', async () => {
    open()
    const { stream } = await pool.use(async (client) => client.connection)
    const written = vi.spyOn(stream, '_write')
    const gathered = vi.spyOn(stream as Required<typeof stream>, '_writev')
    const queries = Array.from({ length: 10 }, (_, n) => pool.query(`SELECT ${n} AS n`))
    expect([written.mock.calls.length, gathered.mock.calls.length]).toEqual([1, 0])
    await new Promise(process.nextTick)
    expect([written.mock.calls.length, gathered.mock.calls.length]).toEqual([1, 1])
    expect(gathered.mock.calls[0]?.[0]).toHaveLength(9)
    const results = await Promise.all(queries)
    expect(results.map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 10 }, (_, n) => n))
  })

  it('leaves the others whole when one fails, in each protocol', async () => {
    open()
    const settled = await Promise.allSettled([
      pool.query('SELECT 1 AS n'),
      pool.query('SELECT nonsense'),
      pool.query('SELECT $1::int AS n', [2]),
      pool.query('SELECT $1::int / 0', [1]),
      pool.query('SELECT $1::int AS n', ['no number']),
      pool.query('SELECT 3 AS n'),
    ])
    expect(settled.map((it) => (it.status === 'fulfilled' ? it.value.rows[0].n : it.reason.code))).toEqual([
      1,
      '42703',
      2,
      '22012',
      '22P02',
      3,
    ])
    expect((await pool.query('SELECT 4 AS n')).rows).toEqual([{ n: 4 }])
    expect(pool.stats().dials).toBe(1)
  })

  it('never lets a transaction or a change of the session capture the query of another', async () => {
    open()
    await pool.query('CREATE TABLE log (n int)')
    await Promise.allSettled([
      pool.query('BEGIN'),
      pool.query('INSERT INTO log VALUES (1)'),
      pool.query("SET search_path = 'nowhere'"),
      pool.query('INSERT INTO public.log VALUES (2)'),
      pool.query('SELECT 1; BEGIN; INSERT INTO public.log VALUES (3)'),
      pool.query('INSERT INTO public.log VALUES (4)'),
      pool.transaction(async (client) => {
        await client.query('INSERT INTO public.log VALUES (5)')
        throw new Error('roll back')
      }),
      pool.query('INSERT INTO public.log VALUES (6)'),
    ])
    const { rows } = await pool.query('SELECT n FROM public.log ORDER BY n')
    expect(rows.map(({ n }) => n)).toEqual([1, 2, 4, 6])
  })

  it('gives connect(), cursors and named statements a connection of their own', async () => {
    open()
    await pool.query('SELECT 1')
    const client = (await pool.connect()) as pg.PoolClient & { pipeline: boolean }
    expect(client.pipeline).toBe(false)
    const cursor = client.query(new Cursor('SELECT generate_series(1, 5) AS n'))
    expect(await cursor.read(3)).toHaveLength(3)
    await cursor.close()
    client.release()
    const named = () => pool.query({ name: 'one', text: 'SELECT 1 AS one' })
    expect((await Promise.all([named(), named(), named()])).map(({ rows }) => rows)).toEqual(
      Array.from({ length: 3 }, () => [{ one: 1 }]),
    )
    expect(pool.stats().joins).toBe(0)
  })

  it('serves a connect() that waits before the queries that came after it', async () => {
    open()
    await pool.query('SELECT 1')
    const order: string[] = []
    await Promise.all([
      pool.query('SELECT pg_sleep(0.02)').then(() => order.push('first')),
      pool.connect().then(async (client) => {
        order.push('connected')
        await client.query('SELECT 1')
        client.release()
      }),
      pool.query('SELECT 1').then(() => order.push('last')),
    ])
    expect(order).toHaveLength(3)
    expect(order.at(-1)).toBe('last')
  })

  it('leaves no quick query behind a slow one while other connections serve', async () => {
    open({ max: 4 })
    await pool.query('CREATE TABLE held AS SELECT 1 AS n')
    const { admin } = database
    for (const position of [0, 3, 7, 10]) {
      await admin.query('BEGIN')
      await admin.query('SELECT n FROM held FOR UPDATE')
      const queries = Array.from({ length: 11 }, (_, n) =>
        pool.query(n === position ? 'SELECT n FROM held FOR UPDATE' : 'SELECT 1 AS n'),
      )
      const quick = await Promise.all(queries.filter((_, n) => n !== position))
      expect(quick.map(({ rows }) => rows[0].n)).toEqual(new Array(10).fill(1))
      expect(pool.stats().lent, 'the slow one is still running').toBe(1)
      await admin.query('COMMIT')
      await queries[position]
    }
  })

  it('fails all that share a connection which dies, and goes on with another', async () => {
    open()
    const { rows } = await pool.query('SELECT pg_backend_pid() AS pid')
    const running = Promise.allSettled([
      pool.query('SELECT pg_sleep(30)'),
      pool.query('SELECT 1'),
      pool.query('SELECT 2'),
    ])
    await database.admin.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
    expect((await running).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(pool.stats().retired.broken).toBe(1)
  })

  it('keeps a connection that shared queries failed on last', async () => {
    open()
    await Promise.allSettled([pool.query('SELECT 1'), pool.query('SELECT nonsense')])
    await pool.query('SELECT 1')
    expect(pool.stats().dials).toBe(1)
  })

  it('is off with fanOut: false, another Client, pipeline, or query_timeout', async () => {
    for (const options of [
      { fanOut: false },
      { Client: class extends pg.Client {} },
      { pipeline: true },
      { query_timeout: 5000 },
    ] as PoolOptions[]) {
      open(options)
      await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 2'), pool.query('SELECT 3')])
      expect(pool.stats()).toMatchObject({ joins: 0, acquires: 3, dials: 1 })
      await pool.end()
    }
  })
})
