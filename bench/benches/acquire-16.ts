import type { Contest } from '../bench.js'
import { crowd, crowdedCycle } from '../contenders/crowd.js'
import type { MakeFakePool } from '../contenders/fake-pool.js'
import { queueingPools } from '../contenders/fake-pools.js'
import { type Entrant, medianOf } from '../turns.js'

/** Acquires and releases of each caller per round. */
const cycles = 1250
const leadIn = cycles / 10

/** Callers that acquire and release one after the other, more of them than there are resources: CPU time. */
export const acquire16: Contest = {
  kind: 'contest',
  names: ['acquire-16'],
  needs: 'nothing',
  nodeFlags: [],
  turns: { warmups: 5, turns: 17 },
  entrants: () => queueingPools.map(([name, make]) => ({ name, open: () => openPool(make) })),
  rows: (_asked, samples) =>
    queueingPools.map(([contender]) => ({
      bench: 'acquire-16',
      contender,
      value: medianOf(samples, contender, 'cpuMicros', crowd.callers * cycles) * 1000,
      unit: 'ns CPU',
    })),
}

async function openPool(make: MakeFakePool): ReturnType<Entrant['open']> {
  const pool = make(crowd.resources)
  const giveBack = await pool.hold(crowd.resources)
  await giveBack()
  return {
    prepare: () => {
      pool.answer?.()
      return crowdedCycle(pool, leadIn)
    },
    run: () => crowdedCycle(pool, cycles),
  }
}
