import { startLambda } from 'pg-thaw/testing'
import { it } from 'vitest'
import { installPackages } from '../builders/support/packages'
import { nameOf, packageService, ways } from '../builders/support/services'
import { createDatabase, type TestDatabase } from '../support/database'
import { describeUnless } from '../support/requirements'
import { Unpacked, type UnpackedFunction } from './support/packages'

const missing = whyNot(installPackages)

const goodbye = '.pg-thaw/goodbye.mjs'
const wrapper = '.pg-thaw/handler.mjs'

describeUnless(missing, 'a service that is packaged by', () => {
  it.concurrent.for(ways.map((way) => [nameOf(way), way] as const))(
    '%s: every function answers, and says goodbye where that was promised',
    async ([, way], { expect }) => {
      const { template, zips, text } = await packageService(way)
      expect(text).not.toContain('pg-thaw:')
      using unpacked = new Unpacked(template, zips)
      const { api, quiet, wrapped } = unpacked.functions
      if (api === undefined || quiet === undefined || wrapped === undefined) throw new Error('a function is missing')

      // What a function loads is in its zip, and what is put in is loaded by somebody.
      const loading = [api, quiet, wrapped].map(({ environment, files }) => [
        environment.NODE_OPTIONS?.includes(goodbye),
        files.has(goodbye),
        files.has(wrapper),
      ])
      const together = !way.individually
      expect(loading).toEqual([
        [true, true, together],
        [false, together, together],
        [true, true, true],
      ])

      await using database = await createDatabase()
      for (const it of [api, quiet, wrapped]) {
        expect(await call(it, database), it.name).toEqual({
          answer: { outcome: 'response', response: { name: it.name } },
          extensions: it === quiet ? [] : ['pg-thaw'],
        })
      }
    },
  )
})

/** Calls a function once with its own environment, as Lambda would. */
async function call({ module, root, environment, timeoutMillis }: UnpackedFunction, { config }: TestDatabase) {
  const { host, port, user, password, database: PGDATABASE } = config
  const lambda = await startLambda({
    module,
    timeoutMillis,
    database: { host, port },
    env: { ...environment, LAMBDA_TASK_ROOT: root, PGUSER: user, PGPASSWORD: password, PGDATABASE },
  })
  try {
    const { outcome, response, error } = await lambda.invoke({})
    return {
      answer: { outcome, response, ...(error !== undefined && { error }) },
      extensions: lambda.environments[0]?.extensions,
    }
  } finally {
    await lambda.close()
  }
}

/** Why something can't be had, in npm's words. */
function whyNot(prepare: () => void): string | undefined {
  try {
    prepare()
    return undefined
  } catch (error) {
    return String(error).trim().split('\n').slice(0, 6).join('\n  ')
  }
}
