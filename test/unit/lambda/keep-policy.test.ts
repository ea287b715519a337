import { describe, expect, it } from 'vitest'
import { connectionsToKeep, credit, leaseToDial, type Observations } from '../../../src/lambda/keep-policy'

const seen: Observations = {
  pooling: 'auto',
  min: 2,
  held: [],
  initialization: 'on-demand',
  invocations: 5,
  gapsMillis: [],
}

/** How many of a pool survive whose connections all have this lease. */
function kept(change: Partial<Observations>, leaseMillis = 75_000): number {
  const { most, isWorth } = connectionsToKeep({ ...seen, ...change })
  return isWorth(leaseMillis) ? most : 0
}

describe('how many connections are kept', () => {
  it.each<[string, Partial<Observations>, number]>([
    ['never keeps nothing, however warm', { pooling: 'never' }, 0],
    ['always keeps min from the first invocation on', { pooling: 'always', invocations: 1 }, 2],
    ['auto keeps nothing after the first invocation', { invocations: 1 }, 0],
    ['auto keeps min from the second invocation on', { invocations: 2 }, 2],
    [
      'auto keeps min from the start with provisioned concurrency',
      { invocations: 1, initialization: 'provisioned-concurrency' },
      2,
    ],
    ['auto keeps no min once the last gaps all outlasted the lease', { gapsMillis: [80_000, 90_000, 75_000] }, 0],
    ['auto keeps min while one of the last gaps was within the lease', { gapsMillis: [80_000, 60_000, 90_000] }, 2],
    ['auto keeps min while few gaps are known', { gapsMillis: [80_000, 90_000] }, 2],
    ['min 0 keeps nothing', { pooling: 'always', min: 0 }, 0],
    [
      'without min, as many as each of the last three calls held',
      { min: undefined, held: [2, 4, 3, 5], gapsMillis: [1] },
      3,
    ],
    ['without min, one where no call has used the pool yet', { min: undefined, gapsMillis: [1] }, 1],
    ['without min, none for a cold environment', { min: undefined, held: [4], invocations: 1 }, 0],
    ['without min, none while nothing speaks for it', { min: undefined, gapsMillis: [] }, 0],
    ['without min, none where calls come too rarely', { min: undefined, gapsMillis: [60_000, 200_000, 50_000] }, 0],
    ['always keeps even where calls come too rarely', { pooling: 'always', gapsMillis: [1e6, 1e6, 1e6] }, 2],
    ['min goes before what calls held', { held: [9, 9, 9] }, 2],
  ])('%s', (_name, change, expected) => {
    expect(kept(change)).toBe(expected)
  })

  it.each([2, undefined])('those without a lease stay after any gap (min %s)', (min) => {
    expect(kept({ min, held: [2], gapsMillis: [1e9, 1e9, 1e9] }, Number.POSITIVE_INFINITY)).toBe(2)
  })

  it('those of one lease may be kept, and those of another not', () => {
    const { isWorth } = connectionsToKeep({ ...seen, min: undefined, gapsMillis: [30_000] })
    expect([15_000, 75_000, 130_000].map(isWorth)).toEqual([false, true, false])
  })
})

describe('what a lease is worth', () => {
  it('a connect less the time that the session idled, for each gap that fits', () => {
    expect(credit([10_000], 75_000)).toBe(75_000 - 10_000 - 75_000 / 2)
  })

  it('less the whole lease for each that does not, nor nearly', () => {
    for (const gap of [74_001, 75_000, 1e9]) expect(credit([gap], 75_000)).toBe(-75_000 - 75_000 / 2)
    expect(credit([74_000], 75_000)).toBe(1000 - 75_000 / 2)
  })

  it('more by what is new than by what is old', () => {
    expect(credit([1e9, 1000], 15_000)).toBeGreaterThan(credit([1000, 1e9], 15_000))
  })
})

describe('the lease of a connection', () => {
  const TIMEOUT_MILLIS = 3000

  it.each([
    ['is the usual one where nothing is known', [], 75_000],
    ['is short where calls come at once after each other', [5000, 5000], 15_000],
    ['fits a timer of half a minute', [30_000, 30_000, 30_000], 75_000],
    ['is long where only that pays', [40_000, 76_000, 40_000, 76_000, 40_000, 76_000, 40_000], 130_000],
    ['is the usual one where none pays', [1e6, 1e6], 75_000],
  ])('%s', (_name, gapsMillis, expected) => {
    expect(leaseToDial(gapsMillis, TIMEOUT_MILLIS)).toBe(expected)
  })

  it('is no shorter than an invocation can last, in which its borrower may leave it idle', () => {
    expect(leaseToDial([5000, 5000], 15_000)).toBe(15_000)
    expect(leaseToDial([5000, 5000], 15_001)).toBe(75_000)
    expect(leaseToDial([5000, 5000], Number.POSITIVE_INFINITY)).toBe(75_000)
  })
})
