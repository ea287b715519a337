import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createExampleService, type Service } from '../serverless/support/service'
import { budget } from './support/command'

let service: Service

beforeAll(async () => {
  service = createExampleService()
  await service.run('package', '--stage', 'prod')
})
afterAll(() => service?.dispose())

/** What `--json` says, as far as every tool has to say the same. */
function figuresOf(file: string) {
  const { fits, needed, allowed, leftBehind, functions } = budget([file, '--json']).json()
  return { fits, needed, allowed, leftBehind, sessions: functions.map((it) => it.sessions).sort((a, b) => b - a) }
}

const FIGURES = { fits: true, needed: 262, allowed: 1669, sessions: [200, 50, 1, 1] }

describe('one and the same service', () => {
  it('has the budget that the plugin shows', async () => {
    const { text } = await service.run('pg-thaw', 'budget', '--stage', 'prod')
    expect(text).toContain(`The functions fit: ${FIGURES.needed} of ${FIGURES.allowed} sessions.`)
  })

  it('has it from the template that the framework compiles', () => {
    const template = join(service.directory, '.serverless', 'cloudformation-template-update-stack.json')
    // The migration keeps none: `min: 0`.
    expect(figuresOf(template)).toEqual({ ...FIGURES, leftBehind: 251 })
  })

  it.each([
    ['a template of SAM', 'sam.yml'],
    ['an app of CDK', 'cdk.out'],
    ['a plan of Terraform', 'plan.json'],
    ['the state of SST', 'state.json'],
  ])('has it from %s', (_tool, file) => {
    expect(figuresOf(join('test/budget/fixtures', file))).toEqual({ ...FIGURES, leftBehind: 252 })
  })

  it('has it from options alone', () => {
    const functions = ['orders=200', 'fulfilOrders=50', 'dailyReport=1', 'migrate=1']
    const options = functions.flatMap((it) => ['--function', it])
    const { json } = budget([...options, '--max', '1', '--max-connections', '1669', '--json'])
    expect(json()).toMatchObject({ fits: true, needed: 262, allowed: 1669, leftBehind: 252 })
  })
})
