import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { database, openPool as open, pool } from '../support/pool-under-test'
import { within } from '../support/within'

const INSERT = 'INSERT INTO written VALUES (1)'

/** What is asked with a signal; each would write a row. */
const asks: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
  query: (signal) => pool.query({ text: INSERT, signal }),
  connect: (signal) => pool.connect({ signal }).then((client) => client.query(INSERT)),
  use: (signal) => pool.use((client) => client.query(INSERT), { signal }),
  transaction: (signal) => pool.transaction((client) => client.query(INSERT), { signal }),
}

async function written(): Promise<unknown> {
  const { rows } = await within(3000, pool.query('SELECT count(*)::int AS rows FROM written'), 'a free connection')
  return rows[0].rows
}

async function openTable(max: number): Promise<void> {
  open({ max })
  await pool.query('DROP TABLE IF EXISTS written; CREATE TABLE written (n int)')
}

describe.each([1, 3])('whoever is aborted in the step in which a connection is handed over, in a pool of %i', (max) => {
  it.each(Object.keys(asks))('does nothing any more, and has nothing, after a wait (%s)', async (name) => {
    await openTable(max)
    const clients = await Promise.all(Array.from({ length: max }, () => pool.connect()))
    const controller = new AbortController()
    const asked = asks[name]?.(controller.signal)
    for (const client of clients) client.release()
    controller.abort()
    await expect(asked).rejects.toMatchObject({ code: 'POOL_ACQUIRE_ABORTED', retry: 'safe' })
    expect([await written(), pool.stats().lent, pool.stats().lateReturns]).toEqual([0, 0, 0])
  })

  it.each(['use', 'transaction'])('does nothing any more where one is idle (%s)', async (name) => {
    await openTable(max)
    const controller = new AbortController()
    const asked = asks[name]?.(controller.signal)
    controller.abort()
    await expect(asked).rejects.toMatchObject({ code: 'POOL_ACQUIRE_ABORTED', retry: 'safe' })
    await database.untilSessions(0, { where: "state = 'active'" })
    expect([await written(), pool.stats().lent, pool.stats().lateReturns]).toEqual([0, 0, 0])
  })
})

describe('queries that wait together', () => {
  it('have each its own time, whoever waited first', async () => {
    open({ max: 1, connectionTimeoutMillis: 500 })
    const client = await pool.connect()
    const ends: string[] = []
    const isOverdue = async (name: string, asked: Promise<unknown>) => {
      await expect(asked).rejects.toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT' })
      ends.push(name)
    }
    const first = isOverdue('first', pool.query('SELECT 1'))
    await pause(100)
    const second = isOverdue('second', pool.query('SELECT 1'))
    await pause(200)
    // Asked last, in a place of its own: the second would be behind it if its time began where that of the first is over.
    const last = isOverdue('last', pool.connect())
    await Promise.all([first, second, last])
    expect(ends).toEqual(['first', 'second', 'last'])
    client.release()
  })
})
