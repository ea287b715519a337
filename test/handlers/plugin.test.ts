import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, vi } from 'vitest'
import { readZip } from '../serverless/support/archive'
import { createService } from '../serverless/support/service'
import { bundleFunction } from '../support/bundle'
import { behavesWell } from './support/behaviours'
import { faces } from './support/faces'

// A run of the framework is a process that loads for seconds.
vi.setConfig({ hookTimeout: 120_000 })

const TASK_ROOT = '/var/task'
const NAME = 'an async handler, by `wrap: true` of the plugin'

let root: string
let variables: Record<string, string>

beforeAll(async () => {
  const plain = await bundleFunction(join(__dirname, 'functions/plain.ts'))
  const service = createService({
    'serverless.yml': `service: small
plugins: [./dist/serverless/index.js]
provider: { name: aws, runtime: nodejs22.x }
package: { patterns: ['!**', 'src/**'] }
custom: { pgThaw: { max: 2, maxConnections: 40, wrap: true } }
functions: { api: { handler: ${faces[NAME].handler}, reservedConcurrency: 1 } }
`,
    'src/api.js': readFileSync(plain.module, 'utf8'),
  })
  root = realpathSync(mkdtempSync(join(tmpdir(), 'pg-thaw-task-')))
  try {
    const { code, text } = await service.run('package')
    if (code !== 0) throw new Error(text)
    for (const [name, content] of readZip(join(service.directory, '.serverless', 'small.zip'))) {
      mkdirSync(dirname(join(root, name)), { recursive: true })
      writeFileSync(join(root, name), content)
    }
    const given: Record<string, string> =
      service.template().Resources.ApiLambdaFunction?.Properties?.Environment.Variables ?? {}
    const here = Object.entries(given).map(([name, value]) => [name, value.replaceAll(TASK_ROOT, root)])
    variables = { ...Object.fromEntries(here), LAMBDA_TASK_ROOT: root }
  } finally {
    plain.dispose()
    service.dispose()
  }
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

behavesWell(NAME, {
  // As the template has it.
  function: () => ({ module: join(root, '.pg-thaw/handler.mjs'), env: variables }),
})
