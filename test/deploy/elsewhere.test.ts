import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { HttpProgram } from '../elsewhere/support/http-program'
import { installPackages, packagesFolder } from '../elsewhere/support/packages'
import { createDatabase, type TestDatabase } from '../support/database'
import { describeUnless } from '../support/requirements'
import { freePort } from './support/program'

const missing = whyMissing()

/** What keeps the packages from being installed, if something does. */
function whyMissing(): string | undefined {
  try {
    installPackages()
    return undefined
  } catch (error) {
    return `no registry: ${String(error).split('\n')[0]}`
  }
}

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database?.dispose())
afterEach(() => database.untilSessions(0))

const IS_ACTIVE = "state = 'active'"

/** A program of the workspace, with these variables and none of this process. */
function start(name: string, env: Record<string, string> = {}): ChildProcess {
  const { host, port, user, password, database: PGDATABASE } = database.config
  const at = { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE }
  return spawn(process.execPath, [join(packagesFolder, name)], {
    env: { PATH: process.env.PATH, ...at, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
}

/** What it prints, a value a line. */
async function* printedBy(child: ChildProcess): AsyncGenerator<unknown> {
  if (child.stdout === null) throw new Error('bug: nobody reads it')
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line)
}

describeUnless(missing, 'a pool on Vercel, attached by @vercel/functions', () => {
  /** As on Vercel, which runs on Lambda. */
  const vercel = {
    VERCEL: '1',
    VERCEL_URL: 'orders.example.test',
    VERCEL_REGION: 'fra1',
    AWS_LAMBDA_FUNCTION_NAME: 'orders',
    AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001',
  }

  it('closes what is idle before the instance is suspended, and serves the next request after it', async () => {
    const child = start('vercel.cjs', { ...vercel, POOL_OPTIONS: JSON.stringify({ idleTimeoutMillis: 200 }) })
    const exited = once(child, 'exit')
    const printed = printedBy(child)
    // Each release is heard: four queries, a client and a transaction.
    expect((await printed.next()).value).toMatchObject({ pids: 4, waits: 6, idleTimeoutMillis: 200, idle: 4 })
    expect((await printed.next()).value).toEqual({ suspended: true, total: 0 })
    await database.untilSessions(0)
    child.kill('SIGSTOP')
    child.kill('SIGCONT')
    child.stdin?.write('go\n')
    expect((await printed.next()).value).toEqual({ answered: 1 })
    await exited
  })

  it('says how long it keeps what is idle, where nobody says it', async () => {
    const child = start('vercel.cjs', vercel)
    const printed = printedBy(child)
    expect((await printed.next()).value).toMatchObject({ idleTimeoutMillis: 10_000 })
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  })
})

describeUnless(missing, 'a wrapped function of Cloud Run, in its framework', () => {
  let program: HttpProgram

  async function serve(target: string): Promise<void> {
    const port = await freePort()
    const framework = join(packagesFolder, 'node_modules/@google-cloud/functions-framework/build/src/main.js')
    const args = [framework, `--target=${target}`, `--source=${packagesFolder}`, `--port=${port}`]
    const env = { K_SERVICE: 'orders', POOL_OPTIONS: JSON.stringify({ lingerMillis: 20 }) }
    program = await HttpProgram.start(args, database, env, { freezeModel: 'reset', port })
  }
  afterEach(() => program.close())

  it('keeps its connection, gives back what it leaked, and survives its own errors', async () => {
    await serve('orders')
    const { pid } = (await program.get()).body
    expect((await program.get()).body).toEqual({ pid, lent: 0, unfinished: 0 })
    expect(await program.get('/fail')).toMatchObject({ status: 500 })
    // The call goes on for a while after its response.
    const afterwards = async () => (await program.get()).body
    expect(await program.get('/leak')).toMatchObject({ status: 200 })
    await expect.poll(afterwards).toMatchObject({ lent: 0, unfinished: 2 })
    expect(await program.get('/leave')).toMatchObject({ status: 200 })
    await expect.poll(afterwards).toMatchObject({ lent: 0, unfinished: 3 })
    await database.untilSessions(0, { where: IS_ACTIVE })
    const answers = await Promise.all(Array.from({ length: 6 }, () => program.get()))
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200))
  })

  it('lasts until it has answered, where it returns no promise', async () => {
    await serve('promiseless')
    for (let time = 0; time < 2; time += 1) {
      expect(await program.get()).toMatchObject({ status: 200, body: { lent: 0, unfinished: 0 } })
    }
  })

  it('answers the first request after a freeze in which its connection died', async () => {
    await serve('orders')
    const { pid } = (await program.get()).body
    await program.freeze()
    program.thaw()
    const { status, body } = await program.get()
    expect([status, body.pid === pid]).toEqual([200, false])
  })
})

describeUnless(missing, 'a wrapped function of Azure, as its library registers it', () => {
  it('keeps its connection, gives back what it leaked and left running, and fails as it does', async () => {
    const printed = printedBy(start('azure.cjs'))
    const { pids, ...told } = (await printed.next()).value as { pids: number[] }
    expect(told).toEqual({ error: 'RangeError', lent: 0, unfinished: 3 })
    expect([pids[1], pids[3]]).toEqual([pids[0], pids[2]])
  })
})
