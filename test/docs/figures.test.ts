import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { PROFILES, type Target } from '../../src/postgres/connection/opening/profile'
import { readPage } from './support/pages'
import { rowsOf } from './support/tables'

describe('docs/choosing.md', () => {
  const rows = rowsOf(readPage('docs/choosing.md'))
  const targets = Object.keys(PROFILES) as Target[]
  const cell = (target: Target, row: string) => rows.find((it) => it[''] === row)?.[target]

  it.each(targets)('says of %s what its profile does', (target) => {
    const { ownsSession, cancels, trustedMillis, longestLifetimeSeconds } = PROFILES[target]
    expect(cell(target, 'lease (`idle_session_timeout`) and other startup options')).toMatch(
      ownsSession ? /^sent/ : /^never sent/,
    )
    expect(cell(target, 'a query that is given up')).toBe(
      cancels ? 'cancelled on the server' : 'its connection is dropped',
    )
    const trusted = Number.isFinite(trustedMillis) ? `${trustedMillis / 60_000} min` : undefined
    if (trusted !== undefined) expect(cell(target, 'an idle connection is trusted for')).toBe(trusted)
    const longest = cell(target, 'longest `maxLifetimeSeconds`')
    if (!Number.isFinite(longestLifetimeSeconds)) expect(longest).toBe('any')
    else expect(Number(longest?.replace(/\(.*/, '').replaceAll(' ', ''))).toBe(longestLifetimeSeconds)
  })
})

describe('docs/cost.md', () => {
  // Of the two sides of the switch one is deployed.
  const texts = readdirSync('infra/resources').map((name) => readFileSync(join('infra/resources', name), 'utf8'))
  const deployed = texts.map((text) => text.split(/^'true':$/m)[0]).join('\n')
  const count = (type: string) => deployed.match(new RegExp(`Type: ${type}$`, 'gm'))?.length
  const { text } = readPage('docs/cost.md')

  it('counts what the example service has', () => {
    expect(text).toContain(
      `${count('AWS::CloudWatch::Dashboard')} dashboard, ${count('AWS::CloudWatch::Alarm')} alarms`,
    )
    expect(text).toContain(`hours × ${count('AWS::EC2::Subnet')} subnets`)
    expect(count('AWS::EC2::NatGateway')).toBeUndefined()
  })
})

describe('the tests of the example service', () => {
  const tests = readFileSync('test/serverless/template.test.ts', 'utf8')

  it('inject an error into each resource file', () => {
    for (const name of readdirSync('infra/resources')) expect(tests).toContain(`'infra/resources/${name}'`)
  })

  it('look for secrets in plain text and in environments', () => {
    expect(tests).toContain("it('has no secret in plain text, nor in an environment'")
  })
})
