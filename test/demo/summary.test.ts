import type { InvocationRecord } from 'pg-thaw/testing'
import { describe, expect, test } from 'vitest'
import { failuresIn, percentile, type Summary, summarizeCalls } from '../../demo/summary'
import { table } from '../../demo/table'

function call(outcome: InvocationRecord['outcome'], detail: Partial<InvocationRecord> = {}): InvocationRecord {
  return { requestId: '1', environmentId: '1', cold: false, outcome, latencyMillis: 1, billedMillis: 1, ...detail }
}

const succeeded = (databaseMillis: number) => call('response', { response: { databaseMillis } })
const failed = (errorMessage: string) => call('error', { error: { errorType: 'Error', errorMessage } })

describe('a percentile', () => {
  test.each([
    [[7], 50, 7],
    [[3, 1, 2], 50, 2],
    [[4, 1, 3, 2], 50, 2],
    [[4, 1, 3, 2], 95, 4],
    [Array.from({ length: 100 }, (_, i) => 100 - i), 95, 95],
    [[5, 6], 0, 5],
    [[5, 6], 100, 6],
  ])('is the nearest rank: of %j at %i it is %d', (values, percent, expected) => {
    expect(percentile(values, percent)).toBe(expected)
  })

  test('of nothing is null, not a number', () => {
    expect(percentile([], 50)).toBeNull()
  })

  test('leaves its values in their order', () => {
    const values = [3, 1, 2]
    percentile(values, 50)
    expect(values).toEqual([3, 1, 2])
  })
})

describe('a summary', () => {
  test('counts every call without a response as failed, and crashes apart', () => {
    const records = [succeeded(1), failed('no'), call('crash'), call('timeout'), call('init-error')]
    expect(summarizeCalls(records)).toMatchObject({ calls: 5, failed: 4, crashes: 1 })
  })

  test('times the calls that succeeded, to a tenth of a millisecond', () => {
    expect(summarizeCalls([succeeded(1.26), failed('no'), succeeded(10)])).toMatchObject({ p50Ms: 1.3, p95Ms: 10 })
    expect(summarizeCalls([failed('no')])).toMatchObject({ p50Ms: null, p95Ms: null })
  })

  test('names failures by message without the id of the call, the most frequent first', () => {
    const often = ['RequestId: 1-2 often', 'RequestId: 3-4 Error: often'].map(failed)
    const records = [failed('rare'), succeeded(1), ...often, call('timeout')]
    expect(failuresIn(records)).toEqual([
      ['often', 2],
      ['rare', 1],
      ['timeout', 1],
    ])
  })
})

test('the table has a row for each contender, its numbers beneath their headings', () => {
  const row: Summary = {
    calls: 192,
    failed: 16,
    crashes: 0,
    connects: 48,
    p50Ms: 2.5,
    p95Ms: null,
    peakSessions: 16,
    leftSessions: 3,
  }
  expect(`\n${table({ 'pg-pool': row, x: { ...row, calls: 7 } })}\n`).toMatchInlineSnapshot(`
    "
    |         | calls | failed | crashes | connects | p50 ms | p95 ms | most sessions | sessions left |
    | ------- | ----: | -----: | ------: | -------: | -----: | -----: | ------------: | ------------: |
    | pg-pool |   192 |     16 |       0 |       48 |    2.5 |      – |            16 |             3 |
    | x       |     7 |     16 |       0 |       48 |    2.5 |      – |            16 |             3 |
    "
  `)
})
