import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { budget, pgThaw } from './support/command'

const directory = mkdtempSync(join(tmpdir(), 'pg-thaw-budget-'))
afterAll(() => rmSync(directory, { recursive: true }))

const sam = 'test/budget/fixtures/sam.yml'
const cdk = 'test/budget/fixtures/cdk.out'
const plan = 'test/budget/fixtures/plan.json'

/** A template with functions of the given environments, each with ten reserved, and no database. */
function templateOf(functions: Readonly<Record<string, object>>, more: object = {}): string {
  const Resources = Object.fromEntries(
    Object.entries(functions).map(([name, Variables]) => [
      name,
      { Type: 'AWS::Lambda::Function', Properties: { ReservedConcurrentExecutions: 10, Environment: { Variables } } },
    ]),
  )
  const file = join(directory, `${Object.keys(functions).join('-')}.json`)
  writeFileSync(file, JSON.stringify({ ...more, Resources }))
  return file
}

/** A template that has a database, and nothing else. */
function databaseAlone(): string {
  const file = join(directory, 'database.json')
  writeFileSync(file, JSON.stringify({ Resources: { Database: { Type: 'AWS::RDS::DBInstance' } } }))
  return file
}

/** A template with a function that has nothing reserved. */
function unreserved(): string {
  const file = join(directory, 'unreserved.json')
  writeFileSync(file, JSON.stringify({ Resources: { Orders: { Type: 'AWS::Lambda::Function' } } }))
  return file
}

describe('npx pg-thaw budget', () => {
  it('shows the table that the plugin shows, and ends with 0 where it fits', () => {
    const { status, stdout, stderr } = budget([sam])
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^The functions fit: 262 of 1669 sessions\.\n/)
    expect(stdout).toMatch(/^Orders +direct +200 reserved +× 1 +× 1 +× 1 +200$/m)
    expect(stdout).toMatch(/^allowed \(Cluster, 1 to 8 ACUs\) +1669$/m)
  })

  it('ends with 1 where it does not fit, and says what to change in the words of the tool', () => {
    const shown = [sam, cdk, plan].map((file) => budget([file, '--reserve', '1500']))
    expect(shown.map(({ status }) => status)).toEqual([1, 1, 1])
    const [ofSam, ofCdk, ofTerraform] = shown.map(({ stdout }) => stdout)
    expect(ofSam).toContain(`${sam}: Resources.Cluster.Properties.ServerlessV2ScalingConfiguration.MaxCapacity of `)
    expect(ofCdk).toContain(
      'Database.template.json: Database/Cluster/Resource: ServerlessV2ScalingConfiguration.MaxCapacity of ',
    )
    expect(ofTerraform).toContain(`${plan}: aws_rds_cluster.main.serverlessv2_scaling_configuration.max_capacity of `)
    expect(ofTerraform).toContain('module.orders.aws_lambda_function.this[0].reserved_concurrent_executions of ')
  })

  it('tells programs the same as JSON', () => {
    const fitting = budget([cdk, '--json'])
    expect(fitting.json()).toMatchObject({ fits: true, needed: 262, changes: [], questions: [] })
    expect(fitting.json().leftOut).toEqual(['Custom::S3AutoDeleteObjectsCustomResourceProvider/Handler'])
    const { status, json } = budget([sam, '--reserve', '1500', '--json'])
    expect([status, json().fits]).toEqual([1, false])
    expect(json().changes.length).toBeGreaterThan(1)
  })

  it('reads standard input too', () => {
    expect(budget(['-', '--json'], { input: readFileSync(plan) }).json()).toEqual(budget([plan, '--json']).json())
  })

  it('takes values for parameters of the template', () => {
    expect(budget([sam, '--param', 'Stage=dev', '--json']).json()).toMatchObject({ needed: 217, allowed: 400 })
  })

  describe('counts for the pool of a function', () => {
    const template = templateOf({ said: { PG_THAW_MAX: '3', PG_THAW_MIN: '2' }, silent: {} })
    const maxima = (...args: string[]) => {
      const { json } = budget([template, '--max-connections', '500', '--json', ...args])
      return Object.fromEntries(json().functions.map(({ name, max }) => [name, max]))
    }

    it('what its environment says, and the default of the pool where nothing does', () => {
      expect(maxima()).toEqual({ said: 3, silent: 10 })
    })

    it('what is said for all functions, where its environment says nothing', () => {
      expect(maxima('--max', '2')).toEqual({ said: 3, silent: 2 })
    })

    it('what is said by its name, which can be its logical id too', () => {
      expect(maxima('--max', '2', '--max', 'silent=1', '--max', 'said=3')).toEqual({ said: 3, silent: 1 })
      const { json } = budget([plan, '--json', '--max', 'aws_lambda_function.fulfil_orders=1'])
      expect(json().needed).toBe(262)
    })

    it('nothing, where it opens no session', () => {
      expect(maxima('--only', 'said')).toEqual({ said: 3, silent: 0 })
      expect(maxima('--except', 'said')).toEqual({ said: 0, silent: 10 })
    })
  })

  it('counts functions of CDK where they are named', () => {
    const own = 'Custom::S3AutoDeleteObjectsCustomResourceProvider/Handler'
    const { json } = budget([cdk, '--json', '--max', `${own}=1`])
    expect([json().leftOut, json().functions.map(({ name }) => name)]).toEqual([[], expect.arrayContaining([own])])
  })

  it('puts a database and a pooler that are in no file beside the functions', () => {
    const template = templateOf({ orders: { PG_THAW_MAX: '2' } })
    const options = [
      '--target',
      'pgbouncer',
      '--proxy-sessions',
      '30',
      '--proxy-clients',
      '10',
      '--max-connections',
      '100',
    ]
    const { status, stdout } = budget([template, ...options])
    expect(status).toBe(1)
    expect(stdout).toMatch(/^The functions could be more clients than the pooler takes: 20 of 10\./)
  })

  it('asks all that it has to know in one run, each with the option that answers it, and ends with 2', () => {
    const Parameters = { Most: { Type: 'Number' } }
    const template = templateOf(
      { a: { PG_THAW_MAX: { Ref: 'Most' } }, b: { PG_THAW_TARGET: 'pgbouncer' } },
      { Parameters },
    )
    const { status, stdout, stderr } = budget([template])
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr.trim().split('\n')).toEqual([
      expect.stringContaining('--max a=…'),
      expect.stringContaining('--max-connections'),
      expect.stringContaining('--proxy-sessions'),
    ])
    const asked = budget([template, '--json'])
    expect([asked.status, asked.json().fits]).toEqual([2, null])
    expect(asked.json().questions.map(({ kind, message }) => `${kind}: ${message}`)).toEqual(
      stderr
        .trim()
        .split('\n')
        .map((line) => `missing: ${line}`),
    )
    const answers = ['--param', 'Most=2', '--max-connections', '500', '--proxy-sessions', '50']
    expect(budget([template, ...answers]).status).toBe(0)
    expect(budget([template, '--max', 'a=2', ...answers.slice(2)]).status).toBe(0)
  })

  it('takes the concurrency of a function that the file does not say', () => {
    const file = join(directory, 'unknown.json')
    const Properties = { ReservedConcurrentExecutions: { 'Fn::ImportValue': 'of-another-stack' } }
    writeFileSync(file, JSON.stringify({ Resources: { Orders: { Type: 'AWS::Lambda::Function', Properties } } }))
    const asked = budget([file, '--max-connections', '100', '--max', '1'])
    expect([asked.status, asked.stderr]).toEqual([
      2,
      expect.stringMatching(/is imported from another stack: .*\(or set --function Orders=…\)/),
    ])
    const told = budget([file, '--max-connections', '100', '--max', '1', '--function', 'Orders=20', '--json'])
    expect(told.json().needed).toBe(30)
  })

  it('names the stacks whose templates are elsewhere, since it cannot count them', () => {
    const file = join(directory, 'nested.json')
    const Reports = { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'https://bucket/reports.json' } }
    const Orders = { Type: 'AWS::Lambda::Function', Properties: { ReservedConcurrentExecutions: 1 } }
    writeFileSync(file, JSON.stringify({ Resources: { Orders, Reports } }))
    expect(budget([file, '--max-connections', '50']).stdout).toContain(
      'Not counted, as what is in them is not written out here: Reports. Name their functions with --function NAME=N.',
    )
  })

  it('names what CloudFormation makes resources of, even where nothing else is in the template', () => {
    const file = join(directory, 'each.json')
    const each = ['Name', ['Orders', 'Reports'], { '${Name}Function': { Type: 'AWS::Serverless::Function' } }]
    writeFileSync(file, JSON.stringify({ Resources: { 'Fn::ForEach::Functions': each } }))
    const { status, stderr, stdout } = budget([file])
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/got none\. Not counted, .*: Fn::ForEach::Functions\. Name their functions/)
    const beside = budget([file, '--function', 'Orders=20', '--max', '1', '--max-connections', '50'])
    expect([beside.status, beside.stdout]).toEqual([0, expect.stringContaining('here: Fn::ForEach::Functions.')])
    expect(budget([file, '--json']).json()).toMatchObject({ fits: null, questions: [{ kind: 'missing' }] })
  })

  it('says that an option for all is for none, where each function says its own', () => {
    const note = /^Without effect, as each function says its own: --max 3\.$/m
    expect(budget([sam, '--max', '3', '--min', '0']).stdout).toMatch(note)
    const template = templateOf({ silence: {}, speech: { PG_THAW_MAX: '1' } })
    expect(budget([template, '--max', '3', '--max-connections', '500']).stdout).not.toMatch(note)
  })

  it('stays short with hundreds of functions', () => {
    const names = Array.from({ length: 300 }, (_, n) => `f${n}`)
    const Properties = { ReservedConcurrentExecutions: 2 }
    const Resources = Object.fromEntries(names.map((name) => [name, { Type: 'AWS::Lambda::Function', Properties }]))
    const template = join(directory, 'hundreds.json')
    writeFileSync(template, JSON.stringify({ Resources }))
    const { stdout } = budget([template, '--max-connections', '6000', '--max', '10'])
    const { stdout: unsaid } = budget([template, '--max-connections', '6009'])
    expect(stdout.match(/^ {2}- Resources\.f\d+\./gm)).toHaveLength(5)
    expect(unsaid).toMatch(/for f0, f1, .*f11 and 288 more\./)
  })

  it('ends as it would have, where its reader has had enough', async () => {
    const args = [resolve('dist', 'cli.js'), 'budget', sam, '--reserve', '1500']
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout.destroy()
    expect(await once(child, 'exit')).toEqual([1, null])
  })

  it('names the file that reserves more than the account has', () => {
    const template = templateOf({ alone: { PG_THAW_MAX: '1' } })
    const { stderr } = budget([template, '--max-connections', '50', '--account-concurrency', '105'])
    expect(stderr).toContain(
      `${template}: Resources.alone.Properties.ReservedConcurrentExecutions: expected at most 5 `,
    )
  })

  it('names all that cannot be, in one run', () => {
    const wrong = [
      '--max',
      'ordres=2',
      '--max',
      'Orders=4',
      '--reserve',
      'x',
      '--param',
      'Stge=dev',
      '--target',
      'neon',
    ]
    const { status, stderr } = budget([sam, ...wrong])
    expect(status).toBe(2)
    const lines = stderr.trim().split('\n')
    expect(lines).toContainEqual(expect.stringMatching(/^command line: --max: expected .*Orders.*, got "ordres"/))
    expect(lines).toContainEqual(
      expect.stringMatching(/^command line: --max Orders=…: expected none, or the 1 of PG_THAW_MAX/),
    )
    expect(lines).toContainEqual(
      expect.stringMatching(/^command line: --reserve: expected an integer of 0 or more, got "x"/),
    )
    expect(lines).toContainEqual(expect.stringMatching(/^command line: --param: expected .*Stage.*, got "Stge"/))
    expect(lines).toContainEqual(expect.stringMatching(/--target.*: expected one of direct, .*, got "neon"/))
  })

  it.each([
    ['nothing', [], 'Expected a file, or functions: --function NAME=N'],
    ['two files', [sam, plan], 'Expected one file, got 2'],
    ['a file that is not there', [join(directory, 'none.json')], 'ENOENT'],
    ['an empty name', ['', '--function', 'a=1'], 'Expected a file, or functions: --function NAME=N'],
    ['a directory', [directory], 'a directory without the manifest.json that `cdk synth` leaves'],
    ['another format', ['serverless.yml'], '`serverless pg-thaw budget`'],
    [
      'a max that is none, even where nobody needs it',
      [sam, '--max', 'many'],
      '--max: expected an integer, got "many"',
    ],
    ['an unknown option', [sam, '--maximum', '3'], "Unknown option '--maximum'"],
    ['a function with half a reservation', ['--function', 'orders=few'], 'Expected --function to be NAME or NAME=N'],
    [
      'a function that the file has otherwise',
      [sam, '--function', 'Orders=1'],
      'expected none, or the 200 of the file',
    ],
    [
      'a reservation of a function that the file says has none',
      [unreserved(), '--max-connections', '50', '--function', 'Orders=1'],
      'expected none, as it has none in the file: reserve it there, got 1',
    ],
    ['a function twice', ['--function', 'a=1', '--function', 'a=2'], 'Expected --function a once'],
    ['those that count and those that do not', [sam, '--only', 'Orders', '--except', 'Migrate'], 'got both'],
    ['an option without its value', [sam, '--max', '-1'], "Option '--max' expects a value"],
    ['stacks of a file that has none', [sam, '--stack', 'Prod/*'], `--stack: expected none, as ${sam} is no cdk.out`],
    ['a template without functions', [databaseAlone()], 'expected functions in it'],
    ['a stack that is none', [cdk, '--stack', 'Prod/*'], 'there are Database, Api'],
  ])('refuses %s in a line, and ends with 2', (_what, args, text) => {
    const { status, stdout, stderr } = budget(args)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain(text)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })

  it('shows no variable but its own, whatever happens', () => {
    const secrets = { PGPASSWORD: 'hunter2', DATABASE_URL: 'postgres://a:hunter2@b/c' }
    const template = templateOf({ orders: { ...secrets, PG_THAW_MAX: 'many' } })
    for (const args of [[template], [template, '--json'], [template, '--param', 'Password=hunter2']]) {
      const { status, stdout, stderr } = budget(args)
      expect(status).toBe(2)
      expect(stdout + stderr).toContain('PG_THAW_MAX')
      expect(stdout + stderr).not.toContain('hunter2')
    }
  })
})

describe('npx pg-thaw', () => {
  it('says which version it is', () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    expect(pgThaw(['--version'])).toMatchObject({ status: 0, stdout: `${version}\n` })
  })

  it('helps with itself, and with each command', () => {
    expect(pgThaw(['help']).stdout).toBe(pgThaw(['--help']).stdout)
    expect(pgThaw(['help', 'budget'])).toMatchObject({ status: 0, stdout: budget(['--help']).stdout })
    expect(pgThaw(['help', 'bugdet']).stderr).toMatch(/^Unknown command bugdet: expected budget, doctor, local, replay/)
  })
})
