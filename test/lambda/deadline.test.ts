import { join } from 'node:path'
import { type LocalLambda, startLambda } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { createDatabase, type TestDatabase } from '../support/database'
import type { Asked, Told } from './functions/deadline'

const timeoutMillis = 3000
/** How soon after the call's answer the server must have nothing left of it. */
const leftoverMillis = 300

const IS_RUNNING = "state <> 'idle' AND query LIKE '%pg_sleep(30)'"

let database: TestDatabase
let bundle: BundledFunction
let lambda: LocalLambda

beforeAll(async () => {
  database = await createDatabase()
  bundle = await bundleFunction(join(__dirname, 'functions/deadline.ts'))
})
afterAll(async () => {
  bundle.dispose()
  await database.dispose()
})
afterEach(async () => {
  await lambda.close()
  await database.untilSessions(0, { withinMillis: 10_000 })
})

async function start(): Promise<void> {
  const { host, port, user, password, database: name } = database.config
  lambda = await startLambda({
    module: bundle.module,
    database: { host, port },
    timeoutMillis,
    env: {
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: name,
      // A busy machine may need more time for its answer than the default leaves it.
      POOL_OPTIONS: JSON.stringify({ pooling: 'always', deadlineMarginMillis: 500 }),
    },
  })
}

async function call(asked: Asked): Promise<Told & { cold: boolean; answeredAt: number }> {
  const calledAt = performance.now()
  const { outcome, response, error, cold, latencyMillis } = await lambda.invoke(asked)
  if (outcome !== 'response') throw new Error(`${outcome}: ${JSON.stringify(error)}`)
  return { ...(response as Told), cold, answeredAt: calledAt + latencyMillis }
}

/** Ends when nothing of it runs any more; polled until then. */
async function untilNothingRuns(): Promise<number> {
  await database.untilSessions(0, { where: IS_RUNNING })
  return performance.now()
}

/** Waits for the lock that a transaction holds. */
async function untilLockIsFree(): Promise<number> {
  await database.admin.query('SELECT pg_advisory_xact_lock(1)')
  return performance.now()
}

describe('a query of 30 s in a function with a timeout of 3 s', () => {
  it.each([
    { slow: 'query', until: untilNothingRuns },
    { slow: 'client', until: untilNothingRuns },
    { slow: 'transaction', until: untilNothingRuns },
    { slow: 'transaction', until: untilLockIsFree },
  ] as const)(
    'fails in time with an error of its own, ends on the server too, and the environment stays warm ($slow, $until.name)',
    async ({ slow, until }) => {
      await start()
      const answer = call({ slow })
      await database.untilSessions(1, { where: IS_RUNNING })
      const over = until()
      const { answeredAt, ...told } = await answer
      expect(told).toMatchObject({
        code: 'POOL_QUERY_TIMEOUT',
        retry: 'unknown',
        afterwards: 'POOL_QUERY_TIMEOUT safe',
      })
      expect((await over) - answeredAt).toBeLessThan(leftoverMillis)
      const next = await call({})
      expect(next).toMatchObject({ cold: false })
      expect(next.code).toBeUndefined()
    },
  )
})
