import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createService, type Service } from './support/service'

// Each run of the framework is a process that loads for seconds.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const services: Service[] = []

const database = `resources:
  Resources:
    Database: { Type: AWS::RDS::DBInstance, Properties: { DBInstanceClass: db.t4g.micro, Engine: postgres } }
`

/** A service with a function that nothing bounds, and whatever else it is given. */
function service(custom: string, more = '', files: Readonly<Record<string, string>> = {}): Service {
  const made = createService({
    'serverless.yml': `service: small
plugins: [./dist/serverless/index.js, ./other.js]
provider: { name: aws, runtime: nodejs22.x }
package: { patterns: ['!**', api.js] }
functions: { api: { handler: api.handler } }
${custom}
${more}
`,
    'api.js': 'exports.handler = async () => {}\n',
    'other.js': 'module.exports = class Other {}\n',
    ...files,
  })
  services.push(made)
  return made
}

/** What the plugin had to say: each warning begins so. */
const warnings = (text: string) => text.split('pg-thaw: ').length - 1

const variablesOf = (it: Service, id = 'ApiLambdaFunction') =>
  Object.keys(it.template().Resources[id]?.Properties?.Environment?.Variables ?? {})

afterEach(() => {
  for (const it of services.splice(0)) it.dispose()
})

describe('a service that does not fit', () => {
  it('is packaged where nobody asked for more, with one warning that has the table and what to do', async () => {
    const it = service('', database)
    const { code, text } = await it.run('package')
    expect({ code, text }).toMatchObject({ code: 0 })
    expect(warnings(text)).toBe(1)
    expect(text).toContain('The functions could open more sessions than the database has: 10010 of 75.')
    expect(text).toContain("max not set: 10, the pool's default, for api. Set custom.pgThaw.max")
    expect(text).toContain('reservedConcurrency: 65')
    expect(text).toContain('custom.pgThaw.budget: error stops it where it does not fit; off silences this.')
    // The pool's own defaults stay its own.
    expect(variablesOf(it)).toEqual(['NODE_OPTIONS'])
  })

  it('is not packaged with `error`, and without a word with `off`', async () => {
    const [strict, silent] = [
      service('custom: { pgThaw: { budget: error } }', database),
      service('custom: { pgThaw: { budget: "off", max: 2 } }', database),
    ]
    const [stopped, packaged] = await Promise.all([strict.run('package'), silent.run('package')])
    expect(stopped.code).not.toBe(0)
    expect(stopped.text).toContain('10010 of 75')
    expect(existsSync(join(strict.directory, '.serverless'))).toBe(false)
    expect([packaged.code, warnings(packaged.text)]).toEqual([0, 0])
    expect(variablesOf(silent)).toEqual(['PG_THAW_MAX', 'NODE_OPTIONS'])
  })

  it('is shown in any mode, and fails where it is to be enforced', async () => {
    const it = service('custom: { pgThaw: { budget: "off" } }', database)
    const [shown, enforced] = await Promise.all([it.run('pg-thaw', 'budget'), it.run('pg-thaw', 'budget', '--enforce')])
    expect([shown.code === 0, enforced.code === 0]).toEqual([true, false])
    for (const { text } of [shown, enforced]) expect(text).toContain('10010 of 75')
  })
})

describe('a service of which not all is known', () => {
  const open = `resources:
  Parameters: { Class: { Type: String } }
  Resources:
    Database: { Type: AWS::RDS::DBInstance, Properties: { DBInstanceClass: { Ref: Class }, Engine: postgres } }
`
  const questions = [
    'serverless.yml: custom.pgThaw.proxy.sessions is missing: expected what the pooler may open',
    'serverless.yml: Resources.Database.Properties.DBInstanceClass refers to Class, which has no value before the deployment',
  ]

  it('is packaged with all questions in one warning, and stopped by all of them with `error`', async () => {
    const [asked, strict] = [
      service('custom: { pgThaw: { target: pgbouncer } }', open),
      service('custom: { pgThaw: { budget: error, target: pgbouncer } }', open),
    ]
    const [packaged, stopped] = await Promise.all([asked.run('package'), strict.run('package')])
    expect([packaged.code, warnings(packaged.text), stopped.code === 0]).toEqual([0, 1, false])
    for (const question of questions) {
      expect(packaged.text).toContain(question)
      expect(stopped.text).toContain(question)
    }
  })

  it('is stopped in any mode by what is wrong, of which all is named', async () => {
    const it = service('custom: { pgThaw: { budget: "off", max: lots, reserve: -1, poxy: {} } }')
    const { code, text } = await it.run('package')
    expect(code).not.toBe(0)
    expect(text).toContain('serverless.yml: custom.pgThaw.max: expected an integer of 0 or more, got "lots" (string)\n')
    expect(text).toContain('serverless.yml: custom.pgThaw.reserve: expected an integer of 0 or more, got -1 (number)\n')
    expect(text).toContain('serverless.yml: custom.pgThaw: expected one of the keys ')
  })
})

describe('functions that another plugin makes', () => {
  const files = {
    'other.js': `module.exports = class Other {
      constructor(serverless) {
        this.hooks = {
          'after:package:initialize': () => {
            serverless.service.functions.warmUp = { handler: 'api.handler', name: 'warm-up', package: {}, events: [] }
          },
        }
      }
    }\n`,
  }

  it('are left out, with a word, where the settings do not name them', async () => {
    const it = service('custom: { pgThaw: { max: 1, maxConnections: 50 } }', '', files)
    const { code, text } = await it.run('package')
    expect({ code, text }).toMatchObject({ code: 0 })
    expect(text).toContain('Made by other plugins, and left out as custom.pgThaw.functions does not name them: warmUp.')
    expect(text).toMatch(/^warmUp .* 0$/m)
    expect(variablesOf(it, 'WarmUpLambdaFunction')).toEqual([])
  })

  it('are like any other where they are named, which a name that nobody has is not', async () => {
    const settings = (functions: string) =>
      `custom: { pgThaw: { max: 0, maxConnections: 50, functions: ${functions} } }`
    const [named, mistyped] = [
      service(settings('{ warmUp: { max: 1 } }'), '', files),
      service(settings('{ warmpU: { max: 1 } }'), '', files),
    ]
    const [packaged, stopped, shown] = await Promise.all([
      named.run('package'),
      mistyped.run('package'),
      mistyped.run('pg-thaw', 'budget'),
    ])
    expect(packaged.code).toBe(0)
    expect(packaged.text).toContain('1010 of 50')
    expect(variablesOf(named, 'WarmUpLambdaFunction')).toEqual(['PG_THAW_MAX', 'NODE_OPTIONS'])
    expect(stopped.code).not.toBe(0)
    expect(stopped.text).toContain(
      'serverless.yml: custom.pgThaw.functions: expected one of the keys api, warmUp, got "warmpU" (string)',
    )
    expect(shown.text).toContain('In custom.pgThaw.functions, and no functions of the service so far: warmpU.')
  })
})

describe('the command', () => {
  const fitting = 'custom: { pgThaw: { max: 0, maxConnections: 50 } }'

  it('says alone what there is', async () => {
    const { code, text } = await service(fitting).run('pg-thaw')
    expect(code).toBe(0)
    expect(text).toContain('serverless pg-thaw budget')
    expect(text).toContain('--enforce')
  })

  it('refuses an option and a parameter that nothing takes, by name', async () => {
    const it = service(fitting, 'params: { default: { stock: 1 } }')
    const [option, parameter, known, packaged] = await Promise.all([
      it.run('pg-thaw', 'budget', '--enforc'),
      it.run('pg-thaw', 'budget', '--param', 'stok=2'),
      it.run('pg-thaw', 'budget', '--param', 'stock=2'),
      it.run('package', '--param', 'stok=2'),
    ])
    expect([option, parameter, known, packaged].map(({ code }) => code === 0)).toEqual([false, false, true, true])
    expect(option.text).toContain('--enforc')
    for (const { text } of [parameter, packaged]) {
      expect(text).toContain('--param stok: expected one of the parameters stock')
    }
  })
})
