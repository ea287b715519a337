import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runNode } from '../serverless/support/service'
import { createDatabase, type TestDatabase } from '../support/database'

const serverless = createRequire(import.meta.url).resolve('serverless/bin/serverless.js')

let home: string
let database: TestDatabase
let offline: ChildProcess
let url: string
let lambdaUrl: string

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'pg-thaw-offline-'))
  database = await createDatabase()
  const bundled = await runNode(['scripts/build-functions.mjs'])
  if (bundled.code !== 0) throw new Error(bundled.text)
  const [httpPort, lambdaPort] = await Promise.all([freePort(), freePort()])
  ;[url, lambdaUrl] = [`http://localhost:${httpPort}`, `http://localhost:${lambdaPort}`]
  const ports = ['--httpPort', String(httpPort), '--lambdaPort', String(lambdaPort)]
  offline = spawn(process.execPath, [serverless, 'offline', '--stage', 'local', ...ports], {
    // Nothing that leads to an account.
    env: {
      PATH: process.env.PATH,
      HOME: home,
      AWS_EC2_METADATA_DISABLED: 'true',
      SLS_NOTIFICATIONS_MODE: 'off',
      DATABASE_URL: database.url,
    },
  })
  await saying(offline, 'Server ready')
})

afterAll(async () => {
  if (offline?.exitCode === null) {
    const exited = once(offline, 'exit')
    offline.kill('SIGINT')
    const timer = setTimeout(() => offline.kill('SIGKILL'), 10_000)
    await exited
    clearTimeout(timer)
  }
  await database?.dispose()
  rmSync(home, { recursive: true, force: true })
})

/** Between finding a free port and listening on it somebody else may take it, which is said then. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves when a program has said something; rejects with what it said when it ends instead. */
function saying(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (chunk) => {
        said += chunk
        if (said.includes(text)) resolve()
      })
    }
    child.once('error', reject)
    child.once('close', (code) => reject(new Error(`it ended with ${code}: ${said}`)))
  })
}

async function ask(method: string, path: string, body?: string) {
  const init = body === undefined ? { method } : { method, body, headers: { 'content-type': 'application/json' } }
  const response = await fetch(`${url}${path}`, init)
  return { status: response.status, body: await response.json() }
}

describe('serverless offline --stage local', () => {
  it('runs the functions at DATABASE_URL, without credentials', async () => {
    const migrate = `${lambdaUrl}/2015-03-31/functions/pg-thaw-orders-local-migrate/invocations`
    expect((await fetch(migrate, { method: 'POST', body: '{}' })).status).toBe(200)
    const order = { customer: 'Ada', lines: [{ product: 'tea', quantity: 2 }] }
    expect(await ask('POST', '/orders', JSON.stringify(order))).toEqual({ status: 201, body: { id: '1' } })
    expect(await ask('GET', '/orders/1')).toMatchObject({ status: 200, body: { ...order, id: '1', fulfilledAt: null } })
    expect(await ask('GET', '/report')).toMatchObject({ status: 200, body: { orders: 1, waiting: 1 } })
    expect(await ask('POST', '/orders', '{}')).toMatchObject({ status: 400 })
    expect(await ask('GET', '/orders/2')).toMatchObject({ status: 404 })
    expect(await database.admin.query('SELECT customer FROM orders')).toEqual([{ customer: 'Ada' }])
  })
})
