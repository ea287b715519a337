import { GCProfiler, getHeapStatistics } from 'node:v8'
import type { Bench } from '../bench.js'
import { bareStack } from '../contenders/bare-stack.js'
import { thawCore } from '../contenders/core.js'
import { pgPool, thawFace } from '../contenders/faces.js'
import type { FakePool } from '../contenders/fake-pool.js'
import { genericPool } from '../contenders/generic.js'
import { tarn } from '../contenders/tarn.js'
import { collectGarbage, median } from '../rounds.js'

const cycles = 5000
const leadIn = 500
const warmups = 10
const rounds = 11

/**
 * Bytes allocated per acquire and release: how much the heap grows over many of them while nothing is collected, which a young
 * generation larger than what they allocate makes sure of.
 */
export const heap: Bench = {
  names: ['heap'],
  needs: 'nothing',
  nodeFlags: ['--min-semi-space-size=64', '--max-semi-space-size=64'],
  async run() {
    const pools = [thawCore, thawFace, pgPool, genericPool, tarn, bareStack].map((make) => make(1))
    const growths = new Map(pools.map(({ name }): [string, number[]] => [name, []]))
    for (const pool of pools) {
      const giveBack = await pool.hold(1)
      await giveBack()
    }
    for (let round = -warmups; round < rounds; round++) {
      for (const pool of pools) {
        const growth = await growthOf(pool)
        if (round >= 0 && growth !== undefined) growths.get(pool.name)?.push(growth)
      }
    }
    return pools.map(({ name }) => ({
      bench: 'heap',
      contender: name,
      value: median(growths.get(name) ?? []) / cycles,
      unit: 'bytes',
    }))
  },
}

/** Nothing when something was collected after all. */
async function growthOf(pool: FakePool): Promise<number | undefined> {
  pool.answer?.()
  collectGarbage()
  await pool.cycle(leadIn)
  const collections = new GCProfiler()
  collections.start()
  const before = getHeapStatistics().used_heap_size
  await pool.cycle(cycles)
  const growth = getHeapStatistics().used_heap_size - before
  return collections.stop().statistics.length === 0 ? growth : undefined
}
