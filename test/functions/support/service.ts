import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type InvocationRecord, type LocalLambda, type LocalLambdaOptions, startLambda } from 'pg-thaw/testing'
import { runNode } from '../../serverless/support/service'
import { createDatabase, type TestDatabase } from '../../support/database'

/** The functions of the example service, bundled as they are deployed, and a database of their own. */
export interface Service {
  readonly database: TestDatabase
  /** Starts a function, with the variables that tell it where the database is, and these. */
  start(name: FunctionName, options?: Partial<LocalLambdaOptions>): Promise<LocalLambda>
  /** Lines that the functions wrote which are JSON. */
  readonly logged: readonly Record<string, unknown>[]
  dispose(): Promise<void>
}

export type FunctionName = 'orders' | 'fulfil-orders' | 'daily-report' | 'migrate'

export async function startService(): Promise<Service> {
  const directory = mkdtempSync(join(tmpdir(), 'pg-thaw-functions-'))
  const { code, text } = await runNode(['scripts/build-functions.mjs', directory])
  if (code !== 0) throw new Error(text)
  const database = await createDatabase()
  const { host, port, user, password, database: name } = database.config
  const logged: Record<string, unknown>[] = []
  const lambdas: LocalLambda[] = []
  return {
    database,
    logged,
    async start(functionName, { env, ...options } = {}) {
      const lambda = await startLambda({
        module: join(directory, `${functionName}.js`),
        database: { host, port },
        env: {
          PGDATABASE: name,
          PG_THAW_MAX: '2',
          // Where Lambda has its own SDK.
          NODE_PATH: resolve('node_modules'),
          ...(env ?? { PGUSER: user, PGPASSWORD: password }),
        },
        timeoutMillis: 10_000,
        onLog: ({ text }) => {
          if (text.startsWith('{')) logged.push(JSON.parse(text))
        },
        ...options,
      })
      lambdas.push(lambda)
      return lambda
    },
    async dispose() {
      await Promise.all(lambdas.map((lambda) => lambda.close()))
      await database.dispose()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Makes the tables, as a deployment does before anything else. */
export async function migrated(service: Service): Promise<void> {
  const migrate = await service.start('migrate')
  responseOf(await migrate.invoke({}))
  await migrate.close()
}

/** What a function returned; throws if it did not. */
export function responseOf({ outcome, response, error }: InvocationRecord): unknown {
  if (outcome !== 'response') throw new Error(`${outcome}: ${JSON.stringify(error)}`)
  return response
}
