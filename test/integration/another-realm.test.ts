import { once } from 'node:events'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { createContext, runInContext } from 'node:vm'
import { build } from 'esbuild'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type * as library from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'

/** What a realm has of itself; all else it is given by Node.js, as test runners do it that give each file a realm. */
const INTRINSICS = new Set(runInContext('Object.getOwnPropertyNames(globalThis)', createContext()))

let database: TestDatabase
let realm: { readonly Error: ErrorConstructor } & typeof library
let pool: library.Pool | undefined

beforeAll(async () => {
  database = await createDatabase()
  const { outputFiles } = await build({
    entryPoints: [join(__dirname, '../../src/index.ts')],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'cjs',
    external: ['pg-native'],
    logLevel: 'warning',
  })
  const given = Object.getOwnPropertyNames(globalThis).filter((name) => !INTRINSICS.has(name))
  const globals = Object.fromEntries(given.map((name) => [name, Reflect.get(globalThis, name)]))
  const context = createContext({
    ...globals,
    require: createRequire(__filename),
    exports: {},
    module: { exports: {} },
  })
  Reflect.set(context, 'globalThis', context)
  runInContext(outputFiles[0]?.text ?? '', context, { filename: 'realm.js' })
  realm = { ...runInContext('module.exports', context), Error: runInContext('Error', context) }
})
afterEach(() => pool?.end())
afterAll(() => database?.dispose())

async function loadCustomer(on: library.Pool): Promise<unknown> {
  return await on.query('SELECT pg_sleep(5)')
}

async function failure(asked: Promise<unknown>): Promise<Error & { code?: string; retry?: string }> {
  return await asked.then(
    () => expect.unreachable(),
    (it) => it,
  )
}

describe('in a realm of its own, as Jest makes one for each file,', () => {
  it('an error of a socket, which is of another realm, says what trying again means, and who asked', async () => {
    pool = new realm.Pool({ ...database.config, max: 1 })
    let lost: Duplex | undefined
    pool.on('connect', (client) => {
      lost = Reflect.get(Reflect.get(client, 'connection'), 'stream')
    })
    const asked = failure(loadCustomer(pool))
    await database.untilSessions(1, { where: "state = 'active'" })
    const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' })
    lost?.destroy(reset)
    const error = await asked
    expect(error).toBe(reset)
    expect(error).not.toBeInstanceOf(realm.Error)
    expect(error.retry).toBe('unknown')
    expect(error.stack).toContain(loadCustomer.name)
  })

  it('so does one of the server', async () => {
    pool = new realm.Pool(database.config)
    const error = await failure(pool.query('SELECT nope'))
    expect(error).toMatchObject({ code: '42703', retry: 'never' })
    expect(error.stack).toContain('another-realm.test')
  })

  it('so does the failure of a connect, with its cause and its code', async () => {
    pool = new realm.Pool({ ...database.config, host: '127.0.0.1', port: await closedPort() })
    const error = await failure(loadCustomer(pool))
    expect(error).toMatchObject({ code: 'ECONNREFUSED', retry: 'safe' })
    expect(error.message).toContain('ECONNREFUSED')
    expect(error.stack).toContain(loadCustomer.name)
  })

  it('the failures of several addresses count as what they are', async () => {
    const port = await closedPort()
    pool = new realm.Pool({
      ...database.config,
      connectionTimeoutMillis: 300,
      onConnect: () => {
        throw new AggregateError([
          Object.assign(new Error(`no ${port}`), { code: 'ECONNREFUSED' }),
          new Error('nor that'),
        ])
      },
    })
    expect((await failure(pool.query('SELECT 1'))).message).toMatch(/no \d+; nor that/)
  })
})

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}
