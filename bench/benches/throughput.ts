import type { Bench } from '../bench.js'
import { pgPool, pipelinedClients, postgresJs, type Querier, thaw } from '../contenders/queriers.js'
import { interleave, medianOf } from '../rounds.js'
import { databaseOf } from '../surroundings.js'

const loops = 50
/** Queries of each loop per round. */
const queries = 100
const leadIn = 10

/** Many loops of `SELECT 1` at once, over so many connections: queries per second. */
function throughput(max: 1 | 4 | 10): Bench {
  const bench = `throughput-${max}` as const
  return {
    names: [bench],
    needs: 'database',
    nodeFlags: [],
    async run(_asked, surroundings) {
      const queriers = [thaw, pgPool, postgresJs, pipelinedClients].map((make) => make(databaseOf(surroundings), max))
      for (const querier of queriers) await querier.open()
      const subjects = queriers.map((querier) => ({
        name: querier.name,
        prepare: () => loop(querier, leadIn),
        run: () => loop(querier, queries),
      }))
      const samples = await interleave(subjects, { warmups: 2, turns: 13 })
      for (const querier of queriers) await querier.end()
      return queriers.map(({ name }) => ({
        bench,
        contender: name,
        value: 1_000_000 / medianOf(samples, name, 'wallMicros', loops * queries),
        unit: 'queries/s',
      }))
    },
  }
}

async function loop(querier: Querier, times: number): Promise<void> {
  const one = async () => {
    for (let i = 0; i < times; i++) await querier.quick()
  }
  await Promise.all(Array.from({ length: loops }, one))
}

export const throughput1: Bench = throughput(1)
export const throughput4: Bench = throughput(4)
export const throughput10: Bench = throughput(10)
