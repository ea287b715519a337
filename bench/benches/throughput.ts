import type { Contest } from '../bench.js'
import { type MakeQuerier, pgPool, pipelinedClients, postgresJs, type Querier, thaw } from '../contenders/queriers.js'
import { databaseOf } from '../surroundings.js'
import { medianOf } from '../turns.js'

const loops = 50
/** Queries of each loop per round. */
const queries = 60
const leadIn = 6

const contenders: readonly (readonly [string, MakeQuerier])[] = [
  ['pg-thaw', thaw],
  ['pg-pool', pgPool],
  ['postgres.js', postgresJs],
  ['pipelined clients', pipelinedClients],
]

/** Many loops of `SELECT 1` at once, over so many connections: queries per second. */
function throughput(max: 1 | 4 | 10): Contest {
  const bench = `throughput-${max}` as const
  return {
    kind: 'contest',
    names: [bench],
    needs: 'database',
    nodeFlags: [],
    turns: { warmups: 3, turns: 11 },
    entrants: (_asked, surroundings) =>
      contenders.map(([name, make]) => ({
        name,
        open: async () => {
          const querier = make(databaseOf(surroundings), max)
          await querier.open()
          return { prepare: () => loop(querier, leadIn), run: () => loop(querier, queries) }
        },
      })),
    rows: (_asked, samples) =>
      contenders.map(([contender]) => ({
        bench,
        contender,
        value: 1_000_000 / medianOf(samples, contender, 'wallMicros', loops * queries),
        unit: 'queries/s',
      })),
  }
}

async function loop(querier: Querier, times: number): Promise<void> {
  const one = async () => {
    for (let i = 0; i < times; i++) await querier.quick()
  }
  await Promise.all(Array.from({ length: loops }, one))
}

export const throughput1: Contest = throughput(1)
export const throughput4: Contest = throughput(4)
export const throughput10: Contest = throughput(10)
