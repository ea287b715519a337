import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { expectClean } from './support/guard'

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())
afterEach(() => expectClean(database, pool))

const SERIES = 'SELECT n FROM generate_series(1, $1::int) AS n'

function open(options: PoolOptions = {}): Pool {
  pool = new Pool({ ...database.config, ...options })
  return pool
}

async function backend(): Promise<number> {
  return (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
}

function numbers(from: number, to: number): { n: number }[] {
  return Array.from({ length: to - from + 1 }, (_, index) => ({ n: from + index }))
}

/** Reads a stream to its end. */
async function rowsOf(stream: Readable): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const row of stream) rows.push(row)
  return rows
}

describe('pg-cursor', () => {
  it('reads in portions on a client of its own', async () => {
    open({ max: 1 })
    const pid = await backend()
    const client = await pool.connect()
    const cursor = client.query(new Cursor(SERIES, [25]))
    expect(await cursor.read(10)).toEqual(numbers(1, 10))
    expect(await cursor.read(10)).toEqual(numbers(11, 20))
    expect(await cursor.read(10)).toEqual(numbers(21, 25))
    expect(await cursor.read(10)).toEqual([])
    client.release()
    expect(await backend()).toBe(pid)
  })

  it('returns the client clean after it was closed early', async () => {
    open({ max: 1 })
    const pid = await backend()
    const client = await pool.connect()
    const cursor = client.query(new Cursor(SERIES, [1_000]))
    expect(await cursor.read(3)).toEqual(numbers(1, 3))
    await cursor.close()
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    client.release()
    expect(await backend()).toBe(pid)
    expect((await pool.query('SELECT name FROM pg_cursors')).rows).toEqual([])
  })

  it('does not lend on a client whose cursor was left open', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    const pid = (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
    const cursor = client.query(new Cursor(SERIES, [1_000]))
    await cursor.read(3)
    client.release()
    expect(await backend()).not.toBe(pid)
  })

  it('tells an error and leaves the client usable', async () => {
    open({ max: 1 })
    const pid = await backend()
    const client = await pool.connect()
    await expect(client.query(new Cursor('SELECT nonsense')).read(1)).rejects.toMatchObject({ code: '42703' })
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    client.release()
    expect(await backend()).toBe(pid)
  })

  it('runs inside a transaction beside other statements', async () => {
    open({ max: 1 })
    const rows = await pool.transaction(async (client) => {
      await client.query('CREATE TEMPORARY TABLE numbers ON COMMIT DROP AS SELECT generate_series(1, 5) AS n')
      const cursor = client.query(new Cursor<{ n: number }>('SELECT n FROM numbers ORDER BY n'))
      const first = await cursor.read(2)
      await cursor.close()
      await client.query('DELETE FROM numbers WHERE n > 3')
      return [...first, ...(await client.query('SELECT n FROM numbers WHERE n > 2')).rows]
    })
    expect(rows).toEqual(numbers(1, 3))
  })
})

describe('pg-query-stream', () => {
  it('streams more rows than fit in its buffers', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    const stream = client.query(new QueryStream(SERIES, [5_000], { batchSize: 100 }))
    expect(await rowsOf(stream)).toEqual(numbers(1, 5_000))
    client.release()
    expect(pool.stats().dials).toBe(1)
  })

  it('returns the client clean after it was destroyed early', async () => {
    open({ max: 1 })
    const pid = await backend()
    const client = await pool.connect()
    const stream = client.query(new QueryStream(SERIES, [100_000]))
    for await (const row of stream) {
      expect(row).toEqual({ n: 1 })
      break
    }
    await vi.waitFor(() => expect(stream.closed).toBe(true), { interval: 5 })
    client.release()
    expect(await backend()).toBe(pid)
  })

  it('harms nobody when its client is released before it has closed', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    for await (const _ of client.query(new QueryStream(SERIES, [100_000]))) break
    client.release()
    expect((await pool.query(SERIES, [3])).rows).toEqual(numbers(1, 3))
  })

  it('pipes at the pace of a slow reader', async () => {
    open({ max: 1 })
    let sum = 0
    await pool.use(async (client) => {
      await pipeline(client.query(new QueryStream(SERIES, [300])), async (source: AsyncIterable<{ n: number }>) => {
        for await (const { n } of source) {
          sum += n
          if (n % 100 === 0) await new Promise(setImmediate)
        }
      })
    })
    expect(sum).toBe(45_150)
  })

  it('tells an error in the middle and leaves the client usable', async () => {
    open({ max: 1 })
    const pid = await backend()
    const client = await pool.connect()
    const stream = client.query(new QueryStream('SELECT 1 / (300 - n) AS x FROM generate_series(1, 500) AS n'))
    await expect(rowsOf(stream)).rejects.toMatchObject({ code: '22012' })
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    client.release()
    expect(await backend()).toBe(pid)
  })

  it('leaves others their clients while it streams', async () => {
    open({ max: 2 })
    const client = await pool.connect()
    const stream = client.query(new QueryStream(SERIES, [1_000]))
    await once(stream, 'readable')
    const others = await Promise.all(Array.from({ length: 10 }, (_, n) => pool.query('SELECT $1::int AS n', [n])))
    expect(others.map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 10 }, (_, n) => n))
    expect(await rowsOf(stream)).toHaveLength(1_000)
    client.release()
  })
})

describe('a Submittable given to pool.query', () => {
  // pg.Pool returns a promise for these too, and lends the client until the submittable has called back.
  it('streams, and has its client back at the end', async () => {
    open({ max: 1 })
    const stream = new QueryStream(SERIES, [250])
    const settled = pool.query(stream as unknown as string)
    expect(await rowsOf(stream)).toEqual(numbers(1, 250))
    await settled
    expect(pool.stats()).toMatchObject({ lent: 0, idle: 1, dials: 1 })
  })

  it('has its client back after an error', async () => {
    open({ max: 1 })
    const stream = new QueryStream('SELECT nonsense')
    const settled = pool.query(stream as unknown as string)
    settled.catch(() => {})
    await expect(rowsOf(stream)).rejects.toMatchObject({ code: '42703' })
    await expect(settled).rejects.toMatchObject({ code: '42703' })
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(pool.stats()).toMatchObject({ lent: 0, total: 1 })
  })

  it('does not share its connection with queries that come meanwhile', async () => {
    open({ max: 2 })
    await pool.query('SELECT 1')
    const stream = new QueryStream(SERIES, [2_000])
    const settled = pool.query(stream as unknown as string)
    const others = await Promise.all(Array.from({ length: 10 }, (_, n) => pool.query('SELECT $1::int AS n', [n])))
    expect(others.map(({ rows }) => rows[0].n)).toEqual(Array.from({ length: 10 }, (_, n) => n))
    expect(await rowsOf(stream)).toHaveLength(2_000)
    await settled
    await vi.waitFor(() => expect(pool.stats().lent).toBe(0))
  })
})
