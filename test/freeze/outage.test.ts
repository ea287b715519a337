import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type LocalLambda, type Relay, startLambda, startRelay } from 'pg-thaw/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { PoolOptions } from '../../src/index'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { type OwnServer, startOwnServer } from './support/own-server'

const downMillis = 5000
/** How long after its return the server is watched, and how soon every environment must have an answer. */
const watchMillis = 1500
const recoveryMillis = 1000
const mostSlowness = 500
/** Of each of two functions: one whose calls have the time to wait for the server, and one whose calls have not. */
const environments = 8
const impatience = 1000
const betweenCallsMillis = 10
/** In all those seconds. */
const attemptsPerEnvironment = 25

/** What a caller saw of one call. */
interface Call {
  readonly caller: number
  readonly began: number
  readonly ended: number
  readonly isAnswer: boolean
  readonly error: string | undefined
}

let worker: BundledFunction
let server: OwnServer
let relay: Relay
const lambdas: LocalLambda[] = []

beforeAll(async () => {
  worker = await bundleFunction(join(__dirname, 'functions/worker.ts'))
  server = await startOwnServer()
  relay = await startRelay({ host: server.host, port: server.port })
})
afterAll(async () => {
  await Promise.all(lambdas.map((lambda) => lambda.close()))
  await relay.close()
  await server.close()
  worker.dispose()
})

async function start(pool: PoolOptions): Promise<LocalLambda> {
  const { user, password, database } = server
  const lambda = await startLambda({
    module: worker.module,
    timeoutMillis: 15_000,
    env: {
      PGHOST: relay.host,
      PGPORT: String(relay.port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: database,
      POOL_OPTIONS: JSON.stringify(pool),
    },
  })
  lambdas.push(lambda)
  return lambda
}

/** As many callers as there are environments, each calling again soon after it has its answer, until `isOver`. */
async function load(lambda: LocalLambda, isOver: () => boolean): Promise<Call[]> {
  const calls: Call[] = []
  const caller = async (number: number) => {
    while (!isOver()) {
      await pause(betweenCallsMillis)
      const began = performance.now()
      const { outcome, error } = await lambda.invoke({ does: 'query' })
      calls.push({
        caller: number,
        began,
        ended: performance.now(),
        isAnswer: outcome === 'response',
        error: error?.errorMessage,
      })
    }
  }
  await Promise.all(Array.from({ length: environments }, (_, number) => caller(number)))
  return calls
}

it('F4: five seconds without a database cost time, no call that had the time, and no storm', async () => {
  const patient = await start({ pooling: 'always', connectionTimeoutMillis: 10_000 })
  const impatient = await start({ pooling: 'always', connectionTimeoutMillis: impatience })
  for (const lambda of [patient, impatient]) {
    const warm = await load(lambda, () => lambda.environments.some(({ invocations }) => invocations > 3))
    expect(warm.filter(({ isAnswer }) => !isAnswer)).toEqual([])
  }
  await server.stop('fast')
  const before = relay.connects
  let isOver = false
  const loads = Promise.all([load(patient, () => isOver), load(impatient, () => isOver)])
  await pause(downMillis)
  const attempts = relay.connects - before
  await server.start()
  const back = performance.now()
  await pause(watchMillis)
  isOver = true
  const [ofPatient, ofImpatient] = await loads

  const failed = (calls: Call[]) => calls.filter(({ isAnswer }) => !isAnswer)
  expect(failed(ofPatient)).toEqual([])
  expect(failed(ofImpatient).filter(({ began, ended }) => ended - began < impatience - 5)).toEqual([])
  expect(failed(ofImpatient).length).toBeGreaterThanOrEqual(environments)
  // Nothing of what an environment went through during the outage holds it back when it is over.
  expect(failed(ofImpatient).filter(({ began }) => began > back)).toEqual([])
  // What a busy machine takes for a call that had nothing to recover from is not the pool's.
  const slowness = Math.min(mostSlowness, slowest([...ofPatient, ...ofImpatient].filter(({ began }) => began > back)))
  for (const calls of [ofPatient, ofImpatient])
    expect(Math.max(...recoveries(calls, back))).toBeLessThan(recoveryMillis + slowness)
  expect(attempts).toBeLessThanOrEqual(2 * environments * attemptsPerEnvironment)
})

function slowest(calls: readonly Call[]): number {
  return Math.max(0, ...calls.map(({ began, ended }) => ended - began))
}

/** When each caller had its first answer after the server was back, ms. */
function recoveries(calls: readonly Call[], back: number): number[] {
  return Array.from({ length: environments }, (_, number) => {
    const answers = calls.filter(({ caller, isAnswer, ended }) => caller === number && isAnswer && ended > back)
    return Math.min(...answers.map(({ ended }) => ended - back))
  })
}
