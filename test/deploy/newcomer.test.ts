import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readPage } from '../docs/support/pages'
import { createDatabase, type TestDatabase } from '../support/database'
import { describeUnless } from '../support/requirements'
import { noRegistry } from './support/registry'
import { shell } from './support/shell'

/** What a newcomer gives it, s. */
const TEN_MINUTES = 600

/** The blocks of a page under a heading, by language. */
function underHeading(page: string, heading: string): Record<string, string> {
  const blocks = readPage(page).blocks.filter((block) => block.heading === heading)
  return Object.fromEntries(blocks.map(({ language, code }) => [language, code]))
}

describeUnless(noRegistry, 'a newcomer with the README, in an empty directory,', () => {
  const quickStart = underHeading('README.md', 'Quick start')
  const testing = underHeading('docs/testing.md', 'In ten minutes')
  let directory: string
  let database: TestDatabase

  beforeAll(async () => {
    directory = realpathSync(mkdtempSync(join(tmpdir(), 'pg-thaw-newcomer-')))
    // Without one npm takes the nearest folder above that has one, and a temporary folder may lie in anything.
    writeFileSync(join(directory, 'package.json'), '{}')
    database = await createDatabase()
  })
  afterAll(async () => {
    if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
    await database?.dispose()
  })

  /** How long the machine took for what the docs say, s, by step. */
  const took: Record<string, number> = {}

  async function run(command: string, env: NodeJS.ProcessEnv = {}, cwd = directory) {
    const began = performance.now()
    try {
      return await shell(command, { npm_config_cache: join(directory, '.npm'), ...env }, cwd)
    } finally {
      took[command] = (performance.now() - began) / 1000
    }
  }

  it('installs the package', async () => {
    expect(quickStart.sh?.split('\n').map((line) => line.replace(/ +#.*/, ''))).toEqual([
      'npm install pg-thaw pg',
      'npm install --save-dev typescript @types/node @types/pg',
    ])
    // Until it is in the registry, out of the tarball that would be there.
    await shell(`npm pack --silent --ignore-scripts --pack-destination ${directory}`)
    const tarball = readdirSync(directory).find((name) => name.endsWith('.tgz'))
    await run('npm install pg-thaw pg'.replace('pg-thaw', `./${tarball}`))
    await run('npm install --save-dev typescript @types/node @types/pg')
    expect(readdirSync(join(directory, 'node_modules'))).toEqual(expect.arrayContaining(['pg', 'pg-thaw', '@types']))
  })

  it('writes the first function, whose types are all there', async () => {
    writeFileSync(join(directory, 'handler.ts'), quickStart.ts ?? '')
    // The newest, without a word of its own on the types of libraries.
    await run('npx tsc --strict --noEmit --target es2022 --module nodenext handler.ts')
  })

  it('runs it in the local Lambda', async () => {
    writeFileSync(join(directory, 'try.mjs'), testing.ts ?? '')
    await database.admin.query(testing.sql ?? '')
    expect(testing.sh?.split('\n')).toEqual([
      'npm install --save-dev esbuild',
      'npx esbuild handler.ts --bundle --platform=node --target=node20 --external:pg-native --outfile=handler.cjs',
      'node try.mjs',
    ])
    await run('npm install --save-dev esbuild')
    await run(
      'npx esbuild handler.ts --bundle --platform=node --target=node20 --external:pg-native --outfile=handler.cjs',
    )
    const { host, port, user, password, database: name } = database.config
    const env = { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: name }
    const { stdout } = await run('node try.mjs', env)
    const [, promised] = /\/\/ (.*true)$/m.exec(testing.ts ?? '') ?? []
    expect(stdout.trim()).toBe(promised)
    await database.untilSessions(0)
  })

  it('copies the goodbye next to a bundle, where it loads', async () => {
    mkdirSync(join(directory, 'dist'))
    await run('cp node_modules/pg-thaw/dist/goodbye.mjs dist/')
    await run('node --import ./dist/goodbye.mjs --eval 0')
  })

  it('plays an act of the demo in a clone', { timeout: TEN_MINUTES * 1000 }, async () => {
    expect(readPage('README.md').text).toContain('`npm ci && npm run demo` in this repository')
    const clone = join(directory, 'clone')
    await run(`git clone --quiet ${resolve('.')} clone`)
    await run('npm ci', {}, clone)
    const { stdout } = await run('npm run demo -- --act open-transaction', {}, clone)
    expect(stdout).toMatch(/^\| 1\. .*\| pg\.Pool, defaults +\| ✗/m)
  })

  it('has seen all of it within ten minutes', () => {
    const all = Object.values(took).reduce((sum, it) => sum + it, 0)
    const lines = Object.entries(took).map(([command, seconds]) => `${seconds.toFixed(1).padStart(6)} s  ${command}\n`)
    process.stderr.write(`${lines.join('')}${all.toFixed(1).padStart(6)} s  in all\n`)
    expect(Object.keys(took)).toContain('node try.mjs')
    expect(all).toBeLessThan(TEN_MINUTES)
  })
})
