import { EventEmitter } from 'node:events'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe } from 'vitest'
import { Pool } from '../../src/index'
import { createDatabase, type TestDatabase } from './database'

type MakePool = new (options?: pg.PoolConfig) => pg.Pool

/** Stock, and what takes its place. */
const makes: readonly (readonly [name: string, Make: MakePool])[] = [
  ['pg.Pool', pg.Pool],
  ['the pool of pg-thaw', Pool as MakePool],
]

/** What the tests of one make have at hand. */
export interface BothPools {
  /** Whether it is stock that is tested. */
  readonly isStock: boolean
  readonly database: () => TestDatabase
  /** A pool of the test's database, which is ended after the test. */
  open(options?: object): pg.Pool
}

/** Tests that hold for stock and for this library alike: they run against both. */
export function describeBoth(what: string, tests: (both: BothPools) => void): void {
  describe.each(makes)(`${what}: %s`, (name, Make) => {
    let database: TestDatabase
    let opened: pg.Pool[] = []
    beforeAll(async () => {
      database = await createDatabase()
    })
    afterAll(() => database.dispose())
    afterEach(async () => {
      // Ending twice is an error with stock.
      await Promise.all(opened.map((pool) => pool.ending || pool.end()))
      opened = []
    })
    tests({
      isStock: name === 'pg.Pool',
      database: () => database,
      open(options = {}) {
        const pool = new Make({ ...database.config, ...options })
        // With stock, a client that dies idle would end the process.
        pool.on('error', () => {})
        opened.push(pool)
        return pool
      },
    })
  })
}

/** A client of another make, which knows callbacks only; `connect` says how its connects end. */
export function callbackClient(connect: (done: (error?: Error) => void) => void): pg.PoolConfig['Client'] {
  const make = () =>
    Object.assign(new EventEmitter(), {
      connect,
      end: (done?: () => void) => process.nextTick(() => done?.()),
    })
  return function Client() {
    return make()
  } as never
}

/** A promise of what comes to a callback: its error, or its results. */
export function calledBack<T = unknown>(
  ask: (callback: (error: Error | undefined | null, ...results: T[]) => void) => unknown,
): Promise<{ error: Error | undefined | null; results: T[] }> {
  return new Promise((resolve) => void ask((error, ...results) => resolve({ error, results })))
}
