import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPage } from '../docs/support/pages'
import { createExampleService, type Service } from '../serverless/support/service'
import { budget, pgThaw } from './support/command'

const fixture = (name: string) => resolve('test', 'budget', 'fixtures', name)

describe('the commands of docs/budget.md', () => {
  const directory = mkdtempSync(join(tmpdir(), 'pg-thaw-budget-'))
  let service: Service

  beforeAll(async () => {
    cpSync(fixture('sam.yml'), join(directory, 'template.yml'))
    for (const name of ['cdk.out', 'plan.json', 'state.json'])
      cpSync(fixture(name), join(directory, name), { recursive: true })
    const { latest } = JSON.parse(readFileSync(fixture('state.json'), 'utf8'))
    const steps = latest.resources.map((newState: object) => ({ op: 'same', newState }))
    writeFileSync(join(directory, 'preview.json'), JSON.stringify({ steps }))
    service = createExampleService()
    await service.run(...'npx serverless package'.split(' ').slice(2))
    mkdirSync(join(directory, '.serverless'))
    const compiled = '.serverless/cloudformation-template-update-stack.json'
    cpSync(join(service.directory, compiled), join(directory, compiled))
  })
  afterAll(() => {
    rmSync(directory, { recursive: true })
    service?.dispose()
  })

  it.each([
    'npx pg-thaw budget template.yml',
    'npx pg-thaw budget .serverless/cloudformation-template-update-stack.json',
    'npx pg-thaw budget cdk.out',
    'npx pg-thaw budget plan.json',
    'npx pg-thaw budget preview.json',
    'npx pg-thaw budget state.json',
    'npx pg-thaw budget --function orders=20 --function report=1 --max 2 --max-connections 400',
  ])('%s says that the functions fit', (command) => {
    const { status, stdout, stderr } = pgThaw(command.split(' ').slice(2), { cwd: directory })
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^The functions fit: \d+ of \d+ sessions\.\n/)
  })

  it('hold a plan against what the recipe for Terraform says of the database', () => {
    const command = 'npx pg-thaw budget plan.json --max-connections 100'
    const { status, stdout } = pgThaw(command.split(' ').slice(2), { cwd: directory })
    expect([status, stdout]).toEqual([1, expect.stringMatching(/^The functions could .* \d+ of 100\.\n/)])
  })

  it('show what the page shows', () => {
    const blocks = readPage('docs/budget.md').blocks.map(({ code }) => code)
    expect(blocks).toContain(budget([fixture('sam.yml')]).stdout.trim())
  })

  it('ask as the page shows it', () => {
    const Properties = { ReservedConcurrentExecutions: { Ref: 'Concurrency' } }
    const Resources = { Orders: { Type: 'AWS::Lambda::Function', Properties } }
    const file = join(directory, 'asking', 'template.yml')
    mkdirSync(join(directory, 'asking'))
    writeFileSync(file, JSON.stringify({ Parameters: { Concurrency: { Type: 'Number' } }, Resources }))
    const { stderr } = pgThaw(['budget', 'template.yml'], { cwd: join(directory, 'asking') })
    expect(readPage('docs/budget.md').blocks.map(({ code }) => code)).toContain(stderr.trim())
  })

  it('have the options that the page names, each of them', () => {
    const optionsOf = (text: string) => [...new Set(text.match(/(?<=[\s`(])--[a-z][a-z-]+/g))].sort()
    const ofOtherCommands = ['--all', '--decrypt', '--help', '--show-sames', '--stage']
    const own = (text: string) => optionsOf(text).filter((it) => !ofOtherCommands.includes(it))
    expect(own(readPage('docs/budget.md').text)).toEqual(own(budget(['--help']).stdout))
  })
})
