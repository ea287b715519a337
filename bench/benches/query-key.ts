import type { Contest, Row } from '../bench.js'
import { type Asker, heldClient, type MakeAsker, namingClient, pgPool, postgresJs, thaw } from '../contenders/askers.js'
import { orderByKey, ordersOfCustomer, type Statement } from '../orders.js'
import { backendMicros } from '../server-cpu.js'
import { databaseOf } from '../surroundings.js'
import { meanOf, medianOf, type Subject } from '../turns.js'

const contenders: readonly (readonly [string, MakeAsker])[] = [
  ['pg-thaw', thaw],
  ['named, held client', namingClient],
  ['held client', heldClient],
  ['pg-pool', pgPool],
  ['postgres.js', postgresJs],
]

/** One statement again and again with other values: wall time, CPU time of this process, and that of the server's, per query. */
function repeated(
  bench: 'query-key' | 'query-join',
  statement: Statement,
  queries: number,
  turns: Contest['turns'],
): Contest {
  return {
    kind: 'contest',
    names: [bench],
    needs: 'orders',
    nodeFlags: [],
    turns,
    entrants: (_asked, surroundings) =>
      contenders.map(([name, make]) => ({
        name,
        open: () => asking(make(databaseOf(surroundings), 1), statement, queries),
      })),
    rows: (_asked, samples) => {
      const rows = (unit: string, measured: (contender: string) => number): Row[] =>
        contenders.map(([contender]) => ({ bench, contender, value: measured(contender), unit }))
      return [
        ...rows('µs wall', (contender) => medianOf(samples, contender, 'wallMicros', queries)),
        ...rows('µs CPU', (contender) => medianOf(samples, contender, 'cpuMicros', queries)),
        // Where the system does not tell, there is nothing to have a mean of.
        ...rows('µs CPU of the server', (contender) => meanOf(samples, contender, 'returned', queries)).filter(
          ({ value }) => !Number.isNaN(value),
        ),
      ]
    },
  }
}

async function asking(asker: Asker, statement: Statement, queries: number): Promise<Subject> {
  await asker.open()
  const pid = await asker.backend()
  let asked = 0
  const ask = async (times: number) => {
    for (let i = 0; i < times; i++) await asker.ask(statement, statement.value(asked++))
  }
  let before: number | undefined
  return {
    async prepare() {
      await ask(Math.ceil(queries / 5))
      before = backendMicros(pid)
    },
    run: () => ask(queries),
    account() {
      const after = backendMicros(pid)
      return before === undefined || after === undefined ? undefined : after - before
    },
  }
}

export const queryKey: Contest = repeated('query-key', orderByKey, 50, { warmups: 40, turns: 201 })
export const queryJoin: Contest = repeated('query-join', ordersOfCustomer, 20, { warmups: 20, turns: 121 })
