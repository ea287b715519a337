import { GCProfiler, getHeapStatistics } from 'node:v8'
import type { BenchName, Contest } from '../bench.js'
import { crowd, crowdedCycle } from '../contenders/crowd.js'
import type { FakePool, MakeFakePool } from '../contenders/fake-pool.js'
import { fakePools, queueingPools } from '../contenders/fake-pools.js'
import { collectGarbage, type Entrant, medianOf } from '../turns.js'

interface Field {
  readonly bench: 'heap' | 'heap-16'
  readonly contender: string
  /** Unique among all. */
  readonly name: string
  /** Acquires and releases per round. */
  readonly cycles: number
  readonly open: Entrant['open']
}

const oneCycles = 5000
/** Of each of the crowd. */
const crowdCycles = 300

const fields: readonly Field[] = [
  ...fakePools.map(([contender, make]) => ({
    bench: 'heap' as const,
    contender,
    name: `heap ${contender}`,
    cycles: oneCycles,
    open: () => openPool(make, 1, (pool, share) => pool.cycle(oneCycles * share)),
  })),
  ...queueingPools.map(([contender, make]) => ({
    bench: 'heap-16' as const,
    contender,
    name: `heap-16 ${contender}`,
    cycles: crowd.callers * crowdCycles,
    open: () => openPool(make, crowd.resources, (pool, share) => crowdedCycle(pool, crowdCycles * share)),
  })),
]

/**
 * Bytes allocated per acquire and release, by one caller and by more callers than there are resources: how much the heap grows over many
 * of them while nothing is collected, which a young generation larger than what they allocate makes sure of.
 */
export const heap: Contest = {
  kind: 'contest',
  names: ['heap', 'heap-16'],
  needs: 'nothing',
  nodeFlags: ['--min-semi-space-size=64', '--max-semi-space-size=64'],
  turns: { warmups: 12, turns: 21 },
  entrants: (asked) => fieldsOf(asked).map(({ name, open }) => ({ name, open })),
  rows: (asked, samples) =>
    fieldsOf(asked).map(({ bench, contender, name, cycles }) => ({
      bench,
      contender,
      value: medianOf(samples, name, 'returned', cycles),
      unit: 'bytes',
    })),
}

function fieldsOf(asked: readonly BenchName[]): Field[] {
  return fields.filter(({ bench }) => asked.includes(bench))
}

/** @param cycle Acquires and releases, for that share of a round. */
async function openPool(
  make: MakeFakePool,
  resources: number,
  cycle: (pool: FakePool, share: number) => Promise<void>,
): ReturnType<Entrant['open']> {
  const pool = make(resources)
  const giveBack = await pool.hold(resources)
  await giveBack()
  return {
    prepare: () => {
      collectGarbage()
      pool.answer?.()
      return cycle(pool, 0.1)
    },
    run: () => growthOver(() => cycle(pool, 1)),
  }
}

/** Nothing when something was collected after all. */
async function growthOver(work: () => Promise<void>): Promise<number | undefined> {
  const collections = new GCProfiler()
  collections.start()
  const before = getHeapStatistics().used_heap_size
  await work()
  const growth = getHeapStatistics().used_heap_size - before
  return collections.stop().statistics.length === 0 ? growth : undefined
}
