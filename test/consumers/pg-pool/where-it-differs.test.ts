import { readFileSync } from 'node:fs'
import pg from 'pg'
import * as library from 'pg-thaw'
import { expect, it } from 'vitest'
import { callbackClient, describeBoth } from '../../support/both-pools'

/** The rows of docs/reference.md, by their first words. */
function rowsOfTheReference(): string[] {
  const [, section = ''] = readFileSync('docs/reference.md', 'utf8').split('## Where it differs from pg.Pool\n')
  return [...(section.split('\n## ')[0] ?? '').matchAll(/^- (.*)$/gm)].map(([, text = '']) => text)
}

const pid = async (pool: pg.Pool) => (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid as number
const refused = (open: (options?: object) => pg.Pool, options: object) => {
  try {
    open(options)
    return false
  } catch {
    return true
  }
}

type Check = (open: (options?: object) => pg.Pool, isStock: boolean) => Promise<unknown>

/** For each row, by its first words, something that comes out otherwise with stock: what it is there, and what it is here. */
const checks: Record<string, readonly [check: Check, stock: unknown, here: unknown]> = {
  '`end()` may be called twice': [
    async (open) => {
      const pool = open()
      return (await Promise.allSettled([pool.end(), pool.end()])).map(({ status }) => status)
    },
    ['fulfilled', 'rejected'],
    ['fulfilled', 'fulfilled'],
  ],
  'A failed query does not cost the connection': [
    async (open) => {
      const pool = open({ max: 1 })
      const before = await pid(pool)
      await pool.query('SELECT nonsense').catch(() => {})
      return before === (await pid(pool))
    },
    false,
    true,
  ],
  'A failed connect is tried again within `connectionTimeoutMillis`': [
    async (open) => {
      let attempts = 0
      const refusal = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
      const Client = callbackClient((done) => {
        attempts += 1
        process.nextTick(done, refusal)
      })
      const error = await open({ Client, connectionTimeoutMillis: 300 })
        .connect()
        .catch((it) => it)
      return [attempts > 1, error === refusal, error.message, error.code, error.cause === refusal]
    },
    [false, true, 'connect ECONNREFUSED', 'ECONNREFUSED', false],
    [true, false, 'connect ECONNREFUSED', 'ECONNREFUSED', true],
  ],
  'The server never sees more than `max`': [
    async (open) => {
      const pool = open({ max: 1 })
      const client = await pool.connect()
      client.release(true)
      const next = pool.connect()
      // One that waits for the slot, or one that is connecting beside the connection that is being closed.
      const { waitingCount } = pool
      ;(await next).release()
      return waitingCount
    },
    0,
    1,
  ],
  'Values are serialised before a connection is asked for': [
    async (open) => {
      const pool = open({ max: 1 })
      const circular: { self?: unknown } = {}
      circular.self = circular
      let acquires = 0
      pool.on('acquire', () => {
        acquires += 1
      })
      await pool.query('SELECT $1::text', [circular]).catch(() => {})
      return acquires
    },
    1,
    0,
  ],
  'A client that its borrower ends, by `client.end()`': [
    async (open) => {
      const pool = open({ max: 1 })
      const client = await pool.connect()
      await client.end()
      const { totalCount } = pool
      client.release()
      return totalCount
    },
    1,
    0,
  ],
  '`log` hears': [
    async (open) => {
      const said: unknown[] = []
      const pool = open({ log: (text: unknown) => said.push(text) })
      await pool.query('SELECT 1')
      return said.includes('pulse queue')
    },
    true,
    false,
  ],
  '`verify` runs before the events': [
    async (open) => {
      const order: string[] = []
      const verify = (_client: unknown, done: () => void) => {
        order.push('verify')
        done()
      }
      const pool = open({ verify })
      pool.on('connect', () => order.push('connect'))
      await pool.query('SELECT 1')
      return order
    },
    ['connect', 'verify'],
    ['verify', 'connect'],
  ],
  '`allowExitOnIdle` is true': [
    async (open) => {
      const { allowExitOnIdle, maxLifetimeSeconds } = open().options
      return [allowExitOnIdle, maxLifetimeSeconds, refused(open, { max: -1 }), refused(open, { max: 1, min: '5s' })]
    },
    [false, 0, false, false],
    [true, 1800, true, true],
  ],
  '`native` is not exported': [async (_open, isStock) => 'native' in (isStock ? pg : library), true, false],
  'Once a client has signed in': [
    async (open) => {
      const client = await open().connect()
      client.release()
      return typeof client.password
    },
    'string',
    'function',
  ],
}

describeBoth('a row of "Where it differs"', ({ open, isStock }) => {
  it.each(Object.entries(checks))('%s', async (_, [check, stock, here]) => {
    expect(await check(open, isStock)).toEqual(isStock ? stock : here)
  })
})

it('each row of docs/reference.md is held by a check, here or by name elsewhere', () => {
  const elsewhere = [
    // test/unit/postgres/reading.test.ts: with stock it ends the process
    "What pg can't read",
    // test/integration/returns.test.ts
    'A client that is released while a query runs',
    // test/integration/failures.test.ts: with stock it ends the process
    "An idle client's error reaches",
  ]
  const held = [...Object.keys(checks), ...elsewhere]
  const rows = rowsOfTheReference()
  expect(rows.length).toBeGreaterThan(8)
  expect(rows.filter((row) => !held.some((words) => row.startsWith(words)))).toEqual([])
})
