import { describe, expect, it } from 'vitest'
import { connectionsToKeep, type Observations } from '../../../src/lambda/keep-policy'

const seen: Observations = {
  pooling: 'auto',
  min: 2,
  held: [],
  leaseMillis: 75_000,
  initialization: 'on-demand',
  invocations: 5,
  gapsMillis: [],
}

describe('the keep policy', () => {
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
    ['auto keeps nothing once the last gaps all outlasted the lease', { gapsMillis: [80_000, 90_000, 75_000] }, 0],
    ['auto keeps min while one of the last gaps was within the lease', { gapsMillis: [80_000, 60_000, 90_000] }, 2],
    ['auto keeps min while few gaps are known', { gapsMillis: [80_000, 90_000] }, 2],
    [
      'auto keeps min after any gap when there is no lease',
      { gapsMillis: [1e9, 1e9, 1e9], leaseMillis: Number.POSITIVE_INFINITY },
      2,
    ],
    ['min 0 keeps nothing', { pooling: 'always', min: 0 }, 0],
    ['without min, as many as each of the last three calls held', { min: undefined, held: [2, 4, 3, 5] }, 3],
    ['without min, one where no call has used the pool yet', { min: undefined }, 1],
    ['without min, none for a cold environment', { min: undefined, held: [4], invocations: 1 }, 0],
    ['min goes before what calls held', { held: [9, 9, 9] }, 2],
  ])('%s', (_name, change, expected) => {
    expect(connectionsToKeep({ ...seen, ...change })).toBe(expected)
  })
})
