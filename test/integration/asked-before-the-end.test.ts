import { describe, expect, it } from 'vitest'
import { database, openPool, pool } from '../support/pool-under-test'

/** How often each is tried; more by `ROUNDS`. */
const ROUNDS = Number(process.env.ROUNDS ?? 3)

const patience = { timeout: 30_000 + ROUNDS * 1000 }
const all = (count: number) => Array.from({ length: count }, (_, n) => n)

// Stock serves those who have a client by then, and leaves the rest without an answer.
describe('what was asked before the end of its pool takes effect', () => {
  it.each([1, 2, 10].flatMap((max) => ['cold', 'warm'].map((state) => [max, state] as const)))(
    'five inserts, and the end of their pool of %i at once (%s)',
    patience,
    async (max, state) => {
      openPool()
      await database.admin.query('CREATE TABLE ended (n int)')
      for (const round of all(ROUNDS)) {
        openPool({ max })
        if (state === 'warm') await Promise.all(all(max).map(() => pool.query('SELECT pg_sleep(0.01)')))
        const asked = all(5).map((n) => pool.query('INSERT INTO ended SELECT $1::int FROM pg_sleep(0.02)', [n]))
        await pool.end()
        await database.untilSessions(0)
        expect((await Promise.all(asked)).map(({ rowCount }) => rowCount)).toEqual([1, 1, 1, 1, 1])
        const stored = await database.admin.query<{ n: number }>('SELECT n FROM ended ORDER BY n')
        expect(stored, `round ${round}`).toEqual(all(5).map((n) => ({ n })))
        await database.admin.query('TRUNCATE ended')
        await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'POOL_ENDED' })
      }
      await database.admin.query('DROP TABLE ended')
    },
  )
})
