import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import AdmZip from 'adm-zip'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { readZip } from './support/archive'
import { createExampleService, createService, runNode, type Service } from './support/service'

// Each run of the framework is a process that loads for seconds.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const services: Service[] = []
const goodbye = '.pg-thaw/goodbye.mjs'

function example(): Service {
  const service = createExampleService()
  services.push(service)
  return service
}

/** A service of one function, on a database elsewhere. */
function small(custom: string, more: Readonly<Record<string, string>> = {}): Service {
  const service = createService({
    'serverless.yml': `service: small
plugins: [./dist/serverless/index.js, ./other.js]
provider: { name: aws, runtime: nodejs22.x, environment: { NODE_OPTIONS: --enable-source-maps } }
package: { patterns: ['!**', api.js] }
${custom}
`,
    'api.js': 'exports.handler = async () => {}\n',
    'other.js': 'module.exports = class Other {}\n',
    ...more,
  })
  services.push(service)
  return service
}

/** The table of docs/sizing.md that begins so. */
function documented(beginning: string): string {
  const text = readFileSync('docs/sizing.md', 'utf8')
  const start = text.indexOf(beginning)
  return start === -1 ? `none begins with "${beginning}"` : text.slice(start, text.indexOf('\n```', start))
}

afterEach(() => {
  for (const service of services.splice(0)) service.dispose()
})

const api = 'functions: { api: { handler: api.handler, reservedConcurrency: 10 } }'

describe('the budget, through osls', () => {
  it('lets a service that fits be packaged, and hands its functions what it was drawn up with', async () => {
    const service = small(`custom: { pgThaw: { max: 3, min: 2, maxConnections: 40 } }\n${api}`)
    const { code, text } = await service.run('package')
    expect({ code, text }).toMatchObject({ code: 0 })
    expect(service.template().Resources.ApiLambdaFunction?.Properties?.Environment.Variables).toEqual({
      PG_THAW_MAX: '3',
      PG_THAW_MIN: '2',
      NODE_OPTIONS: `--enable-source-maps --import=/var/task/${goodbye}`,
    })
    const files = readZip(join(service.directory, '.serverless', 'small.zip'))
    expect([...files.keys()].sort()).toEqual([goodbye, 'api.js'])
    expect(files.get(goodbye)).toEqual(readFileSync(join(service.directory, 'dist', 'goodbye.mjs')))
  })

  it('stops one that does not, with the table and what to change, before anything is packaged', async () => {
    const service = example()
    const parameters = ['--param', 'ordersConcurrency=840', '--param', 'maxAcu=4']
    const { code, text } = await service.run('package', '--stage', 'prod', ...parameters)
    expect(code).not.toBe(0)
    const table = documented('The functions could open more sessions')
    expect(table).toContain('- functions.orders.reservedConcurrency of 761 or less (now 840)')
    expect(text).toContain(table)
    expect(text).not.toMatch(/^ +at .*\.js:\d+/m)
    expect(existsSync(join(service.directory, '.serverless'))).toBe(false)
  })

  it('counts what another plugin changed while the template was compiled', async () => {
    const service = small(`custom: { pgThaw: { budget: error, max: 3, maxConnections: 40 } }\n${api}`, {
      'other.js': `module.exports = class Other {
        constructor(serverless) {
          this.hooks = { 'before:package:compileFunctions': () => (serverless.service.functions.api.reservedConcurrency = 11) }
        }
      }\n`,
    })
    const { code, text } = await service.run('package')
    expect(code).not.toBe(0)
    expect(text).toContain('The functions could open more sessions than the database has: 43 of 40.')
  })

  it('is shown at any time, with the numbers of the docs, and changes nothing', async () => {
    const service = example()
    const [direct, proxied] = await Promise.all([
      service.run('pg-thaw', 'budget', '--enforce', '--stage', 'prod'),
      service.run('pg-thaw', 'budget', '--stage', 'prod', '--param', 'proxy=true'),
    ])
    expect([direct.code, proxied.code]).toEqual([0, 0])
    expect(direct.text.trim()).toBe(documented('The functions fit: 262'))
    expect(proxied.text.trim()).toBe(documented('The functions fit: 1346'))
    expect(existsSync(join(service.directory, '.serverless'))).toBe(false)
  })

  it('is shown although it does not fit, unless it is to be enforced', async () => {
    const service = small(`custom: { pgThaw: { max: 3, maxConnections: 39 } }\n${api}`)
    const [shown, enforced] = await Promise.all([
      service.run('pg-thaw', 'budget'),
      service.run('pg-thaw', 'budget', '--enforce'),
    ])
    expect([shown.code === 0, enforced.code === 0]).toEqual([true, false])
    for (const { text } of [shown, enforced]) expect(text).toMatch(/^needed +40$/m)
  })
})

describe('the goodbye, through osls,', () => {
  it('is in the zips that go elsewhere, too', async () => {
    const service = small(`custom: { pgThaw: { max: 3, maxConnections: 40 } }\n${api}`)
    const { code, text } = await service.run('package', '--package', 'out')
    expect({ code, text }).toMatchObject({ code: 0 })
    expect([...readZip(join(service.directory, 'out', 'small.zip')).keys()]).toEqual(['api.js', goodbye])
  })

  it('is left out where it can’t be, with one line that says where', async () => {
    const service = small(`custom: { pgThaw: { max: 1, maxConnections: 40 } }
functions:
  api: { handler: api.handler, reservedConcurrency: 1 }
  snake: { handler: snake.handler, reservedConcurrency: 1, runtime: python3.13 }
  ready: { handler: api.handler, reservedConcurrency: 1, package: { artifact: ready.zip } }
`)
    const ready = new AdmZip()
    ready.addFile('api.js', Buffer.from('exports.handler = async () => {}\n'))
    ready.writeZip(join(service.directory, 'ready.zip'))
    const before = readFileSync(join(service.directory, 'ready.zip'))
    const { code, text } = await service.run('package')
    expect({ code, text }).toMatchObject({ code: 0 })
    expect(text.match(/pg-thaw: .*/g)).toEqual([
      `pg-thaw: sessions end with their lease, not with the environment, in ready (ready.zip is a ready package without ${goodbye}). Preload pg-thaw/goodbye there yourself, or set custom.pgThaw.functions.<name>.goodbye to false.`,
    ])
    const { Resources } = service.template()
    const options = ['Api', 'Snake', 'Ready'].map(
      (name) => Resources[`${name}LambdaFunction`]?.Properties?.Environment.Variables.NODE_OPTIONS,
    )
    const own = '--enable-source-maps'
    expect(options).toEqual([`${own} --import=/var/task/${goodbye}`, own, own])
    expect(readFileSync(join(service.directory, 'ready.zip'))).toEqual(before)
  })
})

describe('bad input, through osls, is one line that names the file and the key:', () => {
  const pgThaw = 'custom: { pgThaw: { max: 2, maxConnections: 100 } }'
  const database = `Resources:
  Database:
    Type: AWS::RDS::DBInstance
    Properties: { DBInstanceClass: db.q9.large, Engine: postgres }
`
  it.each<[string, () => Service, string]>([
    [
      'a max that is none',
      () => small(`custom: { pgThaw: { max: lots, maxConnections: 100 } }\n${api}`),
      'serverless.yml: custom.pgThaw.max: expected an integer of 0 or more, got "lots" (string)',
    ],
    [
      'an impossible concurrency',
      () => small(`${pgThaw}\nfunctions: { api: { handler: api.handler, reservedConcurrency: -1 } }`),
      'serverless.yml: functions.api.reservedConcurrency: expected an integer of 0 or more, got -1 (number)',
    ],
    [
      'an unknown instance class, in the file that has it',
      () =>
        small(
          `custom: { pgThaw: { budget: error, max: 2 } }\n${api}\nresources: [ '\${file(./parts/database.yml)}' ]`,
          {
            'parts/database.yml': database,
          },
        ),
      'parts/database.yml: Resources.Database.Properties.DBInstanceClass: expected a known instance class such as db.r6g.large (or set custom.pgThaw.maxConnections), got "db.q9.large" (string)',
    ],
  ])('%s', async (_, make, message) => {
    const service = make()
    const { code, text } = await service.run('package')
    expect(code).not.toBe(0)
    expect(text.split('\n')).toContain(message)
    expect(existsSync(join(service.directory, '.serverless'))).toBe(false)
  })

  it('a parameter without a value', async () => {
    const service = example()
    service.edit('serverless.yml', '    maxAcu: 2\n', '')
    const { code, text } = await runNode([resolve('scripts/package.mjs')], service.directory)
    expect({ code, text }).toEqual({
      code: 1,
      text: `infra/resources/database.yml: \${param:maxAcu} is missing: expected it in params.default or params.dev of serverless.yml, or as --param maxAcu=…\n`,
    })
  })

  it.each([
    ['proxy=maybe', 'expected true or false'],
    ['maxAcu=many', 'expected a number'],
  ])('the parameter %s', async (parameter, expected) => {
    const args = [resolve('scripts/package.mjs'), '--stage', 'prod', '--param', parameter]
    const { code, text } = await runNode(args, example().directory)
    expect(code).toBe(1)
    expect(text).toMatch(new RegExp(`^--param ${parameter}: ${expected}.*\n$`))
  })
})

describe('the functions’ bundles', () => {
  let first: string
  let second: string

  beforeAll(async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pg-thaw-bundles-'))
    ;[first, second] = [join(directory, 'first'), join(directory, 'elsewhere', 'second')]
    for (const outdir of [first, second]) {
      const { code, text } = await runNode(['scripts/build-functions.mjs', outdir])
      if (code !== 0) throw new Error(text)
    }
    return () => rmSync(directory, { recursive: true, force: true })
  })

  it('are the same byte for byte wherever and whenever they are made, and small', () => {
    const names = readdirSync(first).sort()
    expect(names).toEqual(['daily-report.js', 'fulfil-orders.js', 'migrate.js', 'orders.js'])
    for (const name of names) {
      const bundle = readFileSync(join(first, name))
      expect(bundle.equals(readFileSync(join(second, name)))).toBe(true)
      expect(bundle.length).toBeLessThan(250_000)
      expect(bundle.includes('sourceMappingURL')).toBe(false)
    }
  })

  it('make zips that are the same byte for byte', async () => {
    const zips = [first, second].map(async (bundles) => {
      const service = example()
      cpSync(bundles, join(service.directory, 'build', 'functions'), { recursive: true })
      await service.run('package')
      const packages = join(service.directory, '.serverless')
      const names = readdirSync(packages).filter((name) => name.endsWith('.zip'))
      return Object.fromEntries(names.map((name) => [name, readFileSync(join(packages, name)).toString('base64')]))
    })
    const [one, other] = await Promise.all(zips)
    expect(Object.keys(one ?? {}).sort()).toEqual(['dailyReport.zip', 'fulfilOrders.zip', 'migrate.zip', 'orders.zip'])
    expect(one).toEqual(other)
  })
})
