import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { database, openPool as open, pool } from '../support/pool-under-test'
import { within } from '../support/within'

let warnings: string[]
const hear = (warning: Error) => warnings.push(`${warning.name}: ${warning.message}`)

beforeEach(() => {
  warnings = []
  process.on('warning', hear)
})
afterEach(() => void process.off('warning', hear))

const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

/** Work that is given a signal. */
const asks: Record<string, (signal: AbortSignal, sql: string) => Promise<unknown>> = {
  query: (signal, text) => pool.query({ text, signal }),
  connect: async (signal, sql) => {
    const client = await pool.connect({ signal })
    await client.query(sql)
    client.release()
  },
  use: (signal, sql) => pool.use((client) => client.query(sql), { signal }),
  transaction: (signal, sql) => pool.transaction((client) => client.query(sql), { signal }),
}
const all = Object.values(asks)
const ways: Record<string, (signal: AbortSignal, sql: string, n: number) => Promise<unknown>> = {
  ...asks,
  mixed: (signal, sql, n) => all[n % all.length]?.(signal, sql) ?? Promise.reject(new Error('nothing asked')),
}

describe.each([1, 3])('one signal that is given to many, in a pool of %i', (max) => {
  it.each(Object.keys(ways))('has few listeners meanwhile, and none afterwards (%s)', async (name) => {
    open({ max })
    const { signal } = new AbortController()
    const asked = Array.from({ length: 40 }, (_, n) => ways[name]?.(signal, 'SELECT 1', n))
    const settled = Promise.allSettled(asked)
    expect(listeners(signal), 'while all wait').toBeLessThanOrEqual(2)
    let most = 0
    for (const it of asked) {
      await within(5000, it ?? Promise.reject(new Error(name)), 'an answer')
      most = Math.max(most, listeners(signal))
    }
    expect(most).toBeLessThanOrEqual(2)
    await settled
    await new Promise(setImmediate)
    expect({ warnings, left: listeners(signal) }).toEqual({ warnings: [], left: 0 })
  })

  it.each(['query', 'use', 'transaction'])('stops all of them, those who wait and what runs (%s)', async (name) => {
    open({ max })
    const controller = new AbortController()
    const asked = Array.from({ length: 20 }, (_, n) => ways[name]?.(controller.signal, 'SELECT pg_sleep(20)', n))
    const settled = Promise.allSettled(asked)
    await database.untilSessions(max, { where: "state = 'active' AND query LIKE '%pg_sleep(20)'" })
    controller.abort()
    const codes = (await within(3000, settled, 'all of them settled')).map(
      (it) => it.status === 'rejected' && it.reason.code,
    )
    expect(codes.filter((code) => code !== 'POOL_QUERY_ABORTED' && code !== 'POOL_ACQUIRE_ABORTED')).toEqual([])
    await database.untilSessions(0, { where: "state <> 'idle'" })
    expect({ warnings, left: listeners(controller.signal) }).toEqual({ warnings: [], left: 0 })
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })
})

describe('a signal that outlives what it was given to', () => {
  it('has no listener left by what failed', async () => {
    open({ max: 1, connectionTimeoutMillis: 1000 })
    const { signal } = new AbortController()
    const client = await pool.connect({ signal })
    const failing = Object.values(asks).map((ask) => ask(signal, 'SELECT 1'))
    await Promise.allSettled(failing)
    client.release()
    for (const ask of [asks.query, asks.use, asks.transaction]) {
      await expect(ask?.(signal, 'SELECT nonsense')).rejects.toMatchObject({ code: '42703' })
    }
    await expect(
      pool.use(
        async () => {
          throw new Error('work')
        },
        { signal },
      ),
    ).rejects.toThrow('work')
    expect(listeners(signal)).toBe(0)
  })

  it('has none left by a thousand queries, one after the other', async () => {
    open({ max: 1 })
    const { signal } = new AbortController()
    for (let n = 0; n < 1000; n += 1) await pool.query({ text: 'SELECT 1', signal })
    expect({ warnings, left: listeners(signal) }).toEqual({ warnings: [], left: 0 })
  })
})
