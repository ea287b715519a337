import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startLambda } from 'pg-thaw/testing'
import { it } from 'vitest'
import { LambdaApi } from '../builders/support/lambda-api'
import { installPackages } from '../builders/support/packages'
import { deployFunction, nameOf, packageService, ways } from '../builders/support/services'
import { readZip } from '../serverless/support/archive'
import { createDatabase, type TestDatabase } from '../support/database'
import { describeUnless, whyNot } from '../support/requirements'
import { Unpacked, type UnpackedFunction } from './support/packages'

const missing = whyNot(installPackages)

const goodbye = '.pg-thaw/goodbye.mjs'
const wrapper = '.pg-thaw/handler.mjs'

describeUnless(missing, 'a service that is packaged by', () => {
  it.concurrent.for(ways.map((way) => [nameOf(way), way] as const))(
    '%s: every function answers, and says goodbye where that was promised',
    async ([, way], { expect }) => {
      using packaged = await packageService(way)
      expect(packaged.text).not.toContain('pg-thaw:')
      using unpacked = new Unpacked(packaged.template, packaged.zips)
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

  // Version 3 asks AWS in a way that can't be led elsewhere.
  const alone = ways.filter(({ framework, individually, first }) => framework === 'osls 4' && individually && first)
  it.concurrent.for(alone.map((way) => [nameOf(way), way] as const))(
    '%s: a function that is deployed alone gets both files, and settings that load them',
    async ([, way], { expect }) => {
      await using lambda = await LambdaApi.start()
      expect(await deployFunction(way, 'wrapped', lambda.environment)).not.toContain('pg-thaw:')
      expect(lambda.settings).toMatchObject({
        Handler: '.pg-thaw/handler.handler',
        Environment: {
          Variables: {
            NODE_OPTIONS: expect.stringMatching(/ --import=\/var\/task\/\.pg-thaw\/goodbye\.mjs$/),
            PG_THAW_HANDLER: 'src/wrapped.handler',
          },
        },
      })
      using folder = temporaryFolder()
      const zip = join(folder.path, 'code.zip')
      writeFileSync(zip, lambda.zip ?? '')
      expect([...readZip(zip).keys()]).toEqual(expect.arrayContaining(['src/wrapped.js', goodbye, wrapper]))
    },
  )
})

function temporaryFolder() {
  const path = mkdtempSync(join(tmpdir(), 'pg-thaw-deployed-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

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
