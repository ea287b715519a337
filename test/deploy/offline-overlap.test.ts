import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Asked, Told } from '../lambda/functions/overlapping'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { createDatabase, type TestDatabase } from '../support/database'
import { freePort, saying } from './support/program'

const IS_GATED = "wait_event_type = 'Lock'"
const IS_ACTIVE = "state = 'active'"

let database: TestDatabase
let bundle: BundledFunction
let offline: ChildProcess
let url: string

beforeAll(async () => {
  database = await createDatabase()
  bundle = await bundleFunction(join(__dirname, '../lambda/functions/overlapping.ts'))
  const directory = dirname(bundle.module)
  symlinkSync(resolve('node_modules'), join(directory, 'node_modules'))
  // By that name it is found.
  writeFileSync(join(directory, 'index.js'), "module.exports = require('./index.cjs')")
})
afterAll(async () => {
  bundle?.dispose()
  await database?.dispose()
})
afterEach(async () => {
  const ended = once(offline, 'close')
  offline.kill('SIGKILL')
  await ended
  await database.untilSessions(0)
})

async function start(useInProcess: boolean): Promise<void> {
  const { host, port, user, password, database: PGDATABASE } = database.config
  const [httpPort, lambdaPort, websocketPort] = await Promise.all([freePort(), freePort(), freePort()])
  const environment = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE,
    POOL_OPTIONS: JSON.stringify({ max: 4, lingerMillis: 50, deadlineMarginMillis: 2000 }),
  }
  const service = {
    service: 'overlap',
    plugins: ['serverless-offline'],
    // Worker threads see no other variables.
    provider: { name: 'aws', runtime: 'nodejs20.x', environment },
    custom: { 'serverless-offline': { useInProcess, httpPort, lambdaPort, websocketPort } },
    functions: { work: { handler: 'index.handler', timeout: 6 } },
  }
  const directory = dirname(bundle.module)
  // JSON is YAML.
  writeFileSync(join(directory, 'serverless.yml'), JSON.stringify(service))
  offline = spawn(process.execPath, [resolve('node_modules/.bin/serverless'), 'offline'], {
    cwd: directory,
    env: { PATH: process.env.PATH, HOME: process.env.HOME },
  })
  await saying(offline, 'exposed for local invocation')
  url = `http://localhost:${lambdaPort}/2015-03-31/functions/overlap-dev-work/invocations`
}

async function ask(asked: Asked = {}): Promise<Told> {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(asked) })
  expect(response.status).toBe(200)
  return (await response.json()) as Told
}

/** A call that is in the middle of a transaction until `open` is called. */
async function gated(): Promise<{ open(): Promise<Told> }> {
  await database.admin.query('SELECT pg_advisory_lock(1)')
  const call = ask({ does: 'gate', key: 1 })
  call.catch(() => {})
  await database.untilSessions(1, { where: IS_GATED, withinMillis: 10_000 })
  return {
    async open() {
      await database.admin.query('SELECT pg_advisory_unlock(1)')
      return call
    },
  }
}

describe('calls that overlap in one process of serverless-offline (useInProcess)', () => {
  it('keep their connections, and give back what they leaked, beside one that goes on', async () => {
    await start(true)
    const { pid } = await ask()
    expect(await ask()).toMatchObject({ pid, thread: 0 })
    const other = await gated()
    await ask({ does: 'leak' })
    expect(await ask({ does: 'both' })).toMatchObject({ lent: 1 })
    expect((await other.open()).code).toBeUndefined()
    expect(await ask()).toMatchObject({ lent: 0 })
  })

  it('have a query of 30 s cut off in time, and the others live', async () => {
    await start(true)
    await ask()
    const slow = ask({ does: 'wait' })
    await database.untilSessions(1, { where: IS_ACTIVE })
    expect((await ask()).code).toBeUndefined()
    expect(await slow).toMatchObject({ code: 'POOL_QUERY_TIMEOUT' })
    await database.untilSessions(0, { where: IS_ACTIVE })
    expect(await ask()).toMatchObject({ lent: 0 })
  })
})

describe('calls of serverless-offline in worker threads, which is its default', () => {
  it('keep their connections, each in its own thread', async () => {
    await start(false)
    const { pid, thread } = await ask()
    expect(thread).toBeGreaterThan(0)
    expect(await ask()).toMatchObject({ pid, thread })
    const other = await gated()
    const beside = await ask({ does: 'leak' })
    expect(beside.thread).not.toBe(thread)
    expect(await ask({ does: 'both' })).toMatchObject({ thread: beside.thread, lent: 0 })
    expect((await other.open()).code).toBeUndefined()
  })
})
