import type { Contest } from '../bench.js'
import type { MakeFakePool } from '../contenders/fake-pool.js'
import { fakePools } from '../contenders/fake-pools.js'
import { type Entrant, medianOf } from '../turns.js'

/** Replacements per round. */
const replacements = 2000
const leadIn = replacements / 10

const sizes = [
  ['replace-10', 10],
  ['replace-1000', 1000],
] as const

const fields = sizes.flatMap(([bench, max]) =>
  fakePools
    .filter(([contender]) => contender !== 'tarn' && contender !== 'bare stack')
    .map(([contender, make]) => ({ bench, contender, max, make, name: `${bench} ${contender}` })),
)

/** Discarding a resource and acquiring another one, while the rest is lent: CPU time, with ten and with a thousand. */
export const replace: Contest = {
  kind: 'contest',
  names: ['replace-10', 'replace-1000'],
  needs: 'nothing',
  nodeFlags: [],
  turns: { warmups: 8, turns: 25 },
  // A thousand is read against ten, so both always run.
  entrants: () => fields.map(({ name, make, max }) => ({ name, open: () => openPool(make, max) })),
  rows: (_asked, samples) =>
    fields.map(({ bench, contender, name }) => ({
      bench,
      contender,
      value: medianOf(samples, name, 'cpuMicros', replacements) * 1000,
      unit: 'ns CPU',
    })),
}

async function openPool(make: MakeFakePool, max: number): ReturnType<Entrant['open']> {
  const pool = make(max)
  await pool.hold(max - 1)
  return {
    prepare: () => {
      pool.answer?.()
      return pool.replace?.(leadIn)
    },
    run: async () => pool.replace?.(replacements),
  }
}
