import type { Bench, Row } from '../bench.js'
import { thawCore } from '../contenders/core.js'
import { pgPool, thawFace } from '../contenders/faces.js'
import { genericPool } from '../contenders/generic.js'
import { interleave, medianOf } from '../rounds.js'

/** Replacements per round. */
const replacements = 2000
const leadIn = replacements / 10

/** Discarding a resource and acquiring another one, while the rest is lent: CPU time, with ten and with a thousand. */
export const replace: Bench = {
  names: ['replace-10', 'replace-1000'],
  needs: 'nothing',
  nodeFlags: [],
  // A thousand is read against ten, so both always run.
  async run() {
    const runs = []
    for (const [bench, max] of [
      ['replace-10', 10],
      ['replace-1000', 1000],
    ] as const) {
      for (const make of [thawCore, thawFace, pgPool, genericPool]) {
        const pool = make(max)
        await pool.hold(max - 1)
        const giveBack = await pool.hold(1)
        await giveBack()
        runs.push({ bench, pool, name: `${bench} ${pool.name}` })
      }
    }
    const subjects = runs.map(({ name, pool }) => ({
      name,
      prepare: () => {
        pool.answer?.()
        return pool.replace?.(leadIn)
      },
      run: async () => pool.replace?.(replacements),
    }))
    const samples = await interleave(subjects, { warmups: 8, turns: 41 })
    return runs.map(
      ({ bench, pool, name }): Row => ({
        bench,
        contender: pool.name,
        value: medianOf(samples, name, 'cpuMicros', replacements) * 1000,
        unit: 'ns CPU',
      }),
    )
  },
}
