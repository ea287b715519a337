import { describe, expect, it } from 'vitest'
import { compare, type Terms } from '../../../src/replay/comparison'
import { plotOf } from '../../../src/replay/plot'
import type { Recorded } from '../../../src/replay/read-calls'
import { reportOf } from '../../../src/replay/report'

const TERMS: Terms = { connectMillis: 60_000, timeoutMillis: 3000, seed: 1 }
const NOON = Date.UTC(2026, 10, 27, 12)

function every(seconds: number, times: number): Recorded {
  const calls = Array.from({ length: times }, (_, time) => ({ at: NOON + time * seconds * 1000, millis: 10 }))
  return { functions: new Map([['orders', calls]]), calls: times, passedOver: 0 }
}

const named = (recorded: Recorded, name: string) => {
  const row = compare(recorded, TERMS).rows.find((it) => it.name === name)
  if (row === undefined) throw new Error(`there is no row ${name}`)
  return row
}

describe('policies beside each other', () => {
  it('connect in each call, or in few', () => {
    const recorded = every(10, 100)
    expect(named(recorded, "pooling: 'never'")).toMatchObject({ warm: 99, connects: 99, idleSessions: 0 })
    expect(named(recorded, "pooling: 'auto'")).toMatchObject({ warm: 99, connects: 1 })
  })

  it('cost what somebody would pay who knew the future, and more', () => {
    for (const recorded of [every(10, 100), every(90, 100), every(600, 100)]) {
      for (const { cost } of compare(recorded, TERMS).rows) expect(cost).toBeGreaterThanOrEqual(1)
    }
    expect(named(every(600, 100), "pooling: 'auto'").idleSessions).toBe(0)
  })

  it('tell of a lease that fits', () => {
    expect(compare(every(40, 200), TERMS).bestLeaseMillis).toBe(45_000)
  })

  it('tell how many environments ran at once', () => {
    const calls = [0, 5, 8, 400, 401].map((after) => ({ at: NOON + after, millis: 10 }))
    const recorded = { functions: new Map([['orders', calls]]), calls: 5, passedOver: 0 }
    expect(compare(recorded, TERMS)).toMatchObject({ environments: 3, mostAtOnce: 3 })
  })

  it('take a single call of no length', () => {
    const recorded = { functions: new Map([['orders', [{ at: NOON, millis: 0 }]]]), calls: 1, passedOver: 0 }
    for (const { cost, warm } of compare(recorded, TERMS).rows) expect([cost, warm]).toEqual([1, 0])
  })

  it('are the same for the same seed', () => {
    expect(compare(every(200, 50), TERMS)).toEqual(compare(every(200, 50), TERMS))
  })

  it('have sessions over time that come to as many as there are on average', () => {
    const { overTime, idleSessions } = named(every(10, 100), "pooling: 'auto'")
    const average = overTime.reduce((sum, it) => sum + it, 0) / overTime.length
    // What is idle after the last call is no part of the time: with one environment there is never more than one session.
    expect(average).toBeGreaterThan(0.9)
    expect(average).toBeLessThanOrEqual(1)
    expect(average).toBeCloseTo(idleSessions)
  })
})

describe('the report', () => {
  const report = (recorded: Recorded, passedOver = 0) => reportOf(compare(recorded, TERMS), 60_000, passedOver)

  it('says what fits', () => {
    expect(report(every(10, 100))).toContain('What fits: leave `min`, `pooling` and `leaseMillis` out.')
    expect(report(every(40, 20))).toMatch(/What fits: `min: 1, leaseMillis: 45000` costs \d\.\d\d against \d\.\d\d/)
  })

  it('says what was read', () => {
    expect(report(every(60, 100), 7)).toMatch(
      /^100 calls in 1 h 39 min: 1 environment, at most 1 at once\nPassed over: 7 rows without a call\n/,
    )
    expect(report(every(1, 10))).toMatch(/^10 calls in 9 s:/)
    expect(report(every(60, 10))).toMatch(/^10 calls in 9 min:/)
  })

  it('names several functions', () => {
    const { functions } = every(10, 5)
    const [calls = []] = functions.values()
    const two = {
      functions: new Map([
        ['a', calls],
        ['b', calls],
      ]),
      calls: 10,
      passedOver: 0,
    }
    expect(report(two)).toMatch(/^10 calls of 2 functions in/)
  })
})

it('the picture has a line for each policy, and stands alone', () => {
  const picture = plotOf(compare(every(10, 100), TERMS))
  expect(picture.match(/<path d="M48\.?\d* /g)?.length ?? 0).toBeGreaterThan(0)
  expect(picture).toContain('2026-11-27 12:00 UTC')
  expect(picture).not.toMatch(/NaN|undefined|href|@import/)
  for (const { name } of compare(every(10, 100), TERMS).rows) expect(picture).toContain(`${name}: `)
})
