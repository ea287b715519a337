import { join } from 'node:path'
import { build, transform } from 'esbuild'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { prismaGenerate } from '../consumers/support/prisma-client'
import { compile } from '../package/support/compile'
import { installPackage, type Project } from '../package/support/project'
import { createDatabase, type TestDatabase } from '../support/database'
import { contexts } from './support/contexts'
import { type Block, pages, readPage } from './support/pages'
import { toolRecipes } from './support/recipes'

/** Compiling takes seconds, and more where other tests run beside it. */
const patience = { timeout: 90_000 }

/** What the examples use beside the package. */
const libraries = [
  '@aws-lambda-powertools/commons',
  '@aws-lambda-powertools/logger',
  '@aws-sdk/credential-providers',
  '@fastify/postgres',
  '@opentelemetry/api',
  '@opentelemetry/instrumentation-pg',
  '@prisma/adapter-pg',
  '@prisma/client',
  '@prisma/client-runtime-utils',
  '@types/express-session',
  '@types/pg-copy-streams',
  '@types/pg-cursor',
  'connect-pg-simple',
  '@types/connect-pg-simple',
  'drizzle-orm',
  'express-session',
  'fastify',
  'graphile-worker',
  'knex',
  'kysely',
  'pg-copy-streams',
  'pg-cursor',
  'pg-promise',
  'pg-query-stream',
  'typeorm',
]

// Those of docs/handlers.md need packages that are not among the dependencies: test/deploy/handlers.test.ts compiles them. So do those of the
// recipes for tools: they are of examples/, and test/deploy/examples.test.ts compiles them.
const elsewhere = ['docs/handlers.md', ...toolRecipes]
const all = pages().filter(({ path }) => !elsewhere.includes(path))
const examples = all.flatMap(({ path, blocks }) =>
  blocks.filter(({ language }) => ['ts', 'js'].includes(language)).map((block) => ({ path, ...block })),
)

let project: Project

beforeAll(async () => {
  project = await installPackage()
  for (const name of libraries) project.link(name)
  const schemas = readPage('docs/moving-over.md').blocks.filter(({ language }) => language === 'prisma')
  project.write('schema.prisma', schemas.map(({ code }) => code).join('\n'))
  await prismaGenerate(project.directory)
}, patience.timeout)
afterAll(() => project?.[Symbol.dispose]())

describe('the examples of the docs', patience, () => {
  it('compile against the installed package', async () => {
    const files = examples.map((block, index) => {
      const context = contexts[`${block.path}#${block.heading}`] ?? ''
      return project.write(`example-${index}.ts`, `${context}\n${block.code}\nexport {}\n`)
    })
    const said = await compile(project, files, { module: 'esnext', moduleResolution: 'bundler', skipLibCheck: true })
    expect(said.replaceAll(/example-(\d+)\.ts/g, (name, index) => examples[index]?.at ?? name)).toBe('')
  })

  it('are put into contexts that exist', () => {
    const places = examples.map(({ path, heading }) => `${path}#${heading}`)
    expect(Object.keys(contexts).filter((place) => !places.includes(place))).toEqual([])
  })
})

describe('the handlers of docs/moving-over.md', patience, () => {
  const handlers = examples.filter(
    ({ path, code }) => path === 'docs/moving-over.md' && code.includes('export const handler'),
  )
  let database: TestDatabase

  beforeAll(async () => {
    database = await createDatabase()
    for (const { code } of readPage('docs/moving-over.md').blocks.filter(({ language }) => language === 'sql')) {
      await database.admin.query(code)
    }
    await database.admin.query("INSERT INTO orders (customer, total) VALUES ('Ada', 42), ('Grace', 7)")
  })
  afterAll(() => database?.dispose())

  it('are one for each section that moves something', () => {
    expect(handlers.map(({ heading }) => heading)).toEqual([
      'From a client in each call',
      'From pg.Pool',
      'From serverless-postgres',
      'Drizzle',
      'Kysely',
      'TypeORM',
      'Prisma',
    ])
  })

  it('all read the orders of a customer from a real database', async () => {
    const answers = await answersOf(handlers)
    expect(answers).toEqual(handlers.map(({ heading }) => ({ heading, rows: [{ customer: 'Ada', total: 42 }] })))
    await database.untilSessions(0)
  })

  /** Bundles the handlers as for Lambda, and calls each once, in one process. */
  async function answersOf(blocks: readonly Block[]): Promise<unknown> {
    const entries = blocks.map(({ code }, index) => project.write(`handler-${index}.ts`, code))
    await build({
      entryPoints: entries,
      outdir: join(project.directory, 'bundles'),
      bundle: true,
      packages: 'external',
      // Generated, and for itself.
      external: ['./client'],
      platform: 'node',
      target: 'node20',
      format: 'cjs',
      logLevel: 'warning',
    })
    // Where the bundles look for it.
    project.write('bundles/client.js', "module.exports = require('../client')")
    const program = project.write(
      'call.cjs',
      `const headings = ${JSON.stringify(blocks.map(({ heading }) => heading))}
      async function main() {
        const answers = []
        for (const [index, heading] of headings.entries()) {
          const { handler } = require('./bundles/handler-' + index + '.js')
          answers.push({ heading, rows: await handler({ customer: 'Ada' }) })
        }
        console.log(JSON.stringify(answers))
        process.exit()
      }
      main()`,
    )
    const { host, port, user, password, database: name } = database.config
    const env = {
      DATABASE_URL: database.url,
      DB_HOST: host,
      DB_PORT: String(port),
      DB_USER: user,
      DB_PASSWORD: password,
    }
    return JSON.parse(await project.node([program], { ...env, DB_NAME: name }))
  }
})

describe('the examples of docs/coming-from.md', patience, () => {
  const blocks = examples.filter(({ path }) => path === 'docs/coming-from.md')
  let database: TestDatabase

  beforeAll(async () => {
    database = await createDatabase()
  })
  afterAll(() => database?.dispose())

  it('stand beside one in Python each, for every library', () => {
    const all = readPage('docs/coming-from.md').blocks.filter(({ language }) => ['ts', 'python'].includes(language))
    expect(all.map(({ language }) => language)).toEqual(blocks.flatMap(() => ['python', 'ts']))
    expect(blocks.length).toBeGreaterThan(15)
  })

  it.each(blocks.map((block) => [`${block.at} (${block.heading})`, block.code] as const))(
    '%s prints what stands in it',
    async (at, code) => {
      const expected = [...code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm)].map(([, text]) => text)
      expect(expected.length, at).toBeGreaterThan(0)
      const { code: compiled } = await transform(code, { loader: 'ts', format: 'esm', target: 'node20' })
      const program = project.write(`coming-from-${at.replaceAll(/\W+/g, '-')}.mjs`, compiled)
      const printed = await project.node(['--throw-deprecation', program], { DATABASE_URL: database.url })
      expect(printed.split('\n')).toEqual(expected)
      // The process has ended: whatever it had opened is closed.
      await database.untilSessions(0)
    },
  )
})
