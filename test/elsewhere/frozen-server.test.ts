import { setTimeout as pause } from 'node:timers/promises'
import type { RelayOptions } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { HttpProgram } from './support/http-program'

/** Places that run an HTTP server of one's own, and stop it between two requests without a word. */
const places = [
  {
    where: 'behind the Lambda Web Adapter',
    env: { AWS_LAMBDA_FUNCTION_NAME: 'orders', AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001', AWS_LWA_PORT: '8080' },
    lease: '75s',
    // Any pause may have been a freeze.
    frozenMillis: 50,
  },
  {
    where: 'on Cloud Run',
    env: { K_SERVICE: 'orders', K_REVISION: 'orders-1', PORT: '8080' },
    lease: '0',
    // Longer than an answer is trusted.
    frozenMillis: 600,
  },
] as const

let database: TestDatabase
let program: HttpProgram

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())
afterEach(async () => {
  await program.close()
  await database.untilSessions(0)
})

describe.each(places)('an HTTP server $where, without a wrapper', ({ env, lease, frozenMillis }) => {
  async function start(options: PoolOptions = {}, freezeModel: RelayOptions['freezeModel'] = 'process'): Promise<void> {
    const variables = { ...env, POOL_OPTIONS: JSON.stringify(options) }
    program = await HttpProgram.start(['test/elsewhere/programs/server.mjs'], database, variables, {
      ...(freezeModel && { freezeModel }),
    })
  }

  /** A request that is to be answered. */
  async function ask(path?: string) {
    const { status, body } = await program.get(path)
    expect([status, body.code]).toEqual([200, undefined])
    return body
  }

  it('keeps its connections from one request to the next, through a freeze', async () => {
    await start()
    const first = await ask()
    expect((await ask()).pid).toBe(first.pid)
    await program.freeze()
    await pause(frozenMillis)
    program.thaw()
    expect((await ask()).pid).toBe(first.pid)
  })

  it(`has a lease of ${lease}`, async () => {
    await start()
    expect(await ask()).toMatchObject({ lease })
  })

  it.each(['reset', 'forgotten-flow', 'paused-machine'] as const)(
    'answers the first request after a freeze in which its connection died (%s)',
    async (freezeModel) => {
      await start({}, freezeModel)
      const { pid } = await ask()
      await program.freeze()
      // Which in a machine that stands still is what kills it.
      if (freezeModel === 'paused-machine') await database.admin.query('SELECT pg_terminate_backend($1)', [pid])
      await pause(frozenMillis)
      program.thaw()
      const told = await ask()
      expect(told.pid).not.toBe(pid)
      expect((await ask()).pid).toBe(told.pid)
    },
  )

  it('serves requests at the same time, each on a connection of its own', async () => {
    await start({ max: 4 })
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask()))
    expect(new Set(answers.map(({ pid }) => pid)).size).toBeLessThanOrEqual(4)
  })

  it('closes its connections when it is asked to end', async () => {
    await start()
    await ask()
    await program.terminate()
    expect(program.said).toContain('ended')
    await database.untilSessions(0)
  })
})
