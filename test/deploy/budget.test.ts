import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { budget } from '../budget/support/command'
import { describeUnless } from '../support/requirements'
import { installWorkspace } from '../support/workspace'
import { noRegistry } from './support/registry'

const app = resolve('test', 'budget', 'cdk')
const recorded = join('test', 'budget', 'fixtures', 'cdk.out')

describeUnless(noRegistry, 'an app that the real CDK synthesises', () => {
  const directory = mkdtempSync(join(tmpdir(), 'pg-thaw-cdk-'))
  beforeAll(() => installWorkspace(app))
  afterAll(() => rmSync(directory, { recursive: true }))

  /** Synthesises it, with the context that whoever runs the app gives it. */
  function synthesised(name: string, context: object): string {
    const out = join(directory, name)
    const env = { PATH: process.env.PATH, CDK_CONTEXT_JSON: JSON.stringify(context) }
    execFileSync(process.execPath, [join(app, 'app.cjs'), out], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    return out
  }

  it('is what is recorded for the tests that install nothing', () => {
    const out = synthesised('plain', {})
    const read = (folder: string, file: string) => JSON.parse(readFileSync(join(folder, file), 'utf8'))
    const templates = readdirSync(recorded).filter((file) => file.endsWith('.template.json'))
    expect(templates).toHaveLength(3)
    for (const file of templates) expect(read(out, file)).toEqual(read(recorded, file))
    expect(budget([out, '--json']).json()).toEqual(budget([recorded, '--json']).json())
    expect(budget([out, '--json']).json()).toMatchObject({ fits: true, needed: 262, allowed: 1669 })
  })

  it('has the same budget with the metadata that the command line of CDK asks for', () => {
    const metadata = { 'aws:cdk:enable-path-metadata': true, 'aws:cdk:enable-asset-metadata': true }
    const out = synthesised('with-metadata', metadata)
    expect(budget([out, '--json']).json()).toEqual(budget([recorded, '--json']).json())
  })

  it('has it where its stacks take values from each other without exports', () => {
    const out = synthesised('weak', { '@aws-cdk/core:defaultCrossStackReferences': 'weak' })
    expect(budget([out, '--json']).json()).toEqual(budget([recorded, '--json']).json())
  })
})
