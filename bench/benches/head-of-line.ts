import type { DatabaseAddress, Inspection, Row } from '../bench.js'
import { type MakeQuerier, pgPool, postgresJs, type Querier, thaw } from '../contenders/queriers.js'
import { databaseOf } from '../surroundings.js'

const max = 4
const quickQueries = 10
const rounds = 2

const contenders: readonly (readonly [string, MakeQuerier])[] = [
  ['pg-thaw', thaw],
  ['pg-pool', pgPool],
  ['postgres.js', postgresJs],
]

/** How many connections there are when the queries are asked. */
const starts = [
  ['', (querier: Querier) => querier.open()],
  [', one open', (querier: Querier) => querier.quick()],
  [', none open', async () => {}],
] as const

/** A slow query and ten quick ones at once: how many of the ten come after the slow one. The worst round counts. */
export const headOfLine: Inspection = {
  kind: 'inspection',
  names: ['head-of-line'],
  needs: 'database',
  nodeFlags: [],
  async run(surroundings) {
    const database = databaseOf(surroundings)
    const rows: Row[] = []
    for (const [name, make] of contenders) {
      for (const [label, start] of starts) {
        let worst = 0
        for (let round = 0; round < rounds; round++) {
          worst = Math.max(worst, await measure(make, database, start))
        }
        rows.push({ bench: 'head-of-line', contender: `${name}${label}`, value: worst, unit: 'of 10 waited' })
      }
    }
    return rows
  },
}

async function measure(
  make: MakeQuerier,
  database: DatabaseAddress,
  start: (querier: Querier) => Promise<unknown>,
): Promise<number> {
  const querier = make(database, max)
  await start(querier)
  let slowIsOver = false
  let behind = 0
  const slow = querier.slow().then(() => {
    slowIsOver = true
  })
  const quick = Array.from({ length: quickQueries }, () =>
    querier.quick().then(() => {
      if (slowIsOver) behind += 1
    }),
  )
  await Promise.all([slow, ...quick])
  await querier.end()
  return behind
}
