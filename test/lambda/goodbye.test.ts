import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type LocalLambda, type LocalLambdaOptions, startLambda } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Pool } from '../../src/index'
import { environment } from '../../src/registry/environment'
import { createDatabase, type TestDatabase } from '../support/database'
import { type Deployment, deployments, type Way, ways } from './fixtures/goodbye-bundles'
import { type ExtensionsApi, type Policy, startExtensionsApi } from './fixtures/goodbye-extensions-api'
import type { Leave } from './fixtures/goodbye-function'

let database: TestDatabase
let built: Awaited<ReturnType<typeof deployments>>
const printed: string[] = []

beforeAll(async () => {
  database = await createDatabase()
  built = await deployments()
})
afterAll(async () => {
  built?.dispose()
  await database?.dispose()
})
afterEach(() => {
  printed.length = 0
})

const fixture = (name: string) => join(__dirname, 'fixtures', name)
const preload = { NODE_OPTIONS: `--import ${join(process.cwd(), 'dist/goodbye.mjs')}` }

/** What the server has to know of the function's client, and what is the same in every process. */
function connectionOf({ config }: TestDatabase): Record<string, string> {
  return { PGUSER: config.user, PGPASSWORD: config.password, PGDATABASE: config.database }
}

async function start({ module, env }: Deployment, options: Partial<LocalLambdaOptions> = {}): Promise<LocalLambda> {
  const { host, port } = database.config
  return startLambda({
    module,
    // The function is not wrapped on purpose, and says so.
    env: {
      ...connectionOf(database),
      ...env,
      NODE_OPTIONS: `${env.NODE_OPTIONS ?? ''} --disable-warning=PG_THAW_NOT_WRAPPED`,
    },
    database: { host, port },
    onLog: (line) => printed.push(line.text),
    ...options,
  })
}

/** The same without a database. */
function startBare(module: string, env: Record<string, string> = {}): Promise<LocalLambda> {
  return startLambda({ module, env, onLog: (line) => printed.push(line.text) })
}

async function call(lambda: LocalLambda, leave: Leave): Promise<number> {
  const { outcome, response, error } = await lambda.invoke(leave)
  if (outcome !== 'response') throw new Error(`${outcome}: ${JSON.stringify(error)}`)
  return response as number
}

describe.each<Way>(ways)('with %s', (way) => {
  it('20 environments that end leave no session behind', async () => {
    await using lambda = await start(built.of[way], { timeoutMillis: 20_000, initTimeoutMillis: 20_000 })
    const leaves: Leave[] = ['idle', 'transaction']
    await Promise.all(Array.from({ length: 16 }, (_, n) => call(lambda, leaves[n % 2] ?? 'idle')))
    await lambda.provision(4)
    expect(lambda.environments.map(({ extensions }) => extensions)).toEqual(Array(20).fill(['pg-thaw']))
    expect(await database.sessions()).toHaveLength(16)
    // The server's side of what is killed without a goodbye would stay open.
    await lambda.scaleIn()
    await database.untilSessions(0, { withinMillis: 300 })
    expect(printed).toEqual([])
  })

  it('connections are closed even where the process stays until it is killed', async () => {
    const { module, env } = built.of[way]
    await using lambda = await start({ module, env: { ...env, LISTENS_TOO: '1' } })
    await call(lambda, 'idle')
    await call(lambda, 'transaction')
    await lambda.scaleIn()
    await database.untilSessions(0, { withinMillis: 300 })
    expect(printed).toEqual(['heard as well'])
  })
})

describe('a function with a goodbye', () => {
  it('cancels the query in the middle of which it ends', async () => {
    await using lambda = await start(built.of['a preloaded file'])
    await call(lambda, 'running')
    await database.untilSessions(1, { where: "state = 'active'" })
    await lambda.scaleIn()
    await database.untilSessions(0)
    expect(printed).toEqual([])
  })

  // AWS's runtime for Node.js 24 has no callbacks any more.
  const takesCallbacks = Number.parseInt(process.versions.node, 10) < 24
  const title = 'has no call that waits for the extension, not even a callback that waits for an empty event loop'

  it.runIf(takesCallbacks)(title, async () => {
    await using lambda = await startBare(fixture('goodbye-callback.cjs'), preload)
    expect(await lambda.invoke('first')).toMatchObject({ outcome: 'response', response: 'first' })
    expect(await lambda.invoke('second')).toMatchObject({ outcome: 'response', response: 'second' })
    expect(lambda.environments).toMatchObject([{ invocations: 2, extensions: ['pg-thaw'] }])
  })

  it('works on and says so once where the registration comes too late', async () => {
    await using lambda = await startBare(fixture('goodbye-late.cjs'))
    expect(await lambda.invoke()).toMatchObject({ outcome: 'response', response: 'done' })
    expect(await lambda.invoke()).toMatchObject({ outcome: 'response', cold: false })
    expect(lambda.environments).toMatchObject([{ extensions: [] }])
    await lambda.scaleIn()
    expect(printed.filter((line) => line.includes('PG_THAW_NO_GOODBYE'))).toEqual([
      expect.stringContaining('Extension.RegistrationClosed'),
    ])
  })

  it('works on where another extension has the name', async () => {
    await using lambda = await startBare(fixture('goodbye-taken.mjs'), { EXTENSIONS: '[["pg-thaw", []]]' })
    expect(await lambda.invoke()).toMatchObject({ outcome: 'response', response: { answers: [[200, null]] } })
    expect(printed).toEqual(
      expect.arrayContaining([expect.stringMatching(/PG_THAW_NO_GOODBYE.*Extension\.InvalidExtensionState/)]),
    )
  })
})

describe('a process with a goodbye', () => {
  let api: ExtensionsApi
  let child: ChildProcess | undefined

  afterEach(async () => {
    child?.kill('SIGKILL')
    child = undefined
    await api.close()
  })

  /** Starts a program on a Lambda that has only an Extensions API. Resolves when it has printed something, or has ended. */
  async function run(program: string, policy?: Policy): Promise<{ said: Promise<string>; ended: Promise<unknown[]> }> {
    api = await startExtensionsApi(policy)
    const { host, port } = database.config
    const lambda = { AWS_LAMBDA_FUNCTION_NAME: 'test', AWS_LAMBDA_RUNTIME_API: api.address, ...preload }
    child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      env: { PATH: process.env.PATH, PGHOST: host, PGPORT: String(port), ...connectionOf(database), ...lambda },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { stdout, stderr } = child
    if (stdout === null || stderr === null) throw new Error('both are pipes')
    const ended = once(child, 'exit')
    const said = text(stderr)
    await Promise.race([once(stdout, 'data'), ended])
    return { said, ended }
  }

  const busy = `
    import { createPool } from 'pg-thaw'
    const pool = createPool()
    const client = await pool.connect()
    await pool.query('SELECT 1')
    await client.query('BEGIN')
    setInterval(() => {}, 1000)
    process.stdout.write('ready')`

  it('ends by the signal, as it would have without it', async () => {
    const { ended, said } = await run(busy)
    expect(await database.sessions()).toHaveLength(2)
    child?.kill('SIGTERM')
    expect(await ended).toEqual([null, 'SIGTERM'])
    await database.untilSessions(0, { withinMillis: 300 })
    expect(await said).toBe('')
  })

  it('does so where the registration was refused, since another extension may have bought the signal', async () => {
    const { ended, said } = await run(busy, 'refuse')
    child?.kill('SIGTERM')
    expect(await ended).toEqual([null, 'SIGTERM'])
    await database.untilSessions(0, { withinMillis: 300 })
    expect(await said).toContain('[PG_THAW_NO_GOODBYE] PgThawWarning')
  })

  it('starts without an answer to the registration', async () => {
    const { ended, said } = await run(`process.stdout.write('started')`, 'hold')
    expect(await ended).toEqual([0, null])
    expect(await said).toContain('no answer within 1000 ms')
  })

  it('is not kept alive by its poll', async () => {
    const { ended } = await run('')
    expect(await ended).toEqual([0, null])
    expect(api.registrations).toHaveLength(1)
    expect(api.polls).toHaveLength(1)
  })

  it('registers for its threads and its child processes, too', async () => {
    const { ended, said } = await run(`
      import { execFileSync } from 'node:child_process'
      import { once } from 'node:events'
      import { Worker } from 'node:worker_threads'
      await once(new Worker("import('pg-thaw/goodbye')", { eval: true }), 'exit')
      execFileSync(process.execPath, ['-e', ''])`)
    expect(await ended).toEqual([0, null])
    expect(await said).toBe('')
    expect(api.registrations).toHaveLength(1)
  })
})

describe('the goodbye of a pool', () => {
  it('closes what is idle, lent, busy or being dialled at once, and lends nothing more', async () => {
    const pool = new Pool({ ...database.config, max: 5 })
    const live = [...environment().pools].find((it) => it.pool === pool)
    const [first, idle, lent, busy] = await Promise.all([
      pool.connect(),
      pool.connect(),
      pool.connect(),
      pool.connect(),
    ])
    await lent.query('BEGIN')
    const query = expect(busy.query('SELECT pg_sleep(30)')).rejects.toThrow()
    // What is dialled for this one goes on when it is served with another.
    const served = pool.connect()
    first.release()
    await served
    idle.release()
    expect(pool.stats()).toMatchObject({ idle: 1, lent: 3, dialing: 1 })

    const goodbye = live?.goodbye()
    expect(pool.stats()).toMatchObject({ idle: 0, lent: 0, dialing: 0, closing: 4 })
    await goodbye
    expect(pool.stats()).toMatchObject({ total: 0, retired: { end: 1, reclaimed: 3 }, forcedCloses: 0 })
    await database.untilSessions(0)
    await query
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'POOL_ENDED' })
    await pool.end()
  })
})
