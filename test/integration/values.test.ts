import type pg from 'pg'
import { describe, expect, it } from 'vitest'
import { openPool as open, pool } from '../support/pool-under-test'
import { within } from '../support/within'

const TEXT = 'SELECT $1::json AS it'

const circular: { self?: unknown } = {}
circular.self = circular

function refuse(): never {
  throw new Error('refused')
}

/** Values that fail while they are made into what is sent. */
const values: Record<string, unknown> = {
  'a circular object': circular,
  'an array with a circular object': [[1], [circular]],
  'a bigint in an object': { amount: 1n },
  'a getter that throws': {
    get amount() {
      return refuse()
    },
  },
  'a toJSON that throws': { toJSON: refuse },
  'a toPostgres that throws': { toPostgres: refuse },
  'a toPostgres that returns what fails': { toPostgres: () => circular },
  'a proxy that throws': new Proxy({}, { get: refuse, has: refuse, ownKeys: refuse }),
}

async function backend(): Promise<number> {
  return (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
}

function one(): Promise<unknown> {
  return pool.query('SELECT $1::int AS n', [1]).then(({ rows }) => rows[0].n)
}

/** How a query with such a value may be asked; what else was asked at the same time is in the answer. */
const ways: Record<string, (value: unknown) => Promise<{ failed: unknown; others: unknown[] }>> = {
  alone: async (value) => ({ failed: await pool.query(TEXT, [value]).catch((error) => error), others: [] }),
  'to a callback': async (value) => ({
    failed: await new Promise((resolve) => pool.query(TEXT, [value], (error) => resolve(error))),
    others: [],
  }),
  named: async (value) => ({
    failed: await pool.query({ name: 'with a value', text: TEXT, values: [value] }).catch((error) => error),
    others: [],
  }),
  'among others': async (value) => {
    const [a, b, failed, c, d] = await Promise.all([
      one(),
      one(),
      pool.query(TEXT, [value]).catch((error) => error),
      one(),
      one(),
    ])
    return { failed, others: [a, b, c, d] }
  },
  'before others': async (value) => {
    const [failed, ...others] = await Promise.all([pool.query(TEXT, [value]).catch((error) => error), one(), one()])
    return { failed, others }
  },
  'after others': async (value) => {
    const [a, b, failed] = await Promise.all([one(), one(), pool.query(TEXT, [value]).catch((error) => error)])
    return { failed, others: [a, b] }
  },
  'on a client': (value) =>
    pool.use(async (client) => {
      const failed = await client.query(TEXT, [value]).catch((error) => error)
      return { failed, others: [(await client.query('SELECT $1::int AS n', [1])).rows[0].n] }
    }),
  'in a transaction': (value) =>
    pool.transaction(async (client) => {
      const failed = await client.query(TEXT, [value]).catch((error) => error)
      return { failed, others: [(await client.query('SELECT $1::int AS n', [1])).rows[0].n] }
    }),
}

describe.each(Object.keys(values))('%s as a value', (name) => {
  it.each(Object.keys(ways))('fails its own query alone, and costs no connection (%s)', async (way) => {
    open({ max: 1 })
    const before = await backend()
    const ask = ways[way] as (value: unknown) => Promise<{ failed: unknown; others: unknown[] }>
    for (let time = 0; time < 2; time += 1) {
      const { failed, others } = await within(3000, ask(values[name]), 'an answer')
      expect(failed).toBeInstanceOf(Error)
      expect(failed).not.toHaveProperty('severity')
      expect(others).toEqual(others.map(() => 1))
    }
    expect(await backend()).toBe(before)
    expect(pool.stats()).toMatchObject({ dials: 1, lent: 0, waiting: 0 })
  })
})

describe('a converter of a value that asks the pool', () => {
  const asks: Record<string, () => Promise<unknown>> = {
    query: () => pool.query("SELECT 'inner' AS it").then(({ rows }) => rows[0].it),
    'query with values': () => pool.query('SELECT $1 AS it', ['inner']).then(({ rows }) => rows[0].it),
    use: () => pool.use((client) => client.query("SELECT 'inner' AS it")).then(({ rows }) => rows[0].it),
    transaction: () => pool.transaction((client) => client.query("SELECT 'inner' AS it")).then((it) => it.rows[0].it),
    'several queries': async () =>
      (await Promise.all(['i', 'nn', 'er'].map((part) => pool.query('SELECT $1::text AS it', [part]))))
        .map(({ rows }) => rows[0].it)
        .join(''),
  }

  describe.each([1, 2])('of %i', (max) => {
    it.each(Object.keys(asks))('mixes up no answers, on its way to the server (%s)', async (name) => {
      open({ max })
      await pool.query('SELECT 1')
      const inner: Promise<unknown>[] = []
      const value = {
        toPostgres: () => {
          inner.push(asks[name]?.() ?? Promise.reject(new Error(name)))
          return 'outer'
        },
      }
      const all = Promise.all([one(), pool.query('SELECT $1::text AS it', [value]), one()])
      const [before, { rows }, after] = await within(3000, all, 'an answer to each')
      expect([before, rows, after]).toEqual([1, [{ it: 'outer' }], 1])
      expect(await within(3000, Promise.all(inner), 'an answer to what the converter asked')).toEqual(['inner'])
      expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0 })
    })

    it.each(Object.keys(asks))('mixes up no answers, on its way back (%s)', async (name) => {
      open({ max })
      await pool.query('SELECT 1')
      const inner: Promise<unknown>[] = []
      const getTypeParser = () => (text: string) => {
        inner.push(asks[name]?.() ?? Promise.reject(new Error(name)))
        return `${text} parsed`
      }
      const query = { text: "SELECT 'outer' AS it", types: { getTypeParser } } as unknown as pg.QueryConfig
      const [before, { rows }, after] = await within(3000, Promise.all([one(), pool.query(query), one()]), 'an answer')
      expect([before, rows, after]).toEqual([1, [{ it: 'outer parsed' }], 1])
      expect(await within(3000, Promise.all(inner), 'an answer to what the converter asked')).toEqual(['inner'])
      expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0 })
    })
  })
})

describe('a converter of results that throws', () => {
  it('fails its own query alone, and costs no connection', async () => {
    open({ max: 1 })
    const before = await backend()
    const text = 'SELECT 1 AS n UNION ALL SELECT 2'
    const types = { getTypeParser: () => refuse } as unknown as pg.CustomTypesConfig
    const [a, failed, b] = await Promise.all([one(), pool.query({ text, types }).catch((error) => error), one()])
    expect([a, failed.message, b]).toEqual([1, 'refused', 1])
    expect(await backend()).toBe(before)
  })
})
