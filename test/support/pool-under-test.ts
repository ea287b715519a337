import { afterAll, afterEach, beforeAll } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from './database'

/** The database of the test file that imports this. */
export let database: TestDatabase
/** What {@link openPool} opened last. It is ended after each test, and may leave no session behind. */
export let pool: Pool

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())
afterEach(async () => {
  await pool.end()
  await database.untilSessions(0)
})

export function openPool(options: PoolOptions = {}): Pool {
  pool = new Pool({ ...database.config, ...options })
  return pool
}
