import { join } from 'node:path'
import { type InvocationRecord, type LocalLambda, type LocalLambdaOptions, startLambda } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll } from 'vitest'
import type { PoolOptions } from '../../../src/index'
import { type BundledFunction, bundleFunction } from '../../support/bundle'
import { createDatabase, type TestDatabase } from '../../support/database'

/** One function, bundled, with a database of its own; whatever a test starts of it is closed when the test is over. */
export interface FunctionUnderTest {
  readonly database: TestDatabase
  /** A local Lambda with the function, whose pool has these options; closed when the test is over. */
  start(pool?: Pooled, options?: Partial<LocalLambdaOptions>): Promise<LocalLambda>
  /** The same, but for the caller to close. */
  launch(pool?: Pooled, options?: Partial<LocalLambdaOptions>): Promise<LocalLambda>
}

/** The options of a function's pool. */
export type Pooled = PoolOptions & { lingerMillis?: number }

/** To be called at the top of a test file; `name` is that of a file in test/lambda/functions. */
export function functionUnderTest(name: string): FunctionUnderTest {
  let database: TestDatabase
  let bundle: BundledFunction
  const started = new Set<LocalLambda>()

  beforeAll(async () => {
    database = await createDatabase()
    bundle = await bundleFunction(join(__dirname, '../functions', `${name}.ts`))
  })
  afterEach(async () => {
    await Promise.all([...started].map((lambda) => lambda.close()))
    started.clear()
  })
  afterAll(async () => {
    bundle.dispose()
    await database.dispose()
  })

  function launch(pool: Pooled = {}, options: Partial<LocalLambdaOptions> = {}): Promise<LocalLambda> {
    const { host, port, user, password, database: PGDATABASE } = database.config
    return startLambda({
      module: bundle.module,
      database: { host, port },
      env: { PGUSER: user, PGPASSWORD: password, PGDATABASE, POOL_OPTIONS: JSON.stringify(pool) },
      ...options,
    })
  }

  return {
    get database() {
      return database
    },
    launch,
    async start(pool, options) {
      const lambda = await launch(pool, options)
      started.add(lambda)
      return lambda
    },
  }
}

/** How a call went, in a few words: what people would see of it. */
export function wentHow({ outcome, cold, error }: InvocationRecord): string {
  if (outcome === 'response') return `answered ${cold ? 'cold' : 'warm'}`
  const last = error?.stackTrace?.filter((line) => /error/i.test(line)).at(-1) ?? ''
  return `${outcome}: ${error?.errorMessage} ${last}`.trim()
}
