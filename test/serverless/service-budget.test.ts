import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Serverless } from '../../src/serverless/framework'
import { unknownParameters } from '../../src/serverless/parameters'
import { ServiceBudget } from '../../src/serverless/service-budget'
import { findSources } from '../../src/serverless/sources'

function budgetOf(service: object): ServiceBudget {
  const naming = { getLambdaLogicalId: (name: string) => `${name}LambdaFunction` }
  const serverless = {
    service: { provider: { compiledCloudFormationTemplate: {} }, functions: { api: {} }, ...service },
    getProvider: () => ({ naming }),
  } as unknown as Serverless
  return new ServiceBudget(serverless, { configuration: 'serverless.yml', fileOf: () => 'serverless.yml' })
}

it('asks nothing of a service in which no function has a pool', () => {
  const error = { budget: 'error' }
  for (const service of [
    { functions: undefined },
    { functions: {}, custom: { pgThaw: error } },
    { custom: { pgThaw: { ...error, max: 0 } } },
  ]) {
    const budget = budgetOf(service)
    expect([budget.check('preview'), budget.check('compiled')]).toEqual([undefined, undefined])
  }
  expect(budgetOf({}).check('compiled')).toContain('custom.pgThaw.maxConnections is missing')
})

it('stops nobody by a fault of its own, where nothing but a warning was asked for', () => {
  const broken = (custom?: object) => {
    const provider = {
      get stackParameters() {
        throw new TypeError('no such thing')
      },
    }
    return budgetOf({ provider, custom })
  }
  expect(broken().check('preview')).toBeUndefined()
  expect(broken().check('compiled')).toContain('adding up the sessions: TypeError: no such thing. Please report it.')
  expect(() => broken({ pgThaw: { budget: 'error' } }).check('compiled')).toThrow(TypeError)
})

it('finds parameters after other variables, and in files that stand in for others', () => {
  const directory = mkdtempSync(join(tmpdir(), 'pg-thaw-sources-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  mkdirSync(join(directory, 'infra'))
  const text = `a: \${opt:size, param:size}
# all of file(infra)
b: \${file(none.yml), file(some.yml)}
`
  writeFileSync(join(directory, 'serverless.yml'), text)
  writeFileSync(join(directory, 'some.yml'), `c: \${param:stock}`)
  const { lines } = unknownParameters(
    ['size=1', 'stock=1', 'stok=1'],
    { configurationInput: {} } as Serverless,
    findSources(directory).files(),
  )
  expect(lines).toEqual(['--param stok: expected one of the parameters size, stock'])
})
