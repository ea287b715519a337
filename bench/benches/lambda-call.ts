import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { LocalLambda } from 'pg-thaw/testing'
import type { DatabaseAddress, Inspection, Row } from '../bench.js'
import type { Asked, Told } from '../functions/asking.js'
import { databaseOf } from '../surroundings.js'
import { medianOf, type Sample, takeTurns } from '../turns.js'
import { bundleOf } from './bundle.js'

/** Calls that come first: the environment is cold, and then learns that keeping a connection pays. */
const warmups = 4
const calls = 100

const contenders = ['pg-thaw', 'pg-pool'] as const

const read = 'SELECT id, calls FROM lambda_calls WHERE id = $1'
const write = 'UPDATE lambda_calls SET calls = calls + 1 WHERE id = $1'
const kinds: readonly (Asked & { readonly label: string })[] = [
  { label: '4 reads', sql: read, queries: 4 },
  { label: '20 reads', sql: read, queries: 20 },
  { label: '4 writes', sql: write, queries: 4 },
]

/** A warm call on Lambda that asks several queries at once, with default options: time inside the handler, and connects. */
export const lambdaCall: Inspection = {
  kind: 'inspection',
  names: ['lambda-call'],
  needs: 'database',
  nodeFlags: [],
  async run(surroundings) {
    const { root } = surroundings
    const database = databaseOf(surroundings)
    const folder = await mkdtemp(join(tmpdir(), 'pg-thaw-lambda-call-'))
    const admin = new pg.Client(database)
    try {
      await admin.connect()
      await admin.query('CREATE TABLE lambda_calls (id int PRIMARY KEY, calls int NOT NULL)')
      await admin.query('INSERT INTO lambda_calls SELECT id, 0 FROM generate_series(1, 20) AS id')
      for (const contender of contenders) {
        const contents = `export { handler } from './bench/functions/${contender}.ts'`
        await writeFile(join(folder, `${contender}.cjs`), await bundleOf(root, 'cjs', contents))
      }
      const { startLambda } = require(join(root, 'dist', 'testing', 'index.js')) as typeof import('pg-thaw/testing')
      const rows: Row[] = []
      for (const kind of kinds) {
        const start = (contender: string) =>
          startLambda({ module: join(folder, `${contender}.cjs`), env: variablesOf(database) })
        rows.push(...(await measureKind(kind, start)))
      }
      await admin.query('DROP TABLE lambda_calls')
      return rows
    } finally {
      await admin.end()
      await rm(folder, { recursive: true })
    }
  },
}

/** An environment for each contender, which are called in turn. Where one is called, the other is frozen. */
async function measureKind(
  { label, ...asked }: (typeof kinds)[number],
  start: (contender: string) => Promise<LocalLambda>,
): Promise<Row[]> {
  const lambdas: LocalLambda[] = []
  const told = new Map<string, Told[]>()
  const rounds = new Map<string, () => Promise<Sample>>()
  try {
    for (const contender of contenders) {
      const lambda = await start(contender)
      lambdas.push(lambda)
      const answers: Told[] = []
      told.set(contender, answers)
      rounds.set(contender, async () => {
        const answer = await call(lambda, asked)
        answers.push(answer)
        return { wallMicros: answer.millis * 1000, cpuMicros: 0, returned: answer.millis }
      })
    }
    const samples = await takeTurns(rounds, { warmups, turns: calls })
    return contenders.flatMap((contender): Row[] => [
      { bench: 'lambda-call', contender, value: medianOf(samples, contender, 'returned', 1), unit: `ms, ${label}` },
      {
        bench: 'lambda-call',
        contender,
        value: connectsOfACall(told.get(contender) ?? []),
        unit: `connects, ${label}`,
      },
    ])
  } finally {
    await Promise.all(lambdas.map((lambda) => lambda.close()))
  }
}

async function call(lambda: LocalLambda, asked: Asked): Promise<Told> {
  const { outcome, response, error } = await lambda.invoke(asked)
  if (outcome !== 'response') throw new Error(`a call came to ${outcome}: ${error?.errorMessage}`)
  return response as Told
}

/** Of all calls but the first ones, on average. */
function connectsOfACall(told: readonly Told[]): number {
  const [before, after] = [told[warmups - 1], told.at(-1)]
  if (before === undefined || after === undefined) throw new Error('bug: nothing was called')
  return (after.connects - before.connects) / (told.length - warmups)
}

function variablesOf({ host, port, user, password, database }: DatabaseAddress): Record<string, string> {
  return { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGDATABASE: database }
}
