import { once } from 'node:events'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { build } from 'esbuild'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { BesideView } from '../../src/local/act/beside'
import type { Showing } from '../../src/local/act/faults'
import type { Side } from '../../src/local/watch/fleet'
import { createDatabase, type TestDatabase } from '../support/database'
import { type Running, UsersProject } from './support/command'
import { Listener } from './support/events'

const QUERY = "SELECT $1::int AS n, current_setting('application_name') AS name"

const ORDERS = `
import { createPool, wrapHandler } from 'pg-thaw'
const pool = createPool({ connectionString: process.env.DATABASE_URL, max: 1 })
export const handler = wrapHandler(async ({ n = 0 }) => (await pool.query("${QUERY}", [n])).rows[0])
export const count = 3
`
const REPORT = `
const { createPool, wrapHandler } = require('pg-thaw')
const pool = createPool({ max: 1 })
exports.main = wrapHandler(async () => ({
  ...(await pool.query("${QUERY}", [1])).rows[0],
  host: process.env.PGHOST,
  table: process.env.TABLE,
  shell: process.env.SHELL_ONLY,
}))
`
const WAITING = `
import { createPool, wrapHandler } from 'pg-thaw'
const pool = createPool({ connectionString: process.env.DATABASE_URL, max: 1 })
export const handler = wrapHandler(async () => {
  await pool.query('SELECT pg_advisory_xact_lock(17)')
})
`
const TYPED = `
import { createPool, wrapHandler } from 'pg-thaw'
const pool = createPool({ max: 1 })
export const handler = wrapHandler(async ({ n }: { n: number }) => (await pool.query<{ n: number }>("${QUERY}", [n])).rows[0])
`

let database: TestDatabase
let project: UsersProject
const running: { readonly command: Running; readonly events: Listener }[] = []

beforeAll(async () => {
  database = await createDatabase()
  project = new UsersProject({
    'dist/orders.mjs': ORDERS,
    'dist/report.js': REPORT,
    'dist/waiting.mjs': WAITING,
    'src/typed.ts': TYPED,
    'event.json': '{"n": 4}',
    '.env': 'TABLE=orders\n',
    'notes.txt': 'no JSON',
  })
  project.link('tsx')
})
afterEach(async () => {
  for (const { command, events } of running.splice(0)) {
    events.stop()
    await command.interrupt()
  }
})
afterAll(async () => {
  await project?.[Symbol.asyncDispose]()
  await database?.dispose()
})

/** Starts the command, and listens to what the page hears. */
async function local(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  const command = project.start(['local', ...args, '--port', '0'], variables)
  const url = await command.url()
  const events = await Listener.start(url)
  running.push({ command, events })
  const ask = async <T>(method: string, path: string, body?: string): Promise<{ status: number; body: T }> => {
    const response = await fetch(`${url}${path}`, { method, ...(body !== undefined && { body }) })
    return { status: response.status, body: (await response.json()) as T }
  }
  return { command, url, events, ask }
}

/** Of a command as the docs have it. */
const argumentsOf = (command: string) => command.replace('npx pg-thaw local ', '').split(' ')
const given = () => ['--database', database.url]

describe('pg-thaw local', () => {
  it('says where it is, calls the handler, shows its session, and leaves nothing when it is interrupted', async () => {
    const { command, events, ask } = await local(['dist/orders.handler', ...given()])
    expect(await ask('POST', '/invoke/orders', '{"n":7}')).toMatchObject({ status: 200, body: { n: 7 } })
    expect(await ask('GET', '/invoke/orders')).toMatchObject({ status: 200, body: { n: 0 } })
    const [session] = await events.until('sessions', (it) => it.some(({ state }) => state === 'idle'))
    const [view] = events.of('environments').at(-1) ?? []
    expect(session).toMatchObject({ function: 'orders', environmentPid: view?.pid, side: 'pg-thaw' })
    expect(events.of('service').at(-1)).toMatchObject({ functions: [{ name: 'orders', concurrency: 10 }] })
    const { status, stdout, stderr } = await command.interrupt()
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toContain(`The database is ${database.config.database} at 127.0.0.1:${database.config.port}.`)
    expect(stdout).not.toContain(database.config.password)
    expect(() => process.kill(view?.pid ?? 0, 0)).toThrow('ESRCH')
    await database.untilSessions(0)
  })

  it('takes the database from the environment, several handlers, events and variables', async () => {
    const { host, port, user, password, database: name } = database.config
    const variables = { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: name }
    const { ask } = await local(
      argumentsOf(
        'npx pg-thaw local dist/orders.handler daily=dist/report.main --event orders=event.json --env-file .env',
      ),
      { ...variables, SHELL_ONLY: 'not for functions' },
    )
    expect((await ask('POST', '/invoke/orders')).body).toMatchObject({ n: 4 })
    const { body } = await ask<object>('GET', '/invoke/daily')
    expect(body).toEqual({ n: 1, name: expect.stringMatching(/^daily \d+ [0-9a-f]{8}$/), host, table: 'orders' })
  })

  it('runs TypeScript with what is preloaded for it', async () => {
    const typed = 'npx pg-thaw local src/typed.handler --import tsx'
    const { ask } = await local([...argumentsOf(typed), '--event', '{"n":9}', ...given()])
    expect(await ask('GET', '/invoke/typed')).toMatchObject({ status: 200, body: { n: 9 } })
  })

  it('starts an environment for each of the calls at once, and turns away what is too much', async () => {
    const { ask } = await local(['dist/orders.handler', '--concurrency', '2', ...given()])
    const { body } = await ask<number[]>('POST', '/invoke/orders?times=3')
    expect(body.toSorted()).toEqual([200, 200, 429])
  })

  it('retires no environment that runs', async () => {
    await database.admin.query('SELECT pg_advisory_lock(17)')
    try {
      const { ask, events } = await local(['dist/waiting.handler', '--timeout', '60', ...given()])
      const call = ask('POST', '/invoke/waiting')
      const [view] = await events.until('environments', (it) => it.some(({ state }) => state === 'running'))
      const retire = () => ask('POST', `/local/environments/${view?.id}/retire`)
      expect(await retire()).toEqual({
        status: 409,
        body: { message: 'Expected an environment that is frozen, got one that is running' },
      })
      await database.admin.query('SELECT pg_advisory_unlock(17)')
      expect(await call).toMatchObject({ status: 200 })
      expect(await retire()).toMatchObject({ status: 200 })
      await events.until('environments', (it) => it.some(({ end }) => end === 'retired'))
      expect(await retire()).toMatchObject({ status: 409 })
    } finally {
      await database.admin.query('SELECT pg_advisory_unlock_all()')
    }
  })

  it('refuses requests that it can not make a call of', async () => {
    const { ask } = await local(['dist/orders.handler', ...given()])
    expect(await ask('POST', '/invoke/orders', '{')).toMatchObject({ status: 400 })
    expect(await ask('POST', '/invoke/orders?times=0')).toMatchObject({ status: 400 })
    expect(await ask('DELETE', '/invoke/orders')).toMatchObject({ status: 405 })
    expect(await ask('POST', '/orders')).toEqual({ status: 404, body: { message: 'Expected /invoke/orders' } })
  })

  it.each([
    ['end-sessions', /^1 session ended$/],
    ['lose-packets', /^1 connection forgotten: packets are lost$/],
    ['reset-connections', /^1 connection reset$/],
    ['vanish', /^1 environment killed without a word$/],
  ])('has a fault %s, after which the next call is answered', async (fault, did) => {
    const { ask } = await local(['dist/orders.handler', ...given()])
    const { status, body } = await ask<Showing>('POST', `/local/faults/${fault}`)
    expect(status).toBe(200)
    expect(body.did).toMatch(did)
    expect(body.next).toMatch(/^the next call of orders: response in \d+ ms$/)
  })

  it('never ends the sessions of others, and has no fault that would harm the database', async () => {
    const other = new Client({ ...database.config, application_name: 'orders 1 deadbeef' })
    await other.connect()
    const { ask, events } = await local(['dist/orders.handler', ...given()])
    await events.until('others', (count) => count > 0)
    expect((await ask<Showing>('POST', '/local/faults/end-sessions')).body.did).toBe('1 session ended')
    expect((await other.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    for (const fault of ['restart-database', 'rotate-password']) {
      expect(await ask('POST', `/local/faults/${fault}`)).toMatchObject({ status: 404 })
    }
    await other.end()
  })
})

describe('pg.Pool beside the handlers of others', () => {
  const failures = (events: Listener, from: number, side: Side) =>
    events.heard.slice(from).filter((it) => it.topic === 'call' && it.value.side === side && it.value.failed).length

  it.each([
    ['an ES module', 'dist/orders.handler', 'orders'],
    ['CommonJS', 'daily=dist/report.main', 'daily'],
  ])('takes the place of pg-thaw in %s, and fails where pg-thaw does not', async (_, handler, name) => {
    const { ask, events } = await local([handler, ...given()])
    expect((await ask<BesideView>('POST', '/local/beside')).body).toMatchObject({ functions: [name], refused: {} })
    const from = events.heard.length
    const { body } = await ask<Showing>('POST', '/local/faults/end-sessions')
    expect(body.next).toMatch(/: response in \d+ ms; with pg\.Pool: error in \d+ ms$/)
    await events.until('call', ({ side, failed }) => side === 'pg.Pool' && failed, from)
    expect([failures(events, from, 'pg-thaw'), failures(events, from, 'pg.Pool')]).toEqual([0, 1])
  })

  it('says so where pg-thaw is part of a bundle', async () => {
    await build({
      entryPoints: [`${project.directory}/dist/orders.mjs`],
      outfile: `${project.directory}/dist/bundled.cjs`,
      bundle: true,
      platform: 'node',
      external: ['pg-native'],
      logLevel: 'warning',
    })
    const { ask, events } = await local(['dist/bundled.handler', ...given()])
    const { body } = await ask<BesideView>('POST', '/local/beside')
    expect(body).toMatchObject({ isOn: false, functions: [] })
    expect(body.refused.bundled).toMatch(/^pg-thaw is no module of its own there/)
    expect(await ask('GET', '/invoke/bundled')).toMatchObject({ status: 200 })
    await events.until('call', () => true)
    expect(events.of('call').map(({ side }) => side)).toEqual(['pg-thaw'])
  })
})

describe('a database that does not answer', () => {
  it('is no reason not to start; calls fail with its error, and go on when it is back', async () => {
    const { config } = database
    const holder = createTcpServer().listen(0, '127.0.0.1')
    await once(holder, 'listening')
    const { port } = holder.address() as AddressInfo
    holder.close()
    await once(holder, 'close')
    const url = `postgres://${config.user}:${config.password}@localhost:${port}/${config.database}`
    const { ask, events, command } = await local(['dist/orders.handler', '--database', url])
    expect(await events.until('database', () => true)).toEqual({ isUp: false, reason: 'ECONNREFUSED' })
    expect(await ask('GET', '/invoke/orders')).toMatchObject({ status: 502, body: { errorType: 'DialError' } })

    const proxy = createTcpServer((socket) => {
      const server = connect(config.port, config.host)
      socket.on('error', () => server.destroy()).pipe(server)
      server.on('error', () => socket.destroy()).pipe(socket)
    }).listen(port, '127.0.0.1')
    await once(proxy, 'listening')
    await events.until('database', ({ isUp }) => isUp)
    expect(await events.until('service', ({ sessionLimit }) => sessionLimit !== undefined)).toMatchObject({
      sessionLimit: expect.any(Number),
    })
    expect(await ask('GET', '/invoke/orders')).toMatchObject({ status: 200 })
    const { stdout, stderr } = await command.interrupt()
    expect(`${stdout}${stderr}`).not.toContain(config.password)
    proxy.close()
  })
})

describe('the command line', () => {
  it('says what there is', async () => {
    const help = await project.run(['--help'])
    expect(help).toMatchObject({ status: 0, stderr: '' })
    expect(help.stdout).toMatch(/^pg-thaw COMMAND/)
    expect((await project.run(['local', '--help'])).stdout).toContain('--database URL')
    expect(await project.run([])).toMatchObject({ status: 2 })
  })

  const url = 'postgres://shop:very-secret@127.0.0.1:1/shop'
  it.each<[string[], string]>([
    [['lcal'], 'Unknown command lcal: expected budget, doctor, local, replay, or --help'],
    [['local'], 'Which handler? Expected one such as dist/orders.handler'],
    [['local', 'dist/orders.handler', '--prot', '1'], "Unknown option '--prot'"],
    [['local', 'dist/orders.handler', '--port', 'x'], 'Expected --port to be from 0 to 65535, got x'],
    [['local', 'dist/orders.handler', '--timeout', '0'], 'Expected --timeout to be from 0.1 to 900, got 0'],
    [['local', 'dist/orders.handler', '--concurrency', '1.5'], 'Expected --concurrency to be from 1 to 1000, got 1.5'],
    [['local', 'dist/nothing.handler', '--database', url], 'No module for dist/nothing.handler: there is no '],
    [['local', 'dist', '--database', url], 'No module for dist: dist is a folder'],
    [['local', 'dist/orders.hander', '--database', url], 'No handler in '],
    [['local', 'dist/orders.count', '--database', url], 'No handler in '],
    [['local', 'src/typed.handler', '--database', url], 'src/typed.handler is TypeScript, which Lambda does not run'],
    [
      ['local', 'dist/orders.handler', '--import', 'nomod', '--database', url],
      "No module for --import: Cannot find package 'nomod'",
    ],
    [
      ['local', 'dist/orders.handler', '--import', './none.mjs', '--database', url],
      'No module for --import: Cannot find module',
    ],
    [['local', 'a=dist/orders.handler', 'a=dist/report.main', '--database', url], 'Two handlers are called a:'],
    [['local', 'or.ders=dist/orders.handler', '--database', url], 'Expected a name of letters, digits, - and _'],
    [['local', 'dist/orders.handler', '--event', '{', '--database', url], 'Expected --event to be JSON'],
    [['local', 'dist/orders.handler', '--event', 'notes.txt', '--database', url], 'Expected --event to be JSON'],
    [['local', 'dist/orders.handler'], 'Which database? Expected --database postgres://'],
    [
      ['local', 'dist/orders.handler', '--database', 'mysql://a:very-secret@b/c'],
      'Expected --database to be postgres://',
    ],
    [['local', 'dist/orders.handler', '--database', 'very-secret'], 'Expected --database to be postgres://'],
    [
      ['local', 'dist/orders.handler', '--database', 'postgres:///shop?host=/tmp'],
      'Expected --database to name a host',
    ],
    [['local', 'dist/orders.handler', '--database', 'postgres://a,b/shop'], 'Expected --database to name one host'],
  ])('refuses %j in one line', async (args, message) => {
    const { status, stdout, stderr } = await project.run(args)
    expect(stderr).toContain(message)
    expect({ status, stdout, lines: stderr.split('\n').length }).toEqual({ status: 2, stdout: '', lines: 2 })
    expect(stderr).not.toContain('very-secret')
  })

  it('refuses a file of variables that there is not', async () => {
    // Node.js 20 takes this option for its own, wherever it stands.
    const { status, stderr } = await project.run(['local', 'dist/orders.handler', '--env-file', '.none', ...given()])
    expect(stderr).toMatch(/^[^\n]*\.none[^\n]*\n$/)
    expect([2, 9]).toContain(status)
  })

  it('takes the next free port where somebody else listens, and says so', async () => {
    const other = createTcpServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const command = project.start(['local', 'dist/orders.handler', '--port', String(port), ...given()])
    const taken = new URL(await command.url()).port
    expect(Number(taken)).toBeGreaterThan(port)
    expect(command.output()).toContain(`Somebody else listens on port ${port}: it is ${taken} instead\n`)
    expect((await command.interrupt()).status).toBe(0)
    other.close()
  })
})
