import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { examples } from '../docs/support/recipes'
import { synthesized } from '../examples/support/cdk'
import type { Deployable } from '../examples/support/deployable'
import { DeployedFunction } from '../examples/support/deployed'
import { installedVersions, installPackages, setUp } from '../examples/support/packages'
import { tools } from '../examples/support/tools'
import { checkProperties } from '../serverless/support/specification'
import { describeUnless, whyNot } from '../support/requirements'
import { SecretsManagerDouble } from '../support/secrets-manager'
import { startTlsServer, type TlsServer } from '../support/tls-server'
import { shell } from './support/shell'

const missing = spawnSync('make', ['--version']).error ? 'no make' : whyNot(installPackages)
/** SST's program fetches more than npm has: what it does is done in its place. */
const notInstalled = ['sst']

/** Where the file that it is drawn up from can be made here. */
const budgets: Readonly<Record<string, readonly [command: string, verdict: string]>> = {
  sam: ['npx pg-thaw budget template.yaml --max-connections 100', 'The functions fit: 30 of 100 sessions.'],
  cdk: ['npx pg-thaw budget cdk.out', 'The functions fit: 30 of 400 sessions.'],
  esbuild: [
    'npx pg-thaw budget --function orders=20 --max 1 --max-connections 100',
    'The functions fit: 30 of 100 sessions.',
  ],
}

let server: TlsServer
let secrets: SecretsManagerDouble

describeUnless(missing, 'the examples:', () => {
  beforeAll(async () => {
    ;[server, secrets] = await Promise.all([startTlsServer(), SecretsManagerDouble.start()])
    const { user, password } = server
    secrets.put('orders/database', JSON.stringify({ username: user, password }))
    // Where IAM would look at the token.
    const rules = join(server.data, 'pg_hba.conf')
    writeFileSync(rules, `hostssl all orders_app all trust\n${readFileSync(rules, 'utf8')}`)
    await sql('postgres', 'CREATE ROLE rds_iam; SELECT pg_reload_conf()')
  })
  afterAll(() => Promise.all([server?.close(), secrets?.close()]))

  describe.each(examples)('%s', (example) => {
    it('names the versions that are tried here', () => {
      const { dependencies, devDependencies } = JSON.parse(
        readFileSync(join('examples', example, 'package.json'), 'utf8'),
      )
      const named = Object.entries({ ...dependencies, ...devDependencies })
      expect(installedVersions()).toMatchObject(Object.fromEntries(named.filter(([it]) => !notInstalled.includes(it))))
    })

    it('has types that fit', async () => {
      await shell('npm run check', {}, setUp(example, `${example} to be looked at`))
    })
  })

  describe.each(Object.entries(tools))('%s', (name, { example, build }) => {
    const database = `orders_${name.replaceAll(/\W+/g, '_').toLowerCase()}`
    let folder: string
    let built: Deployable
    let deployed: DeployedFunction

    beforeAll(async () => {
      folder = setUp(example, name)
      built = await build(folder)
      await sql('postgres', `CREATE DATABASE ${database}`)
      await sql(database, readFileSync(join(folder, 'schema.sql'), 'utf8'))
      const known = {
        DB_HOST: server.host,
        DB_NAME: database,
        ...('DB_USER' in built.variables ? { DB_USER: 'orders_app' } : { DB_SECRET: 'orders/database' }),
      }
      expect(Object.keys(built.variables).sort()).toEqual([...Object.keys(known), 'NODE_OPTIONS', 'PG_THAW_MAX'].sort())
      const environment = { ...known, ...secrets.environment, NODE_EXTRA_CA_CERTS: server.caFile }
      deployed = await DeployedFunction.start(built, { host: server.host, port: server.port }, environment)
    })
    afterAll(() => deployed?.close())

    it('takes an order and lists it, over verified TLS', async () => {
      expect(await deployed.post('{"customer":"Ada","product":"tea"}')).toEqual({ status: 201, body: { id: '1' } })
      expect(await deployed.get('Ada')).toEqual({ status: 200, body: [{ id: '1', product: 'tea' }] })
      expect(await deployed.post('nonsense')).toMatchObject({ status: 400 })
      expect(await encrypted(database)).toEqual([true])
    })

    it('has a session in each environment, and its environments within the budget', () => {
      expect(built.variables.PG_THAW_MAX).toBe('1')
      expect(built.reservedConcurrency ?? reservedBy(example)).toBe(20)
    })

    it('ends its sessions with its environments', async () => {
      expect(deployed.lambda.environments.map(({ extensions }) => extensions)).toEqual([['pg-thaw']])
      await deployed.lambda.scaleIn()
      await expect.poll(() => encrypted(database)).toEqual([])
      expect(deployed.printed).toEqual([])
    })

    const [command, verdict] = budgets[example] ?? []
    if (command !== undefined) {
      it('has a budget, by the command of its recipe', async () => {
        expect(readFileSync(join('docs', 'recipes', `${example}.md`), 'utf8')).toContain(command)
        const { stdout } = await shell(command, {}, folder)
        expect(stdout).toContain(verdict)
      })
    }

    if (example === 'cdk') {
      it('is made a template that AWS’s own specification allows', () => {
        // Which one CDK adds for itself.
        expect(checkProperties(synthesized(folder))).toEqual(['CDKMetadata: AWS::CDK::Metadata is no type'])
      })
    }
  })
})

/** Where the configuration of a function can't have it, a command of its recipe. */
function reservedBy(name: string): number {
  const recipe = readFileSync(join('docs', 'recipes', `${name}.md`), 'utf8')
  return Number(/--reserved-concurrent-executions (\d+)/.exec(recipe)?.[1])
}

/** Of each session at a database, whether it is encrypted. */
async function encrypted(database: string): Promise<boolean[]> {
  const rows = await sql(
    'postgres',
    `SELECT ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) WHERE datname = '${database}'`,
  )
  return rows.map(({ ssl }) => ssl as boolean)
}

async function sql(database: string, text: string): Promise<Record<string, unknown>[]> {
  const { host, port, user, password } = server
  const client = new Client({ host, port, user, password, database })
  await client.connect()
  try {
    return (await client.query(text)).rows ?? []
  } finally {
    await client.end()
  }
}
