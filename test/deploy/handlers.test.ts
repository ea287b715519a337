import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startLambda } from 'pg-thaw/testing'
import { beforeAll, expect, it } from 'vitest'
import { nodeOfMajor } from '../../scripts/node-major'
import { readPage } from '../docs/support/pages'
import type { Asked } from '../handlers/functions/work'
import { behavesWell } from '../handlers/support/behaviours'
import { bundleAll, functionsFolder, installPackages } from '../handlers/support/packages'
import { type Way, ways } from '../handlers/support/ways'
import { createDatabase } from '../support/database'
import { describeUnless, whyNot } from '../support/requirements'
import { shell } from './support/shell'

const majors = [...new Set(Object.values(ways).map(({ node = 20 }) => node))]
const missing = whyNot(() => {
  installPackages()
  for (const major of majors) nodeOfMajor(major)
})

describeUnless(missing, 'a handler that is made with', () => {
  beforeAll(bundleAll)

  // Compiling takes seconds, and more where other work runs beside it.
  it('has types that fit, in docs/handlers.md too', { timeout: 300_000 }, async () => {
    const examples = join(functionsFolder, 'examples')
    rmSync(examples, { recursive: true, force: true })
    mkdirSync(examples)
    const blocks = readPage('docs/handlers.md').blocks.filter(({ language }) => language === 'ts')
    for (const [index, { code }] of blocks.entries()) {
      const [, name = `example-${index}.ts`] = /^\/\/ (\S+\.ts)$/m.exec(code) ?? []
      writeFileSync(join(examples, name), code)
    }
    await shell('node node_modules/typescript/bin/tsc --project test/handlers/packages')
  })

  for (const [name, { module, exportName, env, node = 20, ...handler }] of Object.entries(ways)) {
    behavesWell(name, {
      function: () => ({
        module: join(functionsFolder, module),
        nodePath: nodeOfMajor(node),
        ...(exportName !== undefined && { exportName }),
        ...(env !== undefined && { env }),
      }),
      ...handler,
    })
  }

  it('has its queries in the traces of Datadog', async () => {
    await using database = await createDatabase()
    const { host, port, user, password, database: PGDATABASE } = database.config
    const { module, node, env } = ways["Datadog's own handler"] as Way
    const lines: string[] = []
    const lambda = await startLambda({
      module: join(functionsFolder, module),
      nodePath: nodeOfMajor(node ?? 20),
      database: { host, port },
      env: { ...env, PGUSER: user, PGPASSWORD: password, PGDATABASE },
      onLog: ({ text }) => lines.push(text),
    })
    await lambda.invoke({ call: 1 } satisfies Asked)
    await lambda.close()
    expect(lines.join('\n')).toContain('"name":"pg.query","resource":"SELECT pg_backend_pid() AS pid"')
  })
})
