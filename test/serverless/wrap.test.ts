import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { FunctionConfiguration, Serverless } from '../../src/serverless/framework'
import { isOfNode, packWrapper, WRAPPER, wrapPackaged } from '../../src/serverless/wrap'
import { readZip } from './support/archive'
import { createService, type Service } from './support/service'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const wrapper = '.serverless/pg-thaw/handler.mjs'
const file = 'serverless.yml'
const serviceOf = (service: object, serviceDir = '') =>
  ({ serviceDir, service: { provider: {}, ...service } }) as Serverless

describe('a handler that the plugin has wrapped', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'pg-thaw-wrap-'))
    writeFileSync(join(directory, 'with.zip'), `PK ${wrapper} and more`)
    writeFileSync(join(directory, 'without.zip'), 'PK api.js')
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  it('is what bundlers see until the package is made, and then what Lambda loads', () => {
    const api: FunctionConfiguration = { handler: 'src/api.handler', environment: { LEVEL: 'info' } }
    const serverless = serviceOf({ package: { patterns: ['src/**'] } }, directory)
    for (let time = 0; time < 2; time++) packWrapper('api', api, serverless, file)
    expect(api.handler).toBe('src/api.handler')
    expect(serverless.service.package?.patterns).toEqual(['src/**', wrapper])
    serverless.service.package = { artifact: 'with.zip' }
    for (let time = 0; time < 2; time++) wrapPackaged('api', api, serverless, file)
    expect(api).toEqual({
      handler: '.serverless/pg-thaw/handler.handler',
      environment: { LEVEL: 'info', PG_THAW_HANDLER: 'src/api.handler' },
    })
    expect(WRAPPER.place).toBe(wrapper)
  })

  it('is refused where somebody made a package without the wrapper, with which no environment would start', () => {
    const api: FunctionConfiguration = { handler: 'src/api.handler', package: { artifact: 'without.zip' } }
    expect(() => wrapPackaged('api', api, serviceOf({}, directory), file)).toThrow(
      `serverless.yml: custom.pgThaw.functions.api.wrap: expected false, and \`wrapHandler\` in the code of functions.api, as what made its package left ${wrapper} out, got true (boolean)`,
    )
    expect(api.handler).toBe('src/api.handler')
  })

  it.each<[string, FunctionConfiguration]>([
    ['an image', { image: 'repository:tag' }],
    ['a ready package', { handler: 'api.handler', package: { artifact: 'api.zip' } }],
  ])('is refused for %s', (_, configuration) => {
    expect(() => packWrapper('api', configuration, serviceOf({}), file)).toThrow(
      'serverless.yml: custom.pgThaw.functions.api.wrap: expected false, and `wrapHandler` in the code of functions.api, as it is an image or a ready package, which nothing can be added to, got true (boolean)',
    )
  })

  it.each([
    ['functions.api', { environment: { PG_THAW_HANDLER: 'x.y' } }, {}],
    ['provider', {}, { provider: { environment: { PG_THAW_HANDLER: 'x.y' } } }],
  ])('has its variable set by nobody else: %s', (owner, configuration, service) => {
    expect(() => packWrapper('api', configuration, serviceOf(service), file)).toThrow(
      `serverless.yml: ${owner}.environment.PG_THAW_HANDLER: expected none, as custom.pgThaw.functions.api.wrap sets it, got "x.y" (string)`,
    )
  })

  it('is one of Node.js', () => {
    expect(isOfNode({}, serviceOf({}))).toBe(true)
    expect(isOfNode({}, serviceOf({ provider: { runtime: 'python3.12' } }))).toBe(false)
    expect(isOfNode({ runtime: 'nodejs22.x' }, serviceOf({ provider: { runtime: 'python3.12' } }))).toBe(true)
  })
})

describe('custom.pgThaw.wrap, through osls,', () => {
  const services: Service[] = []
  afterEach(() => {
    for (const service of services.splice(0)) service.dispose()
  })

  function small(wrap: string, other = ''): Service {
    const service = createService({
      'serverless.yml': `service: small
plugins: [./dist/serverless/index.js, ./other.js]
provider: { name: aws, runtime: nodejs22.x }
package: { patterns: ['!**', 'src/**'] }
custom: { pgThaw: { max: 1, maxConnections: 400, ${wrap}, functions: { idle: { max: 0 }, own: { wrap: false } } } }
functions:
  api: { handler: src/api.handler, reservedConcurrency: 1 }
  own: { handler: src/own.handler, reservedConcurrency: 1 }
  idle: { handler: src/idle.handler, reservedConcurrency: 1 }
  snake: { handler: src/snake.handler, reservedConcurrency: 1, runtime: python3.12 }
`,
      'src/api.js': 'exports.handler = async () => {}\n',
      'other.js': `module.exports = class Other { ${other} }\n`,
    })
    services.push(service)
    return service
  }

  it('is for every function of Node.js that opens sessions, unless it says otherwise', async () => {
    const service = small('wrap: true')
    const { code, text } = await service.run('package')
    expect({ code, text }).toMatchObject({ code: 0 })
    const { Resources } = service.template()
    const handlers = ['Api', 'Own', 'Idle', 'Snake'].map((name) => {
      const { Handler, Environment } = Resources[`${name}LambdaFunction`]?.Properties ?? {}
      return [Handler, Environment?.Variables?.PG_THAW_HANDLER]
    })
    expect(handlers).toEqual([
      ['.serverless/pg-thaw/handler.handler', 'src/api.handler'],
      ['src/own.handler', undefined],
      ['src/idle.handler', undefined],
      ['src/snake.handler', undefined],
    ])
    const files = readZip(join(service.directory, '.serverless', 'small.zip'))
    expect([...files.keys()].sort()).toEqual(['.serverless/pg-thaw/goodbye.mjs', wrapper, 'src/api.js'])
  })

  it('stops a packaging whose zip is made by another plugin, without the wrapper', async () => {
    const service = small(
      'wrap: true',
      `constructor(serverless) {
        this.hooks = { 'after:package:createDeploymentArtifacts': () => (serverless.service.package.artifact = 'src/api.js') }
      }`,
    )
    const { code, text } = await service.run('package')
    expect(code).not.toBe(0)
    expect(text).toContain(`as what made its package left ${wrapper} out`)
  })

  it('is true or false', async () => {
    const { code, text } = await small('wrap: all').run('package')
    expect(code).not.toBe(0)
    expect(text).toContain('serverless.yml: custom.pgThaw.wrap: expected true or false, got "all" (string)')
  })
})
