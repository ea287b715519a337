import pg from 'pg'
import type { Contest, DatabaseAddress, Row } from '../bench.js'
import { openAll, stockPool, thawPool } from '../contenders/askers.js'
import { orderByKey } from '../orders.js'
import { databaseOf } from '../surroundings.js'
import { medianOf } from '../turns.js'

const queries = 10
/** Transactions per round. */
const times = 5

/** Whose client it is, and how it asks. */
interface Lender {
  open(): Promise<void>
  /** Runs `work` on a client of its own. */
  lend(work: (client: pg.ClientBase) => Promise<void>): Promise<void>
  readonly isNaming: boolean
}

const contenders: readonly (readonly [string, (database: DatabaseAddress) => Lender])[] = [
  ['pg-thaw', (database) => fromPool(thawPool(database, 1))],
  ['pg-pool', (database) => fromPool(stockPool(database, 1))],
  ['named, held client', namingClient],
]

/** Ten queries by key between BEGIN and COMMIT, on one client: wall and CPU time of a transaction. */
export const transactionKey: Contest = {
  kind: 'contest',
  names: ['transaction-key'],
  needs: 'orders',
  nodeFlags: [],
  turns: { warmups: 20, turns: 101 },
  entrants: (_asked, surroundings) =>
    contenders.map(([name, make]) => ({
      name,
      open: async () => {
        const lender = make(databaseOf(surroundings))
        await lender.open()
        const transactions = transactionsOf(lender)
        return { prepare: () => transactions(1), run: () => transactions(times) }
      },
    })),
  rows: (_asked, samples) => {
    const rows = (figure: 'wallMicros' | 'cpuMicros', unit: string): Row[] =>
      contenders.map(([contender]) => ({
        bench: 'transaction-key',
        contender,
        value: medianOf(samples, contender, figure, times),
        unit,
      }))
    return [...rows('wallMicros', 'µs wall'), ...rows('cpuMicros', 'µs CPU')]
  },
}

function transactionsOf({ lend, isNaming }: Lender): (times: number) => Promise<void> {
  const { name, text } = orderByKey
  let asked = 0
  const work = async (client: pg.ClientBase) => {
    await client.query('BEGIN')
    for (let i = 0; i < queries; i++) {
      const values = [orderByKey.value(asked++)]
      await (isNaming ? client.query({ name, text, values }) : client.query(text, values))
    }
    await client.query('COMMIT')
  }
  return async (times) => {
    for (let i = 0; i < times; i++) await lend(work)
  }
}

function fromPool(pool: pg.Pool): Lender {
  return {
    open: () => openAll(pool, 1),
    async lend(work) {
      const client = await pool.connect()
      await work(client)
      client.release()
    },
    isNaming: false,
  }
}

function namingClient(database: DatabaseAddress): Lender {
  const client = new pg.Client(database)
  return {
    async open() {
      await client.connect()
    },
    lend: (work) => work(client),
    isNaming: true,
  }
}
