import { describe, expect, it } from 'vitest'
import type { PoolOptions } from '../../src/index'
import { openPool, pool } from '../support/pool-under-test'

const READ = 'SELECT $1::int AS n'

/** Callers who ask again and again, each a number of times. */
async function crowd(callers: number, times: number, ask: (n: number) => Promise<unknown>): Promise<void> {
  const caller = async (_: unknown, at: number) => {
    for (let time = 0; time < times; time += 1) await ask(at * times + time)
  }
  await Promise.all(Array.from({ length: callers }, caller))
}

/** With all its connections open: how long that takes is no matter here. */
async function openWarm(options: PoolOptions = {}): Promise<void> {
  openPool({ max: 2, ...options })
  const clients = await Promise.all([pool.connect(), pool.connect()])
  for (const client of clients) client.release()
}

const read = async (n: number) => expect((await pool.query(READ, [n])).rows).toEqual([{ n }])

describe('where all connections of a larger pool are taken', () => {
  it('reads that were quick share, once that is known, and each gets its own answer', async () => {
    await openWarm()
    await crowd(20, 1, read)
    expect(pool.stats().joins).toBe(0)
    await crowd(20, 5, read)
    expect(pool.stats()).toMatchObject({ dials: 2, lent: 0, idle: 2, waiting: 0 })
    expect(pool.stats().joins).toBeGreaterThan(20)
  })

  it('at most four share at a time', async () => {
    await openWarm()
    await crowd(20, 2, read)
    const held = await Promise.all([pool.query('SELECT 1'), pool.query('SELECT 1')])
    expect(held).toHaveLength(2)
    const before = pool.stats()
    await Promise.all(Array.from({ length: 2 + 8 }, (_, n) => read(n)))
    // Two had a connection at once; two batches of four waited, each with one acquire.
    const { joins, acquires } = pool.stats()
    expect({ joins: joins - before.joins, acquires: acquires - before.acquires }).toEqual({ joins: 6, acquires: 4 })
  })

  it.each([
    ['a write', (n: number) => pool.query('UPDATE pg_temp.t SET n = $1', [n]).catch(() => {})],
    ['a function that may write', (n: number) => pool.query('SELECT pg_catalog.pg_notify($1, $1)', [`c${n}`])],
  ])('nobody shares with %s', async (_, ask) => {
    await openWarm()
    await crowd(6, 3, ask)
    expect(pool.stats().joins).toBe(0)
  })

  it('nobody shares with a read that was slow when it last ran', async () => {
    await openWarm()
    // Slower than a connect takes on any machine.
    const slow = () => pool.query('SELECT pg_sleep(0.4)')
    await crowd(4, 1, slow)
    await crowd(4, 1, slow)
    expect(pool.stats().joins).toBe(0)
  })

  it('nobody shares while a client is lent, for whose locks the first could wait', async () => {
    await openWarm()
    await crowd(20, 3, read)
    const client = await pool.connect()
    const { joins } = pool.stats()
    await crowd(20, 3, read)
    expect(pool.stats().joins).toBe(joins)
    client.release()
    await crowd(20, 3, read)
    expect(pool.stats().joins).toBeGreaterThan(joins)
  })

  it('nobody shares with `fanOut: false`', async () => {
    await openWarm({ fanOut: false })
    await crowd(20, 5, read)
    expect(pool.stats().joins).toBe(0)
  })

  it('who wants a connection to himself is not overtaken', async () => {
    await openWarm()
    await crowd(20, 3, read)
    const order: string[] = []
    const asked = [
      ...Array.from({ length: 4 }, (_, n) => read(n).then(() => order.push('before'))),
      pool.use(async () => order.push('client')),
      ...Array.from({ length: 4 }, (_, n) => read(n).then(() => order.push('after'))),
    ]
    await Promise.all(asked)
    // Which of two connections answers first is the server's business; in which order they are taken is ours.
    expect(order.indexOf('client')).toBeLessThan(order.indexOf('after'))
  })
})
