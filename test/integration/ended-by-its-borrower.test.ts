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

describe('a client that its borrower ended', () => {
  it('gives its slot back with that: who waits for it is served', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    const next = pool.connect()
    await client.end()
    const served = await within(5000, next, 'the next caller to be served')
    expect(served).not.toBe(client)
    expect(pool.stats()).toMatchObject({ lent: 1, dials: 2, retired: { discarded: 1 } })
    served.release()
  })

  it('is released by form, however often, and harms no later loan', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    await client.end()
    const other = await pool.connect()
    client.release()
    client.release(true)
    expect(pool.stats()).toMatchObject({ lent: 1, lateReturns: 0, faults: 0 })
    expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    other.release()
    expect(() => other.release()).toThrow(expect.objectContaining({ code: 'POOL_DOUBLE_RELEASE' }))
    await new Promise(setImmediate)
    expect(warnings).toEqual([])
  })

  it('may be ended by callback, and is told to whoever listens, once', async () => {
    open({ max: 1 })
    const events: string[] = []
    for (const name of ['release', 'remove'] as const) pool.on(name, () => events.push(name))
    const removed = new Promise((resolve) => pool.once('remove', resolve))
    const client = await pool.connect()
    await new Promise<void>((resolve) => client.end(() => resolve()))
    client.release()
    await removed
    expect(events).toEqual(['release', 'remove'])
  })

  it('holds its slot until its socket is closed', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    const ended = client.end()
    expect(pool.stats()).toMatchObject({ lent: 0, closing: 1, total: 1 })
    await ended
    await pool.query('SELECT 1')
    expect(await database.sessions()).toHaveLength(1)
  })

  it.each(['use', 'await using'])('inside of `%s` ends nothing else', async (how) => {
    open({ max: 1 })
    if (how === 'use') {
      const result = await pool.use(async (client) => {
        await client.end()
        return 'done'
      })
      expect(result).toBe('done')
    } else {
      await using client = await pool.connect()
      await client.end()
    }
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(pool.stats()).toMatchObject({ lent: 0, lateReturns: 0, faults: 0 })
  })

  it('inside of `transaction` rejects: nothing was committed', async () => {
    open({ max: 1 })
    await pool.query('CREATE TABLE orders (n int)')
    const work = pool.transaction(async (client) => {
      await client.query('INSERT INTO orders VALUES (1)')
      await client.end()
    })
    await expect(work).rejects.toThrow('Client was closed and is not queryable')
    expect((await pool.query('SELECT * FROM orders')).rows).toEqual([])
    expect(pool.stats()).toMatchObject({ lent: 0, lateReturns: 0 })
  })

  it('while a query of its own ran is not cancelled: what was asked takes effect, as with a client of pg', async () => {
    open({ max: 1 })
    await pool.query('CREATE TABLE slow (n int)')
    const client = await pool.connect()
    const asked = client.query('INSERT INTO slow SELECT 1 FROM pg_sleep(0.2)').catch((error) => error)
    await database.untilSessions(1, { where: "state = 'active'" })
    await client.end()
    expect(await asked).toBeInstanceOf(Error)
    await database.untilSessions(0, { where: "query LIKE 'INSERT INTO slow%'" })
    expect(await database.admin.query('SELECT n FROM slow')).toEqual([{ n: 1 }])
  })

  it('after it was released is a connection that was lost, as ever', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    client.release()
    await client.end()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(pool.stats()).toMatchObject({ lent: 0, dials: 2 })
  })

  it('while the pool ends does not keep it', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    const ended = pool.end()
    await client.end()
    await within(5000, ended, 'the pool to end')
    client.release()
  })
})
