import type { Contest } from '../bench.js'
import { type Asker, type MakeAsker, pgPool, postgresJs, thaw } from '../contenders/askers.js'
import { orderByKey } from '../orders.js'
import { databaseOf } from '../surroundings.js'
import { medianOf, type Subject } from '../turns.js'

const max = 10
const crowds = [50, 200] as const
/** Queries of all loops together per round. */
const queries = 2000
const slowest = 0.01

const contenders: readonly (readonly [string, MakeAsker])[] = [
  ['pg-thaw', thaw],
  ['pg-pool', pgPool],
  ['postgres.js', postgresJs],
]

const entries = crowds.flatMap((loops) =>
  contenders.map(([contender, make]) => ({ name: `${contender}, ${loops} loops`, contender, make, loops })),
)

/** Many loops of a query by key at once, over ten connections: queries per second, and how long all but the slowest hundredth take. */
export const throughputKey: Contest = {
  kind: 'contest',
  names: ['throughput-key'],
  needs: 'orders',
  nodeFlags: [],
  turns: { warmups: 3, turns: 11 },
  entrants: (_asked, surroundings) =>
    entries.map(({ name, make, loops }) => ({
      name,
      open: () => crowd(make(databaseOf(surroundings), max), loops),
    })),
  rows: (_asked, samples) =>
    entries.flatMap(({ name, contender, loops }) => [
      {
        bench: 'throughput-key' as const,
        contender,
        value: 1_000_000 / medianOf(samples, name, 'wallMicros', queries),
        unit: `queries/s, ${loops} loops`,
      },
      {
        bench: 'throughput-key' as const,
        contender,
        value: medianOf(samples, name, 'returned', 1),
        unit: `ms p99, ${loops} loops`,
      },
    ]),
}

async function crowd(asker: Asker, loops: number): Promise<Subject> {
  await asker.open()
  let asked = 0
  let millis: number[] = []
  const loop = async (times: number) => {
    for (let i = 0; i < times; i++) {
      const began = performance.now()
      await asker.ask(orderByKey, orderByKey.value(asked++))
      millis.push(performance.now() - began)
    }
  }
  const all = (times: number) => Promise.all(Array.from({ length: loops }, () => loop(times)))
  return {
    async prepare() {
      await all(Math.ceil(queries / loops / 5))
      millis = []
    },
    run: () => all(queries / loops),
    account: () => millis.toSorted((one, other) => other - one)[Math.floor(millis.length * slowest)],
  }
}
