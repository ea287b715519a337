import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Pool, PoolOptions } from '../../src/index'
import { database, openPool, pool } from '../support/pool-under-test'

function open(options: PoolOptions = {}): Pool {
  return openPool({ max: 1, connectionTimeoutMillis: 10_000, ...options })
}

async function ownNumber(n: number): Promise<void> {
  expect((await pool.query('SELECT $1::int AS n', [n])).rows).toEqual([{ n }])
}

describe('A8: the reply of an abandoned query never reaches the next borrower', () => {
  it('when its caller gave up, however far it had come', async () => {
    open()
    for (let round = 0; round < 40; round += 1) {
      const giveUp = new AbortController()
      const abandoned = pool.query({
        text: `SELECT ${-1 - round} AS n, pg_sleep(0.004)`,
        signal: giveUp.signal,
      })
      const settled = abandoned.then(
        ({ rows }) => expect(rows).toMatchObject([{ n: -1 - round }]),
        () => {},
      )
      // From before it was sent to after it was answered.
      if (round % 8 > 0) await pause((round % 8) - 1)
      giveUp.abort()
      await ownNumber(round)
      await settled
    }
  })

  it("when pg's own time limit for a query was over", async () => {
    open({ query_timeout: 500 })
    await expect(pool.query("SELECT 'late' AS n, pg_sleep(5)")).rejects.toThrow('timeout')
    await ownNumber(1)
    await ownNumber(2)
    expect(pool.stats().dials).toBe(2)
  })

  it('when its client was released while it ran', async () => {
    open()
    const client = await pool.connect()
    const late = client.query("SELECT 'late' AS n, pg_sleep(0.2)").catch(() => {})
    client.release()
    await ownNumber(1)
    await late
    await ownNumber(2)
  })

  it('when the work that it belonged to was stopped', async () => {
    open()
    const stop = new AbortController()
    const work = pool.transaction((client) => client.query("SELECT 'late' AS n, pg_sleep(10)"), { signal: stop.signal })
    await database.untilSessions(1, { where: "query LIKE '%pg_sleep(10)' AND state = 'active'" })
    stop.abort()
    await expect(work).rejects.toThrow()
    await ownNumber(1)
    await database.untilSessions(0, { where: "query LIKE '%pg_sleep(10)' AND state = 'active'" })
  })
})
