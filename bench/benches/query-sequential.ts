import type { Bench, Row } from '../bench.js'
import { heldClient, pgPool, postgresJs, type Querier, thaw } from '../contenders/queriers.js'
import { interleave, medianOf } from '../rounds.js'
import { databaseOf } from '../surroundings.js'

/** Queries per round: few, so that a busy moment of the machine meets all contenders and not one. */
const queries = 50
const leadIn = 10

/** One query after the other over TCP: wall time and CPU time of this process, per query. */
export const querySequential: Bench = {
  names: ['query-sequential'],
  needs: 'database',
  nodeFlags: [],
  async run(_asked, surroundings) {
    const queriers = [thaw, heldClient, pgPool, postgresJs].map((make) => make(databaseOf(surroundings), 1))
    for (const querier of queriers) await querier.open()
    const subjects = queriers.map((querier) => ({
      name: querier.name,
      prepare: () => ask(querier, leadIn),
      run: () => ask(querier, queries),
    }))
    const samples = await interleave(subjects, { warmups: 40, turns: 501 })
    for (const querier of queriers) await querier.end()
    const rows = (figure: 'wallMicros' | 'cpuMicros', unit: string): Row[] =>
      queriers.map(({ name }) => ({
        bench: 'query-sequential',
        contender: name,
        value: medianOf(samples, name, figure, queries),
        unit,
      }))
    return [...rows('wallMicros', 'µs wall'), ...rows('cpuMicros', 'µs CPU')]
  },
}

async function ask(querier: Querier, times: number): Promise<void> {
  for (let i = 0; i < times; i++) await querier.quick()
}
