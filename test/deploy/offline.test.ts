import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runNode } from '../serverless/support/service'
import { createDatabase, type TestDatabase } from '../support/database'
import { freePort, saying } from './support/program'
import { shell } from './support/shell'

let database: TestDatabase
let offline: ChildProcess
let url: string

beforeAll(async () => {
  database = await createDatabase()
  const bundled = await runNode(['scripts/build-functions.mjs'])
  if (bundled.code !== 0) throw new Error(bundled.text)
})

afterAll(async () => {
  if (offline?.pid !== undefined) {
    const group = -offline.pid
    const ended = once(offline, 'close')
    process.kill(group, 'SIGINT')
    const timer = setTimeout(() => process.kill(group, 'SIGKILL'), 10_000)
    await ended
    clearTimeout(timer)
  }
  await database?.dispose()
})

async function ask(method: string, path: string, body?: string) {
  const init = body === undefined ? { method } : { method, body, headers: { 'content-type': 'application/json' } }
  const response = await fetch(`${url}${path}`, init)
  return { status: response.status, body: await response.json() }
}

describe('the commands of docs/local.md for serverless-offline', () => {
  it('migrate the database of DATABASE_URL', async () => {
    await shell('npx serverless invoke local --stage local --function migrate', { DATABASE_URL: database.url })
    expect(await database.admin.query('SELECT count(*)::int FROM orders')).toEqual([{ count: 0 }])
  })

  it('run the functions there, without credentials', async () => {
    const [httpPort, lambdaPort] = await Promise.all([freePort(), freePort()])
    url = `http://localhost:${httpPort}`
    const command = 'npx serverless offline --stage local'
    offline = spawn('sh', ['-c', `${command} --httpPort ${httpPort} --lambdaPort ${lambdaPort}`], {
      // Nothing that leads to an account.
      env: { PATH: process.env.PATH, HOME: process.env.HOME, DATABASE_URL: database.url },
      // Its npx passes no signal on.
      detached: true,
    })
    await saying(offline, 'Server ready')
    const order = { customer: 'Ada', lines: [{ product: 'tea', quantity: 2 }] }
    expect(await ask('POST', '/orders', JSON.stringify(order))).toEqual({ status: 201, body: { id: '1' } })
    expect(await ask('GET', '/orders/1')).toMatchObject({ status: 200, body: { ...order, id: '1', fulfilledAt: null } })
    expect(await ask('GET', '/report')).toMatchObject({ status: 200, body: { orders: 1, waiting: 1 } })
    expect(await ask('POST', '/orders', '{}')).toMatchObject({ status: 400 })
    expect(await ask('GET', '/orders/2')).toMatchObject({ status: 404 })
    expect(await database.admin.query('SELECT customer FROM orders')).toEqual([{ customer: 'Ada' }])
  })
})
