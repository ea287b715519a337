import type { LocalLambda } from 'pg-thaw/testing'
import { describe, expect, it } from 'vitest'
import type { Asked, Told, Way } from './functions/unawaited'
import { functionUnderTest, type Pooled } from './support/function-under-test'

const lambdas = functionUnderTest('unawaited')
const SLOW = 'SELECT pg_sleep(30)'
const UNFINISHED = 'PG_THAW_UNFINISHED'

/** Calls one after the other, and once more to hear what was told at the end of the last one. */
async function told(lambda: LocalLambda, ...calls: Asked[]): Promise<Told> {
  let answer: unknown
  for (const asked of [...calls, {}]) {
    const { outcome, response, error } = await lambda.invoke(asked)
    if (outcome !== 'response') throw new Error(`${outcome}: ${JSON.stringify(error)}`)
    answer = response
  }
  return answer as Told
}

async function start(pool: Pooled = {}): Promise<LocalLambda> {
  const lambda = await lambdas.start({ lingerMillis: 50, ...pool })
  await told(lambda)
  return lambda
}

function codes({ warnings }: Told): (string | undefined)[] {
  return warnings.map(({ code }) => code)
}

/** How many of the warnings name a function. */
function naming(name: string, { warnings }: Told): number {
  return warnings.filter(({ text }) => text.includes(name)).length
}

describe('work that was cut off at the end of its invocation', () => {
  it.each<{ way: Way; place: string }>([
    { way: 'query', place: 'auditTrail' },
    { way: 'async', place: 'runLater' },
    { way: 'connect', place: 'borrowAndForget' },
    { way: 'lockedOut', place: 'waitForAClient' },
  ])('is told by a process warning that names who asked for it ($way)', async ({ way, place }) => {
    const heard = await told(await start({ max: 2 }), { way, sql: SLOW })
    expect(codes(heard)).toContain(UNFINISHED)
    expect(heard.warnings.map(({ text }) => text).join('\n')).toContain(place)
    expect(heard.leaks).toBeGreaterThan(0)
    // A caller that waits is told beside what it waits for.
    if (way === 'lockedOut') expect(heard.leaks).toBe(3)
  })

  it('is counted, and its place told once', async () => {
    const heard = await told(await start(), { way: 'query', sql: SLOW, times: 3 })
    expect(codes(heard)).toEqual([UNFINISHED])
    expect(heard.warnings[0]?.text).toMatch(/\b3\b/)
    expect(heard.warnings[0]?.text.match(/auditTrail/g)).toHaveLength(1)
    expect(heard.leaks).toBe(3)
  })

  it('has its place told once in an environment, however often it is left behind', async () => {
    const left: Asked = { way: 'query', sql: SLOW }
    const heard = await told(await start(), left, left, left)
    expect(naming('auditTrail', heard)).toBe(1)
    expect(heard.leaks).toBe(3)
  })

  it('has each place told', async () => {
    const heard = await told(await start(), { way: 'query', sql: SLOW }, { way: 'connect' })
    expect([naming('auditTrail', heard), naming('borrowAndForget', heard)]).toEqual([1, 1])
  })

  it('is told with `lingerMillis: 0`, and in a cold call', async () => {
    const heard = await told(await lambdas.start({ lingerMillis: 0 }), { way: 'query', sql: SLOW })
    expect(codes(heard)).toEqual([UNFINISHED])
    expect(naming('auditTrail', heard)).toBe(1)
  })

  it('is told by the place alone, not by what was asked', async () => {
    const heard = await told(await start(), { way: 'query', sql: "SELECT pg_sleep(30), 'hush'" })
    expect(codes(heard)).toEqual([UNFINISHED])
    expect(naming('hush', heard)).toBe(0)
  })
})

describe('a client that comes back in a transaction', () => {
  it('is told by a process warning that names the borrower, once', async () => {
    const left: Asked = { way: 'dirty' }
    const heard = await told(await start(), left, left)
    expect(codes(heard).filter((code) => code?.startsWith('PG_THAW_'))).not.toEqual([])
    expect(naming('releaseInTransaction', heard)).toBe(1)
  })
})

describe('a handler that leaves nothing behind', () => {
  it('is told nothing', async () => {
    const heard = await told(await start(), { takesAll: true }, { first: false }, {})
    expect(heard).toMatchObject({ warnings: [], leaks: 0 })
  })

  it('is told nothing about work that it awaits after it has asked for more', async () => {
    const heard = await told(await start(), { way: 'race', sql: 'SELECT 1', stays: 50 })
    expect(heard).toMatchObject({ warnings: [], leaks: 0 })
  })
})
