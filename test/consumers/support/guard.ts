import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Pool } from '../../../src/index'
import type { TestDatabase } from '../../support/database'

/**
 * After a consumer's work: every client came back, and each session of the database is one of the pool's own, so the consumer has
 * opened none besides. Then ends the pool, which leaves no session.
 */
export async function expectClean(database: TestDatabase, pool: Pool): Promise<void> {
  try {
    await expectOnlySessionsOf(database, pool)
    expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0, lateReturns: 0, faults: 0 })
    await pool.end()
    await database.untilSessions(0)
  } catch (error) {
    await endSessions(database)
    throw error
  }
}

/** Ends what is left, so that a test that failed does not fail those after it. */
async function endSessions(database: TestDatabase): Promise<void> {
  for (const { pid } of await database.sessions()) await database.admin.query('SELECT pg_terminate_backend($1)', [pid])
  await database.untilSessions(0)
}

/** The server has as many sessions as the pool, and the pool has at least one. */
export async function expectOnlySessionsOf(database: TestDatabase, ...pools: readonly Pool[]): Promise<void> {
  const counts = async () => ({
    sessions: (await database.sessions()).length,
    total: pools.reduce((sum, pool) => sum + pool.stats().total, 0),
  })
  let { sessions, total } = await counts()
  // A connection that is opening or closing shows at the server a little earlier or later than in the pool.
  for (let attempt = 0; sessions !== total && attempt < 50; attempt++) {
    await pause(20)
    ;({ sessions, total } = await counts())
  }
  expect(sessions).toBe(total)
  expect(pools.reduce((sum, pool) => sum + pool.stats().dials, 0)).toBeGreaterThan(0)
}

/** Resolves once `expected` callers have arrived: for work that must overlap. */
export function barrier(expected: number): () => Promise<void> {
  let arrived = 0
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return () => {
    if (++arrived === expected) open()
    return opened
  }
}
