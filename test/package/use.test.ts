import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build, type Format } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.js'
import { installPackage, type Project } from './support/project.js'

let project: Project
let database: TestDatabase

beforeAll(async () => {
  const [installed, created] = await Promise.allSettled([installPackage(), createDatabase()])
  if (installed.status === 'fulfilled') project = installed.value
  if (created.status === 'fulfilled') database = created.value
  for (const it of [installed, created]) if (it.status === 'rejected') throw it.reason
})
afterAll(async () => {
  project?.[Symbol.dispose]()
  await database?.dispose()
})

/** A Lambda function and its one call; prints what came of it. */
const work = `
  const pool = createPool({ connectionString: process.env.DATABASE_URL, max: 2 })
  const handler = wrapHandler(async ({ answer }) => {
    const { rows } = await pool.query('SELECT $1::int AS answer', [answer])
    return rows[0].answer
  })
  handler({ answer: 42 }, {}).then(async (answer) => {
    await pool.end()
    const isPool = pool instanceof Pool && pool instanceof pg.Pool
    console.log(JSON.stringify({ answer, isPool, name: pool.constructor.name }))
  })`

const imports = {
  cjs: `const { createPool, Pool, wrapHandler } = require('pg-thaw'); const pg = require('pg')`,
  esm: `import { createPool, Pool, wrapHandler } from 'pg-thaw'; import pg from 'pg'`,
}
const extensions = { cjs: 'cjs', esm: 'mjs' }
/** pg is CommonJS, and an ES module has no \`require\` for what it needs of Node.js. */
const banners = {
  cjs: '',
  esm: `import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);`,
}
/** As in versions of Node.js where CommonJS can't require an ES module. */
const flags = ['--no-experimental-require-module', '--no-warnings']

async function outcomeOf(program: string): Promise<unknown> {
  return JSON.parse(await project.node([...flags, program], { DATABASE_URL: database.url }))
}

describe.each<keyof typeof imports>(['cjs', 'esm'])('the installed package, used from %s', (kind) => {
  const whatComesOfIt = { answer: 42, isPool: true, name: 'Pool' }

  it('queries inside a wrapped handler', async () => {
    const program = project.write(`use.${extensions[kind]}`, imports[kind] + work)
    expect(await outcomeOf(program)).toEqual(whatComesOfIt)
  })

  it.each([false, true])('does so from a bundle of that kind that stands alone (minified: %s)', async (minify) => {
    const entry = project.write(`entry.${extensions[kind]}`, imports[kind] + work)
    const elsewhere = mkdtempSync(join(tmpdir(), 'pg-thaw-bundle-'))
    try {
      const bundle = join(elsewhere, `bundle.${extensions[kind]}`)
      await build({
        entryPoints: [entry],
        outfile: bundle,
        bundle: true,
        minify,
        platform: 'node',
        target: 'node20',
        format: kind satisfies Format,
        banner: { js: banners[kind] },
        external: ['pg-native'],
        logLevel: 'warning',
      })
      expect(await outcomeOf(bundle)).toEqual(whatComesOfIt)
    } finally {
      rmSync(elsewhere, { recursive: true, force: true })
    }
  })

  it('finds pg-thaw/testing, and runs a function with it', async () => {
    const handler = project.write(
      'function.cjs',
      `const { wrapHandler } = require('pg-thaw')
      exports.handler = wrapHandler(async (event) => ({ got: event }))`,
    )
    const load = {
      cjs: `const { startLambda } = require('pg-thaw/testing')`,
      esm: `import { startLambda } from 'pg-thaw/testing'`,
    }
    const program = project.write(
      `testing.${extensions[kind]}`,
      `${load[kind]}
      startLambda({ module: ${JSON.stringify(handler)} }).then(async (lambda) => {
        const { outcome, response } = await lambda.invoke('it')
        await lambda.close()
        console.log(JSON.stringify({ outcome, response }))
      })`,
    )
    expect(await outcomeOf(program)).toEqual({ outcome: 'response', response: { got: 'it' } })
  })
})

describe('the installed package', () => {
  it('shares one implementation between require and import', async () => {
    const program = project.write(
      'both.mjs',
      `import { createRequire } from 'node:module'
      import { Pool } from 'pg-thaw'
      import { startLambda } from 'pg-thaw/testing'
      const require = createRequire(import.meta.url)
      console.log(JSON.stringify([
        Pool === require('pg-thaw').Pool, startLambda === require('pg-thaw/testing').startLambda,
      ]))`,
    )
    expect(await outcomeOf(program)).toEqual([true, true])
  })

  it.each(['cjs', 'esm'] as const)('has what pg exports, by name and by default, from %s', async (kind) => {
    const names = [
      'Client',
      'Connection',
      'DatabaseError',
      'Query',
      'Result',
      'TypeOverrides',
      'defaults',
      'escapeIdentifier',
      'escapeLiteral',
      'types',
    ]
    const load = {
      cjs: `const all = require('pg-thaw'); const byDefault = all.default; const stock = require('pg')`,
      esm: `import * as all from 'pg-thaw'; import byDefault from 'pg-thaw'; import stock from 'pg'
      import { ${names.join(', ')}, Pool } from 'pg-thaw'`,
    }
    const program = project.write(
      `names.${extensions[kind]}`,
      `${load[kind]}
      const names = ${JSON.stringify(names)}
      const differ = names.filter((name) => all[name] !== stock[name] || byDefault[name] !== stock[name])
      console.log(JSON.stringify({ differ, isOurs: byDefault.Pool === all.Pool && all.Pool !== stock.Pool }))`,
    )
    expect(await outcomeOf(program)).toEqual({ differ: [], isOurs: true })
  })

  it('opens nothing but its entry points and its manifest', async () => {
    const program = project.write(
      'doors.cjs',
      `const opens = (name) => { try { require(name); return true } catch (error) { return error.code } }
      console.log(JSON.stringify(['pg-thaw/package.json', 'pg-thaw/dist/index.js', 'pg-thaw/pool'].map(opens)))`,
    )
    const closed = 'ERR_PACKAGE_PATH_NOT_EXPORTED'
    expect(await outcomeOf(program)).toEqual([true, closed, closed])
  })

  // To be turned into `it` once src/pool/errors.ts names its errors itself: a minifier takes the names of classes away.
  it('keeps the names of its errors when it is minified', async () => {
    const entry = project.write(
      'named.cjs',
      `const { Pool } = require('pg-thaw')
      try { new Pool({ max: -1 }) } catch (error) { console.log(JSON.stringify(error.name)) }`,
    )
    const outfile = join(project.directory, 'named.min.cjs')
    await build({ entryPoints: [entry], outfile, bundle: true, minify: true, platform: 'node', external: ['pg'] })
    expect(await outcomeOf(outfile)).toBe('PoolOptionError')
  })
})
