import type { Bench, Row } from '../bench.js'
import { bareStack } from '../contenders/bare-stack.js'
import { thawCore } from '../contenders/core.js'
import { pgPool, thawFace } from '../contenders/faces.js'
import type { FakePool, MakeFakePool } from '../contenders/fake-pool.js'
import { genericPool } from '../contenders/generic.js'
import { tarn } from '../contenders/tarn.js'
import { interleave, medianOf, type Subject } from '../rounds.js'

const contenders: readonly MakeFakePool[] = [thawCore, thawFace, pgPool, genericPool, tarn, bareStack]

/** Acquires and releases per round. */
const cycles = 20_000
const leadIn = cycles / 10

/** Acquire and release, one after the other: CPU time, with one resource and with a thousand. */
export const acquire: Bench = {
  names: ['acquire-1', 'acquire-1000'],
  needs: 'nothing',
  nodeFlags: [],
  async run(asked) {
    // With a thousand is read against its own time with one, so that one always runs.
    const withThousand = asked.includes('acquire-1000')
    const pools: FakePool[] = []
    const subjects: Subject[] = []
    const rows: Omit<Row, 'value' | 'unit'>[] = []
    const add = async (row: Omit<Row, 'value' | 'unit'>, pool: FakePool, idle: number, lent: number) => {
      const giveBack = await pool.hold(idle)
      await giveBack()
      await pool.hold(lent)
      pools.push(pool)
      rows.push(row)
      subjects.push({
        name: keyOf(row),
        prepare: () => {
          pool.answer?.()
          return pool.cycle(leadIn)
        },
        run: () => pool.cycle(cycles),
      })
    }
    for (const make of contenders) {
      const pool = make(1)
      await add({ bench: 'acquire-1', contender: pool.name }, pool, 1, 0)
    }
    for (const make of withThousand ? contenders : []) {
      const idle = make(1000)
      await add({ bench: 'acquire-1000', contender: idle.name }, idle, 1000, 0)
      const busy = make(1000)
      await add({ bench: 'acquire-1000', contender: `${busy.name}, 999 lent` }, busy, 1000, 999)
    }
    const samples = await interleave(subjects, { warmups: 5, turns: withThousand ? 21 : 41 })
    return rows.map((row) => ({
      ...row,
      value: medianOf(samples, keyOf(row), 'cpuMicros', cycles) * 1000,
      unit: 'ns CPU',
    }))
  },
}

function keyOf({ bench, contender }: Omit<Row, 'value' | 'unit'>): string {
  return `${bench} ${contender}`
}
