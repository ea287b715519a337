import { describe, expect, it } from 'vitest'
import type { Asked, Told, Way } from './functions/unawaited'
import { functionUnderTest, type Pooled, wentHow } from './support/function-under-test'

const lambdas = functionUnderTest('unawaited')

const ways: readonly Way[] = [
  'query',
  'async',
  'chain',
  'use',
  'transaction',
  'connect',
  'connectCallback',
  'clientKept',
  'clientReleased',
  'dirty',
  'lockedOut',
  'waiting',
  'retry',
  'timer',
  'tick',
  'immediate',
]

/** Leaves work behind twice; after each, one call in which it may go on, and one that needs every connection. */
async function rounds(way: Way, pool: Pooled): Promise<{ went: string[]; last: Told }> {
  const lambda = await lambdas.start({ lingerMillis: 40, connectionTimeoutMillis: 1000, ...pool })
  const left: Asked = { way, sql: 'SELECT pg_sleep(0.15)', first: false }
  const went = [wentHow(await lambda.invoke({ takesAll: true }))]
  for (let round = 0; round < 2; round += 1) {
    for (const asked of [left, { stays: 30, first: false }, { takesAll: true }]) {
      went.push(wentHow(await lambda.invoke(asked)))
    }
  }
  const { response } = await lambda.invoke({})
  return { went, last: response as Told }
}

const few = ways.filter((way) => !['async', 'chain', 'connectCallback', 'clientKept', 'dirty', 'tick'].includes(way))

describe('what is taken by work that nobody awaits', () => {
  describe.each<{ pool: Pooled; left: readonly Way[] }>([
    { pool: { max: 2 }, left: ways },
    { pool: { max: 1, lingerMillis: 0 }, left: few },
  ])('of a pool with $pool', ({ pool, left }) => {
    it.each(left)('is there again for the calls that follow (%s)', async (way) => {
      const { went, last } = await rounds(way, pool)
      expect(went).toEqual(['answered cold', ...Array(6).fill('answered warm')])
      expect(last.stats).toMatchObject({ waiting: 0, lent: 0 })
      expect(last.stats.total).toBeLessThanOrEqual(pool.max ?? 0)
    })
  })
})
