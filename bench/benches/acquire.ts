import type { BenchName, Contest, Row } from '../bench.js'
import type { MakeFakePool } from '../contenders/fake-pool.js'
import { fakePools } from '../contenders/fake-pools.js'
import { type Entrant, medianOf } from '../turns.js'

/** Acquires and releases per round. */
const cycles = 20_000
const leadIn = cycles / 10

type Place = Omit<Row, 'value' | 'unit'>

/** Acquire and release, one after the other: CPU time, with one resource and with a thousand. */
export const acquire: Contest = {
  kind: 'contest',
  names: ['acquire-1', 'acquire-1000'],
  needs: 'nothing',
  nodeFlags: [],
  turns: { warmups: 5, turns: 17 },
  entrants: (asked) => fields(asked).map(({ place, open }) => ({ name: keyOf(place), open })),
  rows: (asked, samples) =>
    fields(asked).map(({ place }) => ({
      ...place,
      value: medianOf(samples, keyOf(place), 'cpuMicros', cycles) * 1000,
      unit: 'ns CPU',
    })),
}

interface Field {
  readonly place: Place
  readonly open: Entrant['open']
}

/** With a thousand is read against the time with one, so that one always runs. */
function fields(asked: readonly BenchName[]): Field[] {
  const all: Field[] = []
  for (const [contender, make] of fakePools) {
    all.push({ place: { bench: 'acquire-1', contender }, open: () => openPool(make, 1, 0) })
  }
  if (!asked.includes('acquire-1000')) return all
  for (const [contender, make] of fakePools) {
    all.push({ place: { bench: 'acquire-1000', contender }, open: () => openPool(make, 1000, 0) })
    const place: Place = { bench: 'acquire-1000', contender: `${contender}, 999 lent` }
    all.push({ place, open: () => openPool(make, 1000, 999) })
  }
  return all
}

async function openPool(make: MakeFakePool, max: number, lent: number): ReturnType<Entrant['open']> {
  const pool = make(max)
  const giveBack = await pool.hold(max)
  await giveBack()
  await pool.hold(lent)
  return {
    prepare: () => {
      pool.answer?.()
      return pool.cycle(leadIn)
    },
    run: () => pool.cycle(cycles),
  }
}

function keyOf({ bench, contender }: Place): string {
  return `${bench} ${contender}`
}
