import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { LocalLambda } from 'pg-thaw/testing'
import type { BenchName, Inspection, Row } from '../bench.js'
import { startDelayProxy } from '../delay-proxy.js'
import type { Act } from '../functions/acting.js'
import { bundleFunctions, type FunctionName, firstCalls, loadTesting, variablesOf } from '../lambda-functions.js'
import { databaseOf } from '../surroundings.js'
import { leastOf, type Sample, type Samples, takeTurns } from '../turns.js'
import { callLambda } from './lambda-call.js'

const bench: BenchName = 'thaw-call'
const frozenMillis = 1000
/** What the end of a session takes to get to the kernel of the one that is frozen. */
const noticeMillis = 50
const roundTripMillis = 2

interface Entrant {
  readonly name: string
  readonly contender: FunctionName
  readonly act: Act
  /** Its sessions are ended while it is frozen. */
  readonly isEnded?: true
}

const rivals = ['pg-thaw', 'pg-pool'] as const
const kinds: readonly Omit<Entrant, 'contender'>[] = [
  { name: 'a read', act: 'read' },
  { name: 'a write', act: 'write' },
  { name: 'a transaction', act: 'transaction' },
  { name: 'a read, ended meanwhile', act: 'read', isEnded: true },
]
/** What the others are measured in, by a process that was frozen as theirs were. */
const roundTrip: Entrant = { name: 'round trip', contender: 'held-client', act: 'read' }
const connect: Entrant = { name: 'connect', contender: 'held-client', act: 'connect' }
const entrants: readonly Entrant[] = [
  ...kinds.flatMap((kind) => rivals.map((contender) => ({ ...kind, contender, name: nameOf(contender, kind.name) }))),
  roundTrip,
  connect,
]

function nameOf(contender: string, kind: string): string {
  return `${contender}, ${kind}`
}

/** The first call after a real freeze, 2 ms away: round trips until its first row, in the fastest of the turns. */
export const thawCall: Inspection = {
  kind: 'inspection',
  names: [bench],
  needs: 'orders',
  nodeFlags: [],
  async run(surroundings) {
    const { root } = surroundings
    const database = databaseOf(surroundings)
    await using functions = await bundleFunctions(root)
    await using proxy = await startDelayProxy(database, roundTripMillis / 2)
    const admin = new pg.Client(database)
    await admin.connect()
    const lambdas: LocalLambda[] = []
    const failures = new Map<string, number>()
    const rounds = new Map<string, () => Promise<Sample>>()
    try {
      for (const entrant of entrants) {
        const { name, contender } = entrant
        const lambda = await loadTesting(root).startLambda({
          module: functions.moduleOf(contender),
          env: variablesOf(database, name),
          database: { host: database.host, port: proxy.port },
        })
        lambdas.push(lambda)
        rounds.set(
          name,
          firstCallOf(lambda, entrant, admin, () => count(failures, name)),
        )
      }
      return rowsOf(await takeTurns(rounds, { warmups: firstCalls, turns: 25 }), failures)
    } finally {
      await admin.end()
      await Promise.all(lambdas.map((lambda) => lambda.close()))
    }
  },
}

function firstCallOf(
  lambda: LocalLambda,
  { name, act, isEnded }: Entrant,
  admin: pg.Client,
  failed: () => undefined,
): () => Promise<Sample> {
  let thaw = performance.now()
  return async () => {
    await pause(Math.max(0, thaw - performance.now() - noticeMillis))
    if (isEnded) {
      await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1', [name])
    }
    await pause(noticeMillis)
    const began = performance.now()
    const firstRowMillis = await callLambda(lambda, { act }).then((told) => told.firstRowMillis, failed)
    const now = performance.now()
    thaw = now + frozenMillis
    return { wallMicros: (now - began) * 1000, cpuMicros: 0, returned: firstRowMillis }
  }
}

function count(failures: Map<string, number>, name: string): undefined {
  failures.set(name, (failures.get(name) ?? 0) + 1)
}

function rowsOf(samples: Samples, failures: ReadonlyMap<string, number>): Row[] {
  const millisOf = (name: string) => leastOf(samples, name, 'returned')
  const [unitMillis, connectMillis] = [millisOf(roundTrip.name), millisOf(connect.name)]
  const rows = kinds.flatMap(({ name: kind, isEnded }) =>
    rivals.flatMap((contender): Row[] => {
      const name = nameOf(contender, kind)
      const millis = millisOf(name) - (isEnded ? connectMillis : 0)
      const unit = isEnded ? `RTT beyond a connect, ${kind}` : `RTT, ${kind}`
      return [
        { bench, contender, value: millis / unitMillis, unit },
        { bench, contender, value: failures.get(name) ?? 0, unit: `failed calls, ${kind}` },
      ]
    }),
  )
  return [
    ...rows,
    { bench, contender: 'held client', value: unitMillis, unit: 'ms, a round trip' },
    { bench, contender: 'held client', value: connectMillis, unit: 'ms, a connect' },
  ]
}
