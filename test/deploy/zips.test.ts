import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { Client } from 'pg'
import { type LocalLambda, startLambda } from 'pg-thaw/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nodeOfMajor } from '../../scripts/node-major'
import type { CompiledTemplate } from '../serverless/support/compiled-template'
import { describeUnless } from '../support/requirements'
import { SecretsManagerDouble } from '../support/secrets-manager'
import { startTlsServer, type TlsServer } from '../support/tls-server'
import { HttpApi } from './support/http-api'
import { packagedTemplate, Unpacked, type UnpackedFunction, zips } from './support/packages'
import { shell } from './support/shell'

const names = ['dailyReport', 'fulfilOrders', 'migrate', 'orders']

let template: CompiledTemplate
let unpacked: Unpacked
/** Seconds of a processor, as those on the wall belong to the neighbours, too. */
const packagings: { seconds: number; zips: Record<string, string> }[] = []

beforeAll(async () => {
  for (let time = 0; time < 2; time++) {
    const { stdout } = await shell('npm run package; status=$?; times; exit $status')
    packagings.push({ seconds: secondsOf(stdout), zips: zips(names) })
  }
  template = packagedTemplate()
  unpacked = new Unpacked(template)
})
afterAll(() => unpacked?.[Symbol.dispose]())

describe('npm run package', () => {
  it('takes less than 30 s, without credentials', () => {
    for (const { seconds } of packagings) expect(seconds).toBeLessThan(30)
  })

  it('makes zips that are the same byte for byte', () => {
    const [first, second] = packagings
    expect(first?.zips).toEqual(second?.zips)
  })

  it('puts one small bundle and the goodbye into each', () => {
    expect(Object.keys(unpacked.functions).sort()).toEqual(names)
    for (const { files } of Object.values(unpacked.functions)) {
      const [goodbye, bundle, ...others] = [...files.keys()].sort()
      expect([goodbye, others]).toEqual(['.pg-thaw/goodbye.mjs', []])
      expect(bundle).toMatch(/^build\/functions\/[a-z-]+\.js$/)
      for (const content of files.values()) {
        expect(content.length).toBeLessThan(250_000)
        expect(content.includes('sourceMappingURL')).toBe(false)
      }
    }
  })
})

for (const major of [20, 22, 24]) {
  const node = findNode(major)
  const missing = 'missing' in node ? node.missing : spawnSync('curl', ['--version']).error && 'no curl'
  describeUnless(missing, `the zips on Node.js ${major}`, () => {
    const nodePath = 'nodePath' in node ? node.nodePath : ''
    let server: TlsServer
    let secrets: SecretsManagerDouble
    let admin: Client
    const lambdas: LocalLambda[] = []
    const logs: string[] = []

    beforeAll(async () => {
      ;[server, secrets] = await Promise.all([startTlsServer(), SecretsManagerDouble.start()])
      const { host, port, user, password } = server
      await sql(new Client({ host, port, user, password, database: 'postgres' }), 'CREATE DATABASE orders')
      admin = new Client({ host, port, user, password, database: 'orders', application_name: 'admin' })
      await admin.connect()
      secrets.put('admin', JSON.stringify({ username: user, password }))
      secrets.put('app', JSON.stringify({ username: 'orders_app', password: 'born with it', dbname: 'orders' }))
    })
    afterAll(async () => {
      await Promise.all(lambdas.map((lambda) => lambda.close()))
      await admin?.end()
      await Promise.all([server?.close(), secrets?.close()])
    })

    /** With the template's environment; what only AWS knows comes from the server and the double. */
    async function start(name: string, more: Record<string, string> = {}): Promise<LocalLambda> {
      const { module, environment, unresolved, timeoutMillis } = functionOf(name)
      const known: Record<string, string> = {
        PGHOST: server.host,
        DATABASE_SECRET_ID: 'app',
        DATABASE_ADMIN_SECRET_ID: 'admin',
      }
      const resolved = Object.fromEntries(unresolved.map((key) => [key, known[key] ?? `unknown ${key}`]))
      const lambda = await startLambda({
        module,
        nodePath,
        timeoutMillis,
        env: {
          ...environment,
          ...resolved,
          PGPORT: String(server.port),
          NODE_EXTRA_CA_CERTS: server.caFile,
          // Where Lambda has its own SDK.
          NODE_PATH: resolve('node_modules'),
          ...secrets.environment,
          ...more,
        },
        onLog: ({ text }) => logs.push(`${name}: ${text}`),
      })
      lambdas.push(lambda)
      return lambda
    }

    async function invoke(lambda: LocalLambda, event: unknown): Promise<unknown> {
      const { outcome, response, error } = await lambda.invoke(event)
      expect({ outcome, error }, logs.join('\n')).toEqual({ outcome: 'response', error: undefined })
      return response
    }

    async function sessions(): Promise<string[]> {
      const { rows } = await admin.query<{ usename: string }>(
        `SELECT usename FROM pg_stat_activity WHERE datname = 'orders' AND application_name <> 'admin'
         AND backend_type = 'client backend'`,
      )
      return rows.map(({ usename }) => usename)
    }

    it('the migration makes the schema and the user, tells CloudFormation, and can be run again', async () => {
      const lambda = await start('migrate')
      await using cloudFormation = await startCloudFormation()
      for (const RequestType of ['Create', 'Update']) {
        await invoke(lambda, { ...cloudFormation.request, RequestType })
      }
      expect(cloudFormation.answers).toMatchObject([{ Status: 'SUCCESS' }, { Status: 'SUCCESS' }])
      expect(await tables(admin)).toEqual(['order_lines', 'orders', 'reports'])
    })

    it('the orders API works over HTTP, signed in with the secret and over verified TLS', async () => {
      const lambda = await start('orders')
      await using api = await HttpApi.start(template, lambda)
      const placed = await shell(
        // As docs/deploying.md has it.
        'curl --aws-sigv4 "aws:amz:eu-central-1:execute-api" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" --json \'{"customer":"Ada","lines":[{"product":"tea","quantity":2}]}\' "$HTTP_API_URL/orders"',
        { HTTP_API_URL: api.url, AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI' },
      )
      const { id } = JSON.parse(placed.stdout)
      expect(await got(`${api.url}/orders/${id}`)).toMatchObject({
        status: 200,
        body: { id, customer: 'Ada', fulfilledAt: null, lines: [{ product: 'tea', quantity: 2 }] },
      })
      expect(await got(`${api.url}/report`)).toMatchObject({
        status: 200,
        body: { orders: 1, waiting: 1, customers: 1, best: [{ product: 'tea', sold: 2 }] },
      })
      expect((await got(`${api.url}/orders/4711`)).status).toBe(404)
      expect((await got(`${api.url}/nothing`)).status).toBe(404)
    })

    it('the consumer fulfils what it can, and gives back the rest', async () => {
      const Records = [
        { messageId: 'good', body: '{"id":"1"}' },
        { messageId: 'bad', body: 'nonsense' },
      ]
      expect(await invoke(await start('fulfilOrders'), { Records })).toEqual({
        batchItemFailures: [{ itemIdentifier: 'bad' }],
      })
      const { rows } = await admin.query('SELECT count(fulfilled_at)::int AS fulfilled FROM orders')
      expect(rows).toEqual([{ fulfilled: 1 }])
    })

    it('the daily report counts, and is stored', async () => {
      const time = new Date(Date.now() + 60_000).toISOString()
      const report = { ordered: 1, fulfilled: 1, waiting: 0, products: 1 }
      expect(await invoke(await start('dailyReport'), { time })).toMatchObject(report)
      const { rows } = await admin.query('SELECT ordered, fulfilled, waiting, products FROM reports')
      expect(rows).toEqual([report])
    })

    it('the goodbye is preloaded: sessions that a freeze kept end with their environment', async () => {
      // As many as stage prod keeps.
      const lambda = await start('orders', { PG_THAW_MIN: '1' })
      const event = { routeKey: 'GET /report' }
      for (let time = 0; time < 3; time++) await invoke(lambda, event)
      expect(lambda.environments.map(({ extensions }) => extensions)).toEqual([['pg-thaw']])
      expect(await sessions()).toEqual(['orders_app'])
      await lambda.scaleIn()
      for (let attempt = 0; (await sessions()).length > 0 && attempt < 100; attempt++) await pause(20)
      expect(await sessions()).toEqual([])
    })

    it('nothing but the database’s address is needed in stage local', async () => {
      const { module, environment } = functionOf('orders')
      const { NODE_OPTIONS = '', PG_THAW_MAX = '' } = environment
      const url = new URL(server.url)
      url.pathname = '/orders'
      const env = { DATABASE_URL: url.href, NODE_OPTIONS, PG_THAW_MAX }
      const lambda = await startLambda({ module, nodePath, env, onLog: ({ text }) => logs.push(text) })
      lambdas.push(lambda)
      expect(await invoke(lambda, { routeKey: 'GET /report' })).toMatchObject({ statusCode: 200 })
    })
  })
}

/** The program of a major version of Node.js, or why there is none. */
function findNode(major: number): { nodePath: string } | { missing: string } {
  try {
    return { nodePath: nodeOfMajor(major) }
  } catch (error) {
    return { missing: `no Node.js ${major}: ${String(error).split('\n')[0]}` }
  }
}

function functionOf(name: string): UnpackedFunction {
  const found = unpacked.functions[name]
  if (found === undefined) throw new Error(`there is no zip of ${name}`)
  return found
}

/** What the children of a shell took, by the last line of its `times`. */
function secondsOf(printed: string): number {
  const children = printed.trim().split('\n').at(-1) ?? ''
  const spans = [...children.matchAll(/(\d+)m([\d.]+)s/g)]
  if (spans.length !== 2) throw new Error(`Expected what children took, got ${children}`)
  return spans.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0)
}

async function got(url: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(url)
  return { status: response.status, body: await response.json() }
}

async function sql(client: Client, text: string): Promise<void> {
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}

async function tables(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
  )
  return rows.map(({ name }) => name)
}

/** What CloudFormation asks of a custom resource, and hears. */
async function startCloudFormation() {
  const answers: unknown[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    answers.push(JSON.parse(body))
    response.end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const ResponseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const request = { ResponseURL, StackId: 'stack', RequestId: 'request', LogicalResourceId: 'Migration' }
  const close = async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
  return { answers, request, [Symbol.asyncDispose]: close }
}
