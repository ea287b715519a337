import type { BenchName, DatabaseAddress, Inspection, Row } from '../bench.js'
import { startDelayProxy } from '../delay-proxy.js'
import type { Act, Told } from '../functions/acting.js'
import { bundleFunctions, connectsOfACall, type FunctionName, variablesOf } from '../lambda-functions.js'
import { type RuntimeLoop, startRuntimeLoop } from '../runtime-loop.js'
import { databaseOf } from '../surroundings.js'
import { leastOf, median, medianOf, type Sample, type Turns, takeTurns } from '../turns.js'

const bench: BenchName = 'warm-call'

/** Calls of a round, one right after the other, and those that go before. */
const calls = 10
const leadIn = 3
const turns: Turns = { warmups: 2, turns: 25 }

const thaw: Entrant = { contender: 'pg-thaw', of: 'pg-thaw' }
const stock: Entrant = { contender: 'pg-pool', of: 'pg-pool' }
const held: Entrant = { contender: 'held client', of: 'held-client' }

/** A client has nothing to say about several things at once. */
const variants: readonly (readonly [act: Act, entrants: readonly Entrant[]])[] = [
  ['read', [thaw, stock, held]],
  ['two queries', [thaw, stock, held]],
  ['four at once', [thaw, stock]],
  ['twenty at once', [thaw, stock]],
  ['transaction', [thaw, stock, held]],
  ['two transactions at once', [thaw, stock]],
  ['ten transactions at once', [thaw, stock]],
  ['client held for three queries', [thaw, stock, held]],
]

/** A call on Lambda that comes right after the last one: time of the whole call, and connects. */
export const warmCall: Inspection = {
  kind: 'inspection',
  names: [bench],
  needs: 'orders',
  nodeFlags: [],
  async run(surroundings) {
    const { root } = surroundings
    const database = databaseOf(surroundings)
    await using functions = await bundleFunctions(root)
    const startAt = (address: DatabaseAddress) => (name: FunctionName) =>
      startRuntimeLoop(root, { module: functions.moduleOf(name), env: variablesOf(address) })
    const start = startAt(database)
    const rows: Row[] = []
    for (const [act, entrants] of variants) {
      for (const { contender, micros, connects } of await measureCalls(entrants, act, start, turns)) {
        rows.push({ bench, contender, value: micros, unit: `µs, ${act}` })
        rows.push({ bench, contender, value: connects, unit: `connects, ${act}` })
      }
    }
    rows.push(...(await withoutDatabase(start)), ...(await fromAfar(database, startAt)))
    return rows
  },
}

/** Its difference is small against the runtime's own work, so it gets more turns. */
async function withoutDatabase(start: Start): Promise<Row[]> {
  const entrants: readonly Entrant[] = [thaw, { contender: 'bare handler', of: 'pg-pool' }]
  const measured = await measureCalls(entrants, 'nothing', start, { warmups: 5, turns: 81 })
  return measured.flatMap(({ contender, micros, loopMicros }): Row[] => [
    { bench, contender, value: micros, unit: 'µs, no database' },
    { bench, contender, value: loopMicros, unit: 'µs with the runtime, no database' },
  ])
}

const roundTripMillis = 2

/** In round trips as the held client measures them, the machine's share included. */
async function fromAfar(database: DatabaseAddress, startAt: (address: DatabaseAddress) => Start): Promise<Row[]> {
  await using proxy = await startDelayProxy(database, roundTripMillis / 2)
  const start = startAt({ ...database, port: proxy.port })
  const far: Turns = { warmups: 2, turns: 11 }
  const [roundTrip] = await measureCalls([held], 'read', start, far)
  const measured = await measureCalls([thaw, stock], 'transaction', start, far)
  return measured.map(({ contender, leastMicros }) => ({
    bench,
    contender,
    value: leastMicros / (roundTrip?.leastMicros ?? Number.NaN),
    unit: 'RTT, transaction',
  }))
}

interface Entrant {
  readonly contender: string
  readonly of: FunctionName
}

type Start = (name: FunctionName) => Promise<RuntimeLoop>

interface Measured {
  readonly contender: string
  readonly micros: number
  /** Of the fastest round. */
  readonly leastMicros: number
  readonly loopMicros: number
  readonly connects: number
}

/** An environment for each, which are called in turn, some calls at a time. */
async function measureCalls(
  entrants: readonly Entrant[],
  act: Act,
  start: Start,
  turns: Turns,
): Promise<readonly Measured[]> {
  const loops: RuntimeLoop[] = []
  const told = new Map<string, Told[]>()
  const rounds = new Map<string, () => Promise<Sample>>()
  try {
    for (const { contender, of } of entrants) {
      const loop = await start(of)
      loops.push(loop)
      const answers: Told[] = []
      told.set(contender, answers)
      rounds.set(contender, () => round(loop, act, answers))
    }
    const samples = await takeTurns(rounds, turns)
    return entrants.map(({ contender }) => ({
      contender,
      micros: medianOf(samples, contender, 'returned', 1),
      leastMicros: leastOf(samples, contender, 'returned'),
      loopMicros: medianOf(samples, contender, 'wallMicros', calls),
      connects: connectsOfACall(told.get(contender) ?? []),
    }))
  } finally {
    await Promise.all(loops.map((loop) => loop[Symbol.asyncDispose]()))
  }
}

async function round(loop: RuntimeLoop, act: Act, answers: Told[]): Promise<Sample> {
  const call = async (act: Act) => {
    const { response, millis } = await loop.call({ act })
    answers.push(response as Told)
    return { millis, told: response as Told }
  }
  // A call without a database is one of an environment that has a connection.
  for (let i = 0; i < leadIn; i++) await call(act === 'nothing' ? 'read' : act)
  const measured: Awaited<ReturnType<typeof call>>[] = []
  for (let i = 0; i < calls; i++) measured.push(await call(act))
  return {
    wallMicros: measured.reduce((sum, { millis }) => sum + millis * 1000, 0),
    cpuMicros: 0,
    returned: median(measured.map(({ told }) => told.millis * 1000)),
  }
}
