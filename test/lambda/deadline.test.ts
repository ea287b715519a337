import { join } from 'node:path'
import { type LocalLambda, startLambda } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { createDatabase, type TestDatabase } from '../support/database'
import type { Asked, Told } from './functions/deadline'

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

async function start(timeoutMillis: number): Promise<void> {
  const { host, port, user, password, database: name } = database.config
  lambda = await startLambda({
    module: bundle.module,
    database: { host, port },
    timeoutMillis,
    env: {
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: name,
      POOL_OPTIONS: JSON.stringify({ pooling: 'always', deadlineMarginMillis: 500 }),
    },
  })
}

async function call(asked: Asked): Promise<Told & { cold: boolean }> {
  const { outcome, response, error, cold } = await lambda.invoke(asked)
  if (outcome !== 'response') throw new Error(`${outcome}: ${JSON.stringify(error)}`)
  return { ...(response as Told), cold }
}

describe('what is still running when an invocation is about to be timed out', () => {
  it.each(['query', 'transaction', 'client'] as const)(
    'a %s fails with an error of its own, ends on the server, and the environment stays warm',
    async (slow) => {
      await start(2000)
      const told = await call({ slow })
      expect(told).toMatchObject({
        code: 'POOL_QUERY_TIMEOUT',
        retry: 'unknown',
        afterwards: 'POOL_QUERY_TIMEOUT safe',
      })
      await database.untilSessions(0, { withinMillis: 1000, where: "state = 'active'" })
      const locks = await database.admin.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory'")
      expect(locks).toEqual([])
      const next = await call({})
      expect(next).toMatchObject({ cold: false })
      expect(next.code).toBeUndefined()
    },
  )
})
