import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { readZip } from './support/archive'
import { createService, type Service } from './support/service'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const wrapper = '.pg-thaw/handler.mjs'
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
      ['.pg-thaw/handler.handler', 'src/api.handler'],
      ['src/own.handler', undefined],
      ['src/idle.handler', undefined],
      ['src/snake.handler', undefined],
    ])
    const files = readZip(join(service.directory, '.serverless', 'small.zip'))
    expect([...files.keys()].sort()).toEqual(['.pg-thaw/goodbye.mjs', wrapper, 'src/api.js'])
  })

  it('stops a packaging whose zip can’t be read', async () => {
    const service = small(
      'wrap: true',
      `constructor(serverless) {
        this.hooks = { 'after:package:createDeploymentArtifacts': () => (serverless.service.package.artifact = 'src/api.js') }
      }`,
    )
    const { code, text } = await service.run('package')
    expect(code).not.toBe(0)
    expect(text).toContain(
      "serverless.yml: custom.pgThaw.functions.api.wrap: expected false, and `wrapHandler` in the code of functions.api, as src/api.js can't be read, got true (boolean)",
    )
  })

  it('leaves out what another plugin makes, as for warming up', async () => {
    const service = small(
      'wrap: true',
      `constructor(serverless) {
        this.hooks = {
          'after:package:initialize': () => {
            serverless.service.functions.warmUp = { name: 'warm-up', handler: 'src/api.handler', reservedConcurrency: 1, events: [] }
          }
        }
      }`,
    )
    const { code, text } = await service.run('package')
    expect({ code, text }).toMatchObject({ code: 0 })
    const { Resources } = service.template()
    const { Handler, Environment } = Resources.WarmUpLambdaFunction?.Properties ?? {}
    expect({ Handler, Environment }).toEqual({ Handler: 'src/api.handler', Environment: undefined })
  })

  it('is true or false', async () => {
    const { code, text } = await small('wrap: all').run('package')
    expect(code).not.toBe(0)
    expect(text).toContain('serverless.yml: custom.pgThaw.wrap: expected true or false, got "all" (string)')
  })
})
