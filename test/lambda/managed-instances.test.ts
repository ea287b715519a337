import { setTimeout as pause } from 'node:timers/promises'
import type { InvocationRecord, LocalLambda, RelayFault } from 'pg-thaw/testing'
import { describe, expect, it } from 'vitest'
import type { Asked, Told } from './functions/overlapping'
import { functionUnderTest, type Pooled } from './support/function-under-test'

const lambdas = functionUnderTest('overlapping')
/** Longer than a busy machine takes for any call that is to be answered. */
const LONG_TIMEOUT_MILLIS = 15_000
const IS_GATED = "wait_event_type = 'Lock'"
const IS_ACTIVE = "state = 'active'"

interface Start {
  readonly pool?: Pooled
  readonly workers?: number
  readonly timeoutMillis?: number
}

/** One environment of up to 32 calls at once. */
async function start({ pool, workers = 1, timeoutMillis = LONG_TIMEOUT_MILLIS }: Start = {}): Promise<LocalLambda> {
  const { user, password, database: PGDATABASE } = lambdas.database.config
  const lambda = await lambdas.start(undefined, {
    concurrency: 32,
    reservedConcurrency: 1,
    timeoutMillis,
    env: {
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE,
      AWS_LAMBDA_NODEJS_WORKER_COUNT: String(workers),
      POOL_OPTIONS: JSON.stringify({ max: 4, lingerMillis: 50, ...pool }),
    },
  })
  await ask(lambda)
  return lambda
}

/** A call that is to be answered. */
async function ask(lambda: LocalLambda, asked: Asked = {}): Promise<Told> {
  return toldIn(await lambda.invoke(asked))
}

function toldIn(record: InvocationRecord): Told {
  expect(record).toMatchObject({ outcome: 'response' })
  return record.response as Told
}

/** Calls that are in the middle of a transaction until `open` is called, while others come and go. */
async function gated(lambda: LocalLambda, count = 1): Promise<{ open(): Promise<Told[]> }> {
  const { admin, untilSessions } = lambdas.database
  await admin.query('SELECT pg_advisory_lock(1)')
  const calls = Promise.all(Array.from({ length: count }, () => ask(lambda, { does: 'gate', key: 1 })))
  calls.catch(() => {})
  await untilSessions(count, { where: IS_GATED })
  return {
    async open() {
      await admin.query('SELECT pg_advisory_unlock(1)')
      return calls
    },
  }
}

describe('on Lambda Managed Instances, beside a call that goes on', () => {
  it('two clients that a call has leaked come back at its end', async () => {
    const lambda = await start()
    const other = await gated(lambda)
    await ask(lambda, { does: 'leak' })
    // What is left is that of the other call; and there is room for two.
    expect(await ask(lambda, { does: 'both' })).toMatchObject({ lent: 1 })
    const [told] = await other.open()
    expect(told?.code).toBeUndefined()
    expect(await ask(lambda)).toMatchObject({ lent: 0 })
  })

  it('work that a call left behind is ended, and reported by the name of who asked for it', async () => {
    const lambda = await start()
    const other = await gated(lambda)
    await ask(lambda, { does: 'leave' })
    await lambdas.database.untilSessions(1, { where: IS_ACTIVE })
    const { warnings } = await ask(lambda)
    expect(warnings.filter((it) => /^PG_THAW_UNFINISHED.*leaveBehind/s.test(it))).toHaveLength(1)
    const [told] = await other.open()
    expect(told?.code).toBeUndefined()
  })

  it('a query of 30 s is cut off in time, and whoever came meanwhile was answered', async () => {
    // What strikes at 1,200 of 2,000 ms leaves a busy machine time for its answer.
    const lambda = await start({ timeoutMillis: 2000, pool: { deadlineMarginMillis: 800 } })
    let isOver = false
    const slow = ask(lambda, { does: 'wait' }).finally(() => {
      isOver = true
    })
    await lambdas.database.untilSessions(1, { where: IS_ACTIVE })
    for (let others = 0; others === 0 || !isOver; others += 1) {
      expect((await ask(lambda)).code).toBeUndefined()
    }
    expect(await slow).toMatchObject({ code: 'POOL_QUERY_TIMEOUT' })
    await lambdas.database.untilSessions(0, { where: IS_ACTIVE })
    expect(await ask(lambda)).toMatchObject({ lent: 0 })
  })

  it('what a call holds that is never answered comes back once its time is over', async () => {
    const lambda = await start({ timeoutMillis: 1500 })
    expect(await lambda.invoke({ does: 'forever' })).toMatchObject({ outcome: 'timeout' })
    await ask(lambda)
    expect(await ask(lambda, { does: 'both' })).toMatchObject({ lent: 0 })
  })

  it.each<RelayFault>(['cut', 'reset', 'deaf'])(
    'a connection that died while it was idle costs none (%s)',
    async (fault) => {
      const lambda = await start()
      const { pid } = await ask(lambda)
      // Longer than an answer is trusted.
      await pause(600)
      expect(lambda.strike(fault)).toBe(1)
      const other = gated(lambda)
      const told = await Promise.all(Array.from({ length: 3 }, () => ask(lambda)))
      for (const { code, pid: another } of told) expect([code, another === pid]).toEqual([undefined, false])
      expect((await (await other).open())[0]?.code).toBeUndefined()
    },
  )
})

describe('on Lambda Managed Instances', () => {
  it('connections are kept between calls, as many as were open', async () => {
    const lambda = await start()
    const first = await (await gated(lambda, 3)).open()
    const { connects } = lambda.network
    for (let round = 0; round < 3; round += 1) await ask(lambda)
    const again = await (await gated(lambda, 3)).open()
    const pids = (all: Told[]) => all.map(({ pid }) => pid).sort()
    expect(pids(again)).toEqual(pids(first))
    expect(lambda.network.connects).toBe(connects)
  })

  it('what is idle for too long is closed, while no call comes', async () => {
    const lambda = await start({ pool: { idleTimeoutMillis: 200 } })
    await (await gated(lambda, 3)).open()
    await lambdas.database.untilSessions(0)
    expect(lambda.environments).toMatchObject([{ state: 'idle' }])
  })

  it('each worker has a pool of its own: never more sessions than workers × max', async () => {
    const lambda = await start({ workers: 3, pool: { max: 2 } })
    const threadOf = new Map<number, number>()
    let most = 0
    // Which worker a call comes to is by chance, and the first is there before the last: until all have had one.
    const crowd = async () => {
      const calls = Promise.all(Array.from({ length: 24 }, () => ask(lambda, { does: 'both' })))
      const isOver = calls.then(() => true)
      while (!(await Promise.race([isOver, false]))) most = Math.max(most, (await lambdas.database.sessions()).length)
      for (const { code, pid, thread } of await calls) {
        expect([code, threadOf.get(pid) ?? thread]).toEqual([undefined, thread])
        threadOf.set(pid, thread)
      }
      return lambdas.database.sessions()
    }
    await expect.poll(crowd, { timeout: 15_000 }).toHaveLength(6)
    expect(most).toBeLessThanOrEqual(6)
    expect(lambda.network.openServerSides).toBe(6)
    expect(new Set(threadOf.values()).size).toBe(3)
  })
})
