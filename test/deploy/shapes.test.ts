import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { startLambda } from 'pg-thaw/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readZip } from '../serverless/support/archive'
import { createDatabase, type TestDatabase } from '../support/database'
import { describeUnless } from '../support/requirements'
import { noRegistry } from './support/registry'
import { type Shape, shapes } from './support/shapes'
import { shell } from './support/shell'

describeUnless(noRegistry, 'the packed package in a fresh project', () => {
  let directory: string
  let tarball: string
  let database: TestDatabase
  let yarns: Record<string, string>

  beforeAll(async () => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'pg-thaw-shapes-')))
    const { stdout } = await shell(`npm pack --silent --ignore-scripts --pack-destination ${directory}`)
    tarball = join(directory, stdout.trim())
    yarns = await settingsForYarn()
    database = await createDatabase()
  })
  afterAll(async () => {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
    await database?.dispose()
  })

  it.each(shapes)('is installed, built and run: $name', { timeout: 240_000 }, async (shape) => {
    const project = setUp(shape)
    for (const command of [...shape.installs, ...shape.builds]) await run(command, project)
    if (shape.zip !== undefined) unpack(join(project, shape.zip), join(project, 'unpacked'))
    const { host, port, user, password, database: name } = database.config
    const lambda = await startLambda({
      module: join(project, shape.module),
      env: {
        PGHOST: host,
        PGPORT: String(port),
        PGUSER: user,
        PGPASSWORD: password,
        PGDATABASE: name,
        ...(shape.preload === undefined ? {} : { NODE_OPTIONS: `--require ${join(project, shape.preload)}` }),
      },
    })
    try {
      for (const cold of [true, false, false]) {
        const invoked = await lambda.invoke({ customer: 'Ada' })
        expect(invoked).toMatchObject({ outcome: 'response', cold, response: [{ greeting: 'hello Ada' }] })
      }
    } finally {
      await lambda.close()
    }
    await database.untilSessions(0)
  })

  function setUp(shape: Shape): string {
    const project = join(directory, String(shapes.indexOf(shape)))
    for (const [path, text] of Object.entries(shape.files)) {
      mkdirSync(dirname(join(project, path)), { recursive: true })
      writeFileSync(join(project, path), text)
    }
    return project
  }

  function unpack(zip: string, folder: string): void {
    for (const [path, content] of readZip(zip)) {
      mkdirSync(dirname(join(folder, path)), { recursive: true })
      writeFileSync(join(folder, path), content)
    }
  }

  function run(command: string, project: string) {
    const quickly = { npm_config_prefer_offline: 'true', npm_config_audit: 'false', npm_config_fund: 'false' }
    return shell(command.replace('PACKED', tarball), { ...quickly, ...yarns, CI: 'true' }, project)
  }
})

/** Yarn reads nothing of what npm was told of the registry. */
async function settingsForYarn(): Promise<Record<string, string>> {
  const told = async (key: string) => (await shell(`npm config get ${key}`)).stdout.trim()
  const [registry, authorities] = [await told('registry'), await told('cafile')]
  return {
    YARN_NPM_REGISTRY_SERVER: registry.replace(/\/$/, ''),
    ...(authorities === 'null' ? {} : { YARN_HTTPS_CA_FILE_PATH: authorities }),
  }
}
