import type { Bench } from '../bench.js'
import { thawCore } from '../contenders/core.js'
import { pgPool, thawFace } from '../contenders/faces.js'
import { genericPool } from '../contenders/generic.js'
import { tarn } from '../contenders/tarn.js'
import { collectGarbage, interleave, medianOf } from '../rounds.js'

const callers = 30_000
const leadIn = callers / 10
const resources = 10

/** Many callers queue at once for a few resources: CPU time per hand-over from one to the next. */
export const handover: Bench = {
  names: ['handover'],
  needs: 'nothing',
  nodeFlags: [],
  async run() {
    const pools = [thawCore, thawFace, pgPool, genericPool, tarn].map((make) => make(resources))
    for (const pool of pools) {
      const giveBack = await pool.hold(resources)
      await giveBack()
    }
    const subjects = pools.map((pool) => ({
      name: pool.name,
      prepare: () => {
        // The queue of the one before is garbage that has grown old.
        collectGarbage()
        pool.answer?.()
        return pool.queue(leadIn)
      },
      run: () => pool.queue(callers),
    }))
    const samples = await interleave(subjects, { warmups: 2, turns: 7 })
    return pools.map(({ name }) => ({
      bench: 'handover',
      contender: name,
      value: medianOf(samples, name, 'cpuMicros', callers) * 1000,
      unit: 'ns CPU',
    }))
  },
}
