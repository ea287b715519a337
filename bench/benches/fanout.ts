import { type Bench, roundTripMillis } from '../bench.js'
import { heldClient, pgPool, pipelinedClients, postgresJs, thaw } from '../contenders/queriers.js'
import { interleave, medianOf } from '../rounds.js'
import { distantDatabaseOf } from '../surroundings.js'

/** Queries that are asked at once, with one connection that is open, to a distant server: wall time in round trips. */
function fanout(queries: 20 | 100): Bench {
  const bench = `fanout-${queries}` as const
  return {
    names: [bench],
    needs: 'distant database',
    nodeFlags: [],
    async run(_asked, surroundings) {
      const database = distantDatabaseOf(surroundings)
      const queriers = [thaw, pgPool, postgresJs, pipelinedClients].map((make) => make(database, 1))
      const lone = heldClient(database)
      for (const querier of [...queriers, lone]) await querier.open()
      const subjects = queriers.map((querier) => ({
        name: querier.name,
        // The connection is in use, as it is in the middle of a call.
        prepare: async () => void (await querier.quick()),
        run: async () => void (await Promise.all(Array.from({ length: queries }, () => querier.quick()))),
      }))
      const ruler = { name: 'one query, held client', run: async () => void (await lone.quick()) }
      const samples = await interleave([...subjects, ruler], { warmups: 2, turns: queries === 20 ? 17 : 7 })
      for (const querier of [...queriers, lone]) await querier.end()
      return [...subjects, ruler].map(({ name }) => ({
        bench,
        contender: name,
        value: medianOf(samples, name, 'wallMicros', 1) / 1000 / roundTripMillis,
        unit: 'RTT',
      }))
    },
  }
}

export const fanout20: Bench = fanout(20)
export const fanout100: Bench = fanout(100)
