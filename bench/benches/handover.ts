import type { Contest } from '../bench.js'
import type { MakeFakePool } from '../contenders/fake-pool.js'
import { queueingPools } from '../contenders/fake-pools.js'
import { collectGarbage, type Entrant, medianOf } from '../turns.js'

const callers = 30_000
const leadIn = callers / 10
const resources = 10

/** Many callers queue at once for a few resources: CPU time per hand-over from one to the next. */
export const handover: Contest = {
  kind: 'contest',
  names: ['handover'],
  needs: 'nothing',
  nodeFlags: [],
  turns: { warmups: 2, turns: 7 },
  entrants: () => queueingPools.map(([name, make]) => ({ name, open: () => openPool(make) })),
  rows: (_asked, samples) =>
    queueingPools.map(([contender]) => ({
      bench: 'handover',
      contender,
      value: medianOf(samples, contender, 'cpuMicros', callers) * 1000,
      unit: 'ns CPU',
    })),
}

async function openPool(make: MakeFakePool): ReturnType<Entrant['open']> {
  const pool = make(resources)
  const giveBack = await pool.hold(resources)
  await giveBack()
  return {
    prepare: () => {
      // The queue of the last round is garbage that has grown old.
      collectGarbage()
      pool.answer?.()
      return pool.queue(leadIn)
    },
    run: () => pool.queue(callers),
  }
}
