import type { Contest, Row } from '../bench.js'
import { heldClient, type MakeQuerier, pgPool, postgresJs, type Querier, thaw } from '../contenders/queriers.js'
import { databaseOf } from '../surroundings.js'
import { medianOf } from '../turns.js'

/** Queries per round: few, so that a busy moment of the machine meets all contenders and not one. */
const queries = 50
const leadIn = 10

const contenders: readonly (readonly [string, MakeQuerier])[] = [
  ['pg-thaw', thaw],
  ['held client', heldClient],
  ['pg-pool', pgPool],
  ['postgres.js', postgresJs],
]

/** One query after the other over TCP: wall time and CPU time of this process, per query. */
export const querySequential: Contest = {
  kind: 'contest',
  names: ['query-sequential'],
  needs: 'database',
  nodeFlags: [],
  turns: { warmups: 60, turns: 301 },
  entrants: (_asked, surroundings) =>
    contenders.map(([name, make]) => ({
      name,
      open: async () => {
        const querier = make(databaseOf(surroundings), 1)
        await querier.open()
        return { prepare: () => ask(querier, leadIn), run: () => ask(querier, queries) }
      },
    })),
  rows: (_asked, samples) => {
    const rows = (figure: 'wallMicros' | 'cpuMicros', unit: string): Row[] =>
      contenders.map(([contender]) => ({
        bench: 'query-sequential',
        contender,
        value: medianOf(samples, contender, figure, queries),
        unit,
      }))
    return [...rows('wallMicros', 'µs wall'), ...rows('cpuMicros', 'µs CPU')]
  },
}

async function ask(querier: Querier, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await querier.quick()
}
