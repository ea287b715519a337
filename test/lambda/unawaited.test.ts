import type { LocalLambda } from 'pg-thaw/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Asked, Told, Way } from './functions/unawaited'
import { functionUnderTest, type Pooled, wentHow } from './support/function-under-test'

const lambdas = functionUnderTest('unawaited')
let insertions = 0

beforeAll(() => lambdas.database.admin.query('CREATE TABLE audit (entry text)'))

/** A statement that writes an entry of its own, after so long. */
function insertion(seconds: number): { entry: string; sql: string } {
  insertions += 1
  const entry = `entry ${insertions}`
  return { entry, sql: `INSERT INTO audit SELECT '${entry}'${seconds > 0 ? ` FROM pg_sleep(${seconds})` : ''}` }
}

async function isWritten(entry: string): Promise<boolean> {
  return (await lambdas.database.admin.query('SELECT 1 FROM audit WHERE entry = $1', [entry])).length > 0
}

/** Calls one after the other: how each went, and what the last one was told. */
async function callAll(lambda: LocalLambda, calls: readonly Asked[]): Promise<{ went: string[]; told: Told }> {
  const went: string[] = []
  let told: unknown
  for (const asked of calls) {
    const record = await lambda.invoke(asked)
    went.push(wentHow(record))
    told = record.response
  }
  return { went, told: told as Told }
}

/** One warm environment for the tests of a group, and another one once a test went wrong in it. */
function freshUnlessGood(pool: Pooled): () => Promise<{ lambda: LocalLambda; told: Told; isGood: () => void }> {
  let lambda: LocalLambda | undefined
  let isGood = false
  afterAll(() => lambda?.close())
  return async () => {
    if (!isGood) {
      await lambda?.close()
      lambda = await lambdas.launch(pool)
      await callAll(lambda, [{}])
    }
    isGood = false
    const { told } = await callAll(lambda as LocalLambda, [{}])
    const good = () => {
      isGood = true
    }
    return { lambda: lambda as LocalLambda, told, isGood: good }
  }
}

const atOnce: readonly Way[] = [
  'query',
  'derived',
  'finishing',
  'async',
  'all',
  'race',
  'any',
  'callback',
  'use',
  'transaction',
]
/** Of these, those that differ most. */
const few: readonly Way[] = ['query', 'derived', 'async', 'race', 'use', 'transaction']
const onClients: readonly Way[] = ['connect', 'connectCallback', 'clientKept', 'clientReleased']
const later: readonly Way[] = ['chain', 'waiting', 'kept', 'retry', 'timer', 'tick', 'immediate']
const every = [...atOnce, ...onClients, ...later]

/** Leaves an insertion behind, and calls twice more: what belongs to those calls then has time in the first. */
async function leave(
  lambda: LocalLambda,
  asked: Asked,
  seconds: number,
): Promise<{ went: string[]; written: boolean; reports: number }> {
  const { entry, sql } = insertion(seconds)
  const { went, told } = await callAll(lambda, [{ ...asked, sql }, { stays: 30 }, {}])
  expect(told?.atBegin, `what the last call found of earlier ones (${went})`).toEqual({ lent: 0, waiting: 0 })
  const reports = told.warnings.filter(({ code }) => code?.startsWith('PG_THAW_')).length
  return { went, written: await isWritten(entry), reports }
}

const warm = Array(3).fill('answered warm')

describe('a handler that does not await what it started', () => {
  it.each([...onClients, ...later])(
    'has it done or reported, in the first call of an environment (%s)',
    async (way) => {
      const lambda = await lambdas.start({ max: 3, lingerMillis: 100 })
      const { went, written, reports } = await leave(lambda, { way }, 0)
      expect(went).toEqual(['answered cold', 'answered warm', 'answered warm'])
      expect({ way, traces: Number(written) + reports }).not.toEqual({ way, traces: 0 })
    },
  )

  it.each(few)('has it done in the first call of an environment, as all that this does (%s)', async (way) => {
    const { went, written } = await leave(await lambdas.start(), { way, first: false }, 0.15)
    expect(went).toEqual(['answered cold', 'answered warm', 'answered warm'])
    expect(written).toBe(true)
  })

  describe.each<{ work: string; pool: Pooled; seconds: number; ways: readonly Way[]; done?: boolean }>([
    { work: 'it is done within a second', pool: {}, seconds: 0.1, ways: [...atOnce, 'waiting', 'kept'], done: true },
    { work: 'it is done within a second, in a pool of one', pool: { max: 1 }, seconds: 0.1, ways: few, done: true },
    { work: 'it is quick', pool: { max: 3, lingerMillis: 100 }, seconds: 0, ways: [...onClients, ...later] },
    { work: 'it takes longer than anybody waits', pool: { max: 3, lingerMillis: 50 }, seconds: 0.3, ways: every },
    { work: 'it is not waited for', pool: { max: 3, lingerMillis: 0 }, seconds: 0.1, ways: every },
  ])('if $work', ({ pool, seconds, ways, done }) => {
    const fresh = freshUnlessGood(pool)

    it.each(ways)('has it done or reported in a warm call (%s)', async (way) => {
      const { lambda, told, isGood } = await fresh()
      const before = told.warnings.filter(({ code }) => code?.startsWith('PG_THAW_')).length
      const { went, written, reports } = await leave(lambda, { way }, seconds)
      expect(went).toEqual(warm)
      if (done) expect(written).toBe(true)
      else expect({ way, traces: Number(written) + reports - before }).not.toEqual({ way, traces: 0 })
      isGood()
    })
  })
})

describe('the answer of a handler that left work behind', () => {
  const forever = { way: 'query', sql: 'SELECT pg_sleep(30)' } as const

  it.each([
    { lingerMillis: 0, least: 0, most: 250 },
    { lingerMillis: 400, least: 350, most: 800 },
    { lingerMillis: undefined, least: 900, most: 1400 },
  ])('waits for it for `lingerMillis` at the most ($lingerMillis)', async ({ lingerMillis, least, most }) => {
    const lambda = await lambdas.start(lingerMillis === undefined ? {} : { lingerMillis })
    await lambda.invoke({})
    const { outcome, latencyMillis } = await lambda.invoke(forever)
    expect(outcome).toBe('response')
    expect(latencyMillis).toBeGreaterThanOrEqual(least)
    expect(latencyMillis).toBeLessThan(most)
  })

  it('does not wait when there is nothing to wait for', async () => {
    const lambda = await lambdas.start()
    await lambda.invoke({})
    expect((await lambda.invoke({})).latencyMillis).toBeLessThan(250)
  })

  it('never comes after the function has timed out', async () => {
    const lambda = await lambdas.start({ lingerMillis: 5000 }, { timeoutMillis: 700 })
    const { went } = await callAll(lambda, [{}, forever, {}])
    expect(went).toEqual(['answered cold', 'answered warm', 'answered warm'])
    await lambdas.database.untilSessions(0, { where: "state = 'active'" })
  })

  it.each(['query', 'use', 'transaction', 'clientKept', 'kept'] as const)(
    'comes although its deadline struck while nobody awaited the work (%s)',
    async (way) => {
      const lambda = await lambdas.start({ deadlineMarginMillis: 350 }, { timeoutMillis: 700 })
      const { went } = await callAll(lambda, [{}, { ...forever, way, stays: 450 }, {}])
      expect(went).toEqual(['answered cold', 'answered warm', 'answered warm'])
    },
  )

  it.each(['quick', 'slow'] as const)('may keep a promise for the next call (%s)', async (speed) => {
    const { entry, sql } = insertion(speed === 'quick' ? 0 : 0.3)
    const lambda = await lambdas.start({ lingerMillis: speed === 'quick' ? 1000 : 50 })
    const { went, told } = await callAll(lambda, [{}, { way: 'kept', sql }, { awaitsKept: 200 }, {}])
    expect(went).toEqual(['answered cold', ...warm])
    expect((await isWritten(entry)) || told.warnings.some(({ code }) => code === 'PG_THAW_UNFINISHED')).toBe(true)
  })
})
