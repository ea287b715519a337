import { GCProfiler, getHeapStatistics } from 'node:v8'
import type { Contest } from '../bench.js'
import type { FakePool, MakeFakePool } from '../contenders/fake-pool.js'
import { fakePools } from '../contenders/fake-pools.js'
import { collectGarbage, type Entrant, medianOf } from '../turns.js'

const cycles = 5000
const leadIn = 500

/**
 * Bytes allocated per acquire and release: how much the heap grows over many of them while nothing is collected, which a young
 * generation larger than what they allocate makes sure of.
 */
export const heap: Contest = {
  kind: 'contest',
  names: ['heap'],
  needs: 'nothing',
  nodeFlags: ['--min-semi-space-size=64', '--max-semi-space-size=64'],
  turns: { warmups: 12, turns: 21 },
  entrants: () => fakePools.map(([name, make]) => ({ name, open: () => openPool(make) })),
  rows: (_asked, samples) =>
    fakePools.map(([contender]) => ({
      bench: 'heap',
      contender,
      value: medianOf(samples, contender, 'returned', cycles),
      unit: 'bytes',
    })),
}

async function openPool(make: MakeFakePool): ReturnType<Entrant['open']> {
  const pool = make(1)
  const giveBack = await pool.hold(1)
  await giveBack()
  return {
    prepare: () => {
      collectGarbage()
      pool.answer?.()
      return pool.cycle(leadIn)
    },
    run: () => growthOf(pool),
  }
}

/** Nothing when something was collected after all. */
async function growthOf(pool: FakePool): Promise<number | undefined> {
  const collections = new GCProfiler()
  collections.start()
  const before = getHeapStatistics().used_heap_size
  await pool.cycle(cycles)
  const growth = getHeapStatistics().used_heap_size - before
  return collections.stop().statistics.length === 0 ? growth : undefined
}
