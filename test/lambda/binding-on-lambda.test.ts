import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { database, openPool as open, pool } from '../support/pool-under-test'
import { within } from '../support/within'
import { invoke } from './support/invoke'

// Before anything is asked which kind of environment this is.
vi.hoisted(() => {
  process.env.AWS_LAMBDA_FUNCTION_NAME = 'orders'
  process.env.AWS_LAMBDA_RUNTIME_API = '127.0.0.1:9001'
})

/** Another program, which holds a lock. */
let other: Client

beforeAll(async () => {
  await database.admin.query('CREATE TABLE account AS SELECT 1 AS id, 100 AS balance')
  other = new Client({ ...database.config, application_name: 'admin' })
  await other.connect()
})
afterAll(() => other.end())

const LOCK = 'UPDATE account SET balance = balance WHERE id = 1'

async function untilOneWaitsForTheLock(): Promise<void> {
  await database.untilSessions(1, { where: "wait_event_type = 'Lock'" })
}

/** A call that warms the environment up, or none. */
async function warmUp(age: 'cold' | 'warm'): Promise<void> {
  for (let call = 0; age === 'warm' && call < 3; call += 1) await invoke(10_000, () => pool.query('SELECT 1'))
}

describe.each(['cold', 'warm'] as const)('on Lambda, in a %s environment', (age) => {
  it.each(['use', 'transaction', 'connect'] as const)(
    'a query that waits for the lock of a client of its own pool has nobody behind it (%s)',
    async (way) => {
      open({ max: 4 })
      await warmUp(age)
      await invoke(10_000, async () => {
        let locked: Promise<unknown> = Promise.resolve()
        const work = async (client: { query(sql: string): Promise<unknown> }) => {
          await client.query('BEGIN')
          await client.query(LOCK)
          locked = pool.query(LOCK)
          await untilOneWaitsForTheLock()
          for (let n = 0; n < 5; n += 1) await pool.query('SELECT $1::int', [n])
          await Promise.all(Array.from({ length: 8 }, (_, n) => pool.query(`SELECT ${n}`)))
          await client.query('COMMIT')
        }
        const connected = async () => {
          const client = await pool.connect()
          await work(client).finally(() => client.release())
        }
        const all = way === 'connect' ? connected() : pool[way](work)
        await within(4000, all, 'the client released, which waits for quick queries of its own pool')
        await locked
      })
    },
  )

  it('a transaction may wait for queries that were asked in the same breath as its own rival', async () => {
    open({ max: 4 })
    await warmUp(age)
    await invoke(10_000, async () => {
      let quick: Promise<unknown>[] = []
      const transaction = pool.transaction(async (client) => {
        await client.query(LOCK)
        await untilOneWaitsForTheLock()
        await Promise.all(quick)
      })
      // Once it has the lock, as it asks first.
      await database.untilSessions(1, { where: `state = 'idle in transaction' AND query = '${LOCK}'` })
      const rival = pool.query(LOCK)
      quick = Array.from({ length: 3 }, (_, n) => pool.query(`SELECT ${n}`))
      await within(4000, transaction, 'the transaction over')
      await rival
    })
  })

  it('what is asked once a query has proved to be slow is answered beside it', async () => {
    open({ max: 4 })
    await warmUp(age)
    await other.query('BEGIN')
    await other.query(LOCK)
    await invoke(10_000, async () => {
      const slow = pool.query(LOCK)
      await untilOneWaitsForTheLock()
      await new Promise((resolve) => setTimeout(resolve, 150))
      try {
        for (let n = 0; n < 5; n += 1) await within(2000, pool.query('SELECT $1::int', [n]), `query ${n} answered`)
        const many = Promise.all(Array.from({ length: 20 }, (_, n) => pool.query(`SELECT ${n}`)))
        await within(2000, many, 'twenty queries answered')
        await within(
          2000,
          pool.transaction((client) => client.query('SELECT 1')),
          'a transaction over',
        )
      } finally {
        await other.query('COMMIT')
      }
      await slow
    })
  })

  it('who waits for a client alone is not held up by those who share', async () => {
    open({ max: 1 })
    await warmUp(age)
    await invoke(10_000, async () => {
      const order: string[] = []
      const asks = Array.from({ length: 5 }, () => pool.query('SELECT pg_sleep(0.01)').then(() => order.push('before')))
      const alone = pool.use((client) => client.query('SELECT 1')).then(() => order.push('alone'))
      const after = Array.from({ length: 5 }, () => pool.query('SELECT 1').then(() => order.push('after')))
      await Promise.all([...asks, alone, ...after])
      expect(order.indexOf('alone')).toBe(5)
    })
  })
})
