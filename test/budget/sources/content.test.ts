import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readContent, readDeployed } from '../../../src/budget/sources/index'

const directory = mkdtempSync(join(tmpdir(), 'pg-thaw-budget-'))
afterAll(() => rmSync(directory, { recursive: true }))

const refusalOf = (content: string | Buffer) => {
  try {
    readContent('given', Buffer.from(content))
  } catch (error) {
    return (error as Error).message
  }
  return 'taken'
}

describe('what a file is', () => {
  it('is said by its content, whatever its name', () => {
    const template = { Resources: { Orders: { Type: 'AWS::Lambda::Function' } } }
    const file = join(directory, 'plan.out')
    writeFileSync(file, JSON.stringify(template))
    expect(readDeployed(file, []).functions).toMatchObject([{ name: 'Orders' }])
  })

  it.each<[string, string | Buffer, string]>([
    ['nothing', ' \n', 'an empty file'],
    ['bytes', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff]), 'a binary file'],
    ['a text with a zero in it', 'Resources: \0', 'a binary file'],
    ['a saved plan of Terraform', Buffer.from([0x50, 0x4b, 3, 4, 0xff]), 'terraform show -json'],
    ['the log of a plan', '{"@level":"info","@message":"x"}\n{"@level":"info"}', 'terraform show -json'],
    ['a stored state', '{"version":4,"lineage":"x","resources":[]}', 'terraform show -json'],
    ['an empty plan', '{"format_version":"1.2"}', 'one of Terraform without resources'],
    ['broken JSON', '{\n  "Resources": {\n    "A": [}\n', 'line 3, column'],
    ['broken YAML', 'Resources:\n  A: [\n  B: }\n', 'line 3, column'],
    ['a list', '[1]', 'a list'],
    ['a text', 'Hello', 'a text'],
    ['other JSON', '{"name":"x"}', 'something else'],
    ['resources of nobody', '{"Resources":{"A":1}}', 'something else'],
    ['serverless.yml', 'service: shop\nprovider: { name: aws }\n', '`serverless pg-thaw budget`'],
    ['cdk.json', '{"app":"node app.js"}', 'run `cdk synth`'],
    ['a manifest of CDK', '{"version":"48.0.0","artifacts":{}}', 'take the directory'],
  ])('is refused in a line where it is %s', (_what, content, expected) => {
    expect(refusalOf(content)).toContain(expected)
    expect(refusalOf(content)).toMatch(/^given: expected .*, got .*$/)
  })

  it('is read as PowerShell writes it, too', () => {
    const template = JSON.stringify({ Resources: { Orders: { Type: 'AWS::Lambda::Function' } } })
    const bytes = Buffer.from(`\uFEFF${template}`, 'utf16le')
    expect(readContent('plan.json', bytes).functions).toMatchObject([{ name: 'Orders' }])
  })

  it('is never quoted, as a secret may be in it', () => {
    for (const text of ['{"password": "hunter2" "x"}', 'password: hunter2\n  x: [', '"hunter2', 'hunter2: *hunter2']) {
      expect(refusalOf(text)).not.toContain('hunter2')
    }
  })

  it('is bounded, where aliases stand for aliases', () => {
    const levels = Array.from({ length: 30 }, (_, n) => `a${n + 1}: &a${n + 1} [*a${n}, *a${n}]`)
    expect(refusalOf(`a0: &a0 [x]\n${levels.join('\n')}\n`)).toContain('too many aliases')
  })

  it('is refused where it is missing, a directory without a manifest, or one with parts that are', () => {
    const missing = join(directory, 'none.json')
    expect(() => readDeployed(missing, [])).toThrow(`${missing}: expected`)
    expect(() => readDeployed(directory, [])).toThrow(`${directory}: expected`)
    const artifacts = { Api: { type: 'aws:cloudformation:stack', properties: { templateFile: 'Api.template.json' } } }
    writeFileSync(join(directory, 'manifest.json'), JSON.stringify({ version: '48.0.0', artifacts }))
    expect(() => readDeployed(`${directory}/`, [])).toThrow(`${directory}/Api.template.json: expected`)
  })
})
