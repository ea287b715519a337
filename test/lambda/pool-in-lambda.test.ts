import { join } from 'node:path'
import { type InvocationRecord, type LocalLambda, type LocalLambdaOptions, startLambda } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { PoolOptions } from '../../src/index'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { createDatabase, type TestDatabase } from '../support/database'
import type { Answer, Work } from './functions/pooled'

let database: TestDatabase
let pooled: BundledFunction
let lambda: LocalLambda

beforeAll(async () => {
  database = await createDatabase()
  pooled = await bundleFunction(join(__dirname, 'functions/pooled.ts'))
})
afterAll(async () => {
  pooled.dispose()
  await database.dispose()
})
afterEach(async () => {
  await lambda.close()
  await database.untilSessions(0, { withinMillis: 10_000 })
})

async function start(pool: PoolOptions = {}, options: Partial<LocalLambdaOptions> = {}): Promise<LocalLambda> {
  const { host, port, user, password, database: name } = database.config
  lambda = await startLambda({
    module: pooled.module,
    database: { host, port },
    env: { PGUSER: user, PGPASSWORD: password, PGDATABASE: name, POOL_OPTIONS: JSON.stringify(pool) },
    ...options,
  })
  return lambda
}

async function call(work: Work = {}): Promise<Answer & { record: InvocationRecord }> {
  const record = await lambda.invoke(work)
  if (record.outcome !== 'response') throw new Error(`${record.outcome}: ${JSON.stringify(record.error)}`)
  return { ...(record.response as Answer), record }
}

async function terminate(pid: number): Promise<void> {
  await database.admin.query('SELECT pg_terminate_backend($1, 5000)', [pid])
}

describe('a wrapped handler with a module-scope pool', () => {
  it('leaves no session behind a cold call that is never followed by another', async () => {
    await start()
    await call()
    await database.untilSessions(0)
  })

  it('keeps one connection from the second call on, and uses the same backend for those that follow', async () => {
    await start()
    const [cold, second, third, fourth] = [await call(), await call(), await call(), await call()]
    expect(cold.record.cold).toBe(true)
    expect(second.pid).not.toBe(cold.pid)
    expect([third.pid, fourth.pid]).toEqual([second.pid, second.pid])
    expect(await database.sessions()).toHaveLength(1)
  })

  it("pooling 'always' keeps from the first call on, and 'never' keeps nothing", async () => {
    await start({ pooling: 'always' })
    expect((await call()).pid).toBe((await call()).pid)
    await lambda.close()
    await start({ pooling: 'never' })
    await call()
    await call()
    await database.untilSessions(0)
  })

  it('changes the backend between two calls when its lifetime ends', async () => {
    await start({ pooling: 'always', maxLifetimeSeconds: 1 })
    const first = await call()
    const began = performance.now()
    let next = await call()
    while (next.pid === first.pid && performance.now() - began < 10_000) next = await call()
    expect(next.pid).not.toBe(first.pid)
    expect(next.stats.retired.lifetime).toBe(1)
    expect(await database.sessions()).toHaveLength(1)
  })

  it('tells the server its lease, so that a vanished environment leaves nothing for long', async () => {
    await start({ pooling: 'always', leaseMillis: 1500 })
    await Promise.all([call(), call(), call()])
    expect(await database.sessions()).toHaveLength(3)
    await lambda.vanish()
    expect(await database.sessions()).toHaveLength(3)
    await database.untilSessions(0, { withinMillis: 4000 })
  })

  it('asks for a lease by how often the environment is called, and never for one that a call could outlast', async () => {
    const leases = async () => [await call(), await call(), await call()].map(({ lease }) => lease)
    await start()
    expect(await leases()).toEqual(['75s', '15s', '15s'])
    await lambda.close()
    await start({}, { timeoutMillis: 16_000 })
    expect(await leases()).toEqual(['75s', '75s', '75s'])
    await lambda.close()
    await start({ leaseMillis: 60_000 })
    expect(await leases()).toEqual(['1min', '1min', '1min'])
  })

  it.each(['process', 'paused-machine', 'reset'] as const)(
    'does not fail a call whose connection died while it was frozen (%s)',
    async (freezeModel) => {
      await start({ pooling: 'always' }, { freezeModel })
      for (let freeze = 0; freeze < 5; freeze += 1) {
        const { pid } = await call()
        await terminate(pid)
        expect((await call()).pid).not.toBe(pid)
      }
    },
  )

  it('answers within a validation and a connect when its flow was forgotten', async () => {
    await start({ pooling: 'always', validationTimeoutMillis: 300 }, { freezeModel: 'forgotten-flow' })
    const before = await call()
    const after = await call()
    expect(after.pid).not.toBe(before.pid)
    expect(after.stats.retired.invalid).toBe(1)
    await terminate(before.pid)
  })

  it('closes unsent what has outlived its lease while frozen', async () => {
    await start({ pooling: 'always', leaseMillis: 1000 }, { freezeModel: 'paused-machine' })
    const { pid } = await call()
    await database.untilSessions(0, { withinMillis: 4000 })
    const { pid: next, stats } = await call()
    expect(next).not.toBe(pid)
    expect(stats.retired).toMatchObject({ lease: 1, invalid: 0 })
  })

  it('takes back a checkout that the handler left out', async () => {
    await start({ pooling: 'always' })
    await call({ leave: 'checkout' })
    const { stats } = await call()
    expect(stats.retired.reclaimed).toBe(1)
    await database.untilSessions(0, { where: "state LIKE 'idle in transaction%'" })
  })

  it('rolls back a transaction that the handler left open before it freezes', async () => {
    await start({ pooling: 'always' })
    const { pid } = await call({ leave: 'transaction' })
    expect(await database.sessions("state LIKE 'idle in transaction%'")).toEqual([])
    expect((await call()).pid).toBe(pid)
  })

  it.each(['query', 'work', 'waiters'] as const)(
    'does not let what the handler did not await end the environment or fail the next call (%s)',
    async (leave) => {
      await start({ pooling: 'always' })
      const before = await call({ leave })
      const after = await call()
      expect(after.record.environmentId).toBe(before.record.environmentId)
      expect(after.stats).toMatchObject({ waiting: 0, lent: 0 })
      expect((await call()).record.environmentId).toBe(before.record.environmentId)
      await database.admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)' AND state = 'active' AND pid <> pg_backend_pid()",
      )
    },
  )

  it('fails a wait before the function times out, and stays warm', async () => {
    await start({ max: 1, connectionTimeoutMillis: 0 }, { timeoutMillis: 1500 })
    const cold = await call()
    const failed = await lambda.invoke({ nested: true })
    expect(failed.error?.errorMessage).toMatch(/timeout exceeded.*every connection is lent/)
    expect(failed).toMatchObject({ outcome: 'error', environmentId: cold.record.environmentId })
    expect((await call()).record.environmentId).toBe(cold.record.environmentId)
  })
})
