import { setTimeout as pause } from 'node:timers/promises'
import type { Inspection, Row } from '../bench.js'
import { type MakeQuerier, pgPool, postgresJs, type Querier, thaw } from '../contenders/queriers.js'
import { databaseOf } from '../surroundings.js'

const max = 2
const callers = 20
/** Much more than a quick query's turn takes, and much less than the slow query. */
const longMillis = 500

const contenders: readonly (readonly [string, MakeQuerier])[] = [
  ['pg-thaw', thaw],
  ['pg-pool', pgPool],
  ['postgres.js', postgresJs],
]

/** How long the callers have been asking when the slow query comes. Where they have just begun, no connection is open. */
const starts = [
  ['', 300],
  [', none open', 0],
] as const

/** Callers that ask quick queries one after the other, while one slow query runs: how many of the quick ones waited long. */
export const headOfLine: Inspection = {
  kind: 'inspection',
  names: ['head-of-line'],
  needs: 'database',
  nodeFlags: [],
  async run(surroundings) {
    const database = databaseOf(surroundings)
    const rows: Row[] = []
    for (const [name, make] of contenders) {
      for (const [label, askedForMillis] of starts) {
        const value = await measure(make(database, max), askedForMillis)
        rows.push({ bench: 'head-of-line', contender: `${name}${label}`, value, unit: `waited over ${longMillis} ms` })
      }
    }
    return rows
  },
}

async function measure(querier: Querier, askedForMillis: number): Promise<number> {
  let slowIsOver = false
  let long = 0
  const caller = async () => {
    while (!slowIsOver) {
      const before = performance.now()
      await querier.quick()
      if (performance.now() - before > longMillis) long += 1
    }
  }
  const asking = Array.from({ length: callers }, caller)
  if (askedForMillis > 0) await pause(askedForMillis)
  await querier.slow()
  slowIsOver = true
  await Promise.all(asking)
  await querier.end()
  return long
}
