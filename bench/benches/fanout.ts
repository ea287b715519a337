import { type Contest, roundTripMillis } from '../bench.js'
import { heldClient, type MakeQuerier, pgPool, pipelinedClients, postgresJs, thaw } from '../contenders/queriers.js'
import { distantDatabaseOf } from '../surroundings.js'
import { medianOf } from '../turns.js'

/** Queries that are asked at once, with one connection that is open, to a distant server: wall time in round trips. */
function fanout(queries: 20 | 100): Contest {
  const bench = `fanout-${queries}` as const
  const contenders: readonly (readonly [name: string, make: MakeQuerier, queries: number])[] = [
    ['pg-thaw', thaw, queries],
    ['pg-pool', pgPool, queries],
    ['postgres.js', postgresJs, queries],
    ['pipelined clients', pipelinedClients, queries],
    ['one query, held client', heldClient, 1],
  ]
  return {
    kind: 'contest',
    names: [bench],
    needs: 'distant database',
    nodeFlags: [],
    turns: { warmups: 2, turns: queries === 20 ? 15 : 5 },
    entrants: (_asked, surroundings) =>
      contenders.map(([name, make, count]) => ({
        name,
        open: async () => {
          const querier = make(distantDatabaseOf(surroundings), 1)
          await querier.open()
          return {
            // The connection is in use, as it is in the middle of a call.
            prepare: () => querier.quick(),
            run: () => Promise.all(Array.from({ length: count }, () => querier.quick())),
          }
        },
      })),
    rows: (_asked, samples) =>
      contenders.map(([contender]) => ({
        bench,
        contender,
        value: medianOf(samples, contender, 'wallMicros', 1) / 1000 / roundTripMillis,
        unit: 'RTT',
      })),
  }
}

export const fanout20: Contest = fanout(20)
export const fanout100: Contest = fanout(100)
