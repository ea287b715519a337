import { join } from 'node:path'
import { type LocalLambda, type Relay, startLambda, startRelay } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { type Demotion, query, ReplicatedServers } from '../support/replicated-servers'
import { within } from '../support/within'
import type { Writing, Written } from './functions/writer'

/** Of each way to write. */
const environments = 3
/** Calls of each environment before and after the failover: enough for the pool to keep its connection, and to have it prepared. */
const callsPerStretch = 6
const patienceMillis = 30_000

const ways = ['query', 'transaction', 'transaction with retries'] as const
type Way = (typeof ways)[number]

const tasks: Record<Way, Omit<Writing, 'key'>> = {
  query: { how: 'query' },
  transaction: { how: 'transaction' },
  'transaction with retries': { how: 'transaction', retries: 3 },
}

let writer: BundledFunction
let servers: ReplicatedServers
let name: Relay
/** Where nobody listens. */
let nowhere: { host: string; port: number }
let load: Load

beforeAll(async () => {
  writer = await bundleFunction(join(__dirname, 'functions/writer.ts'))
  servers = await ReplicatedServers.start()
  const { host, port } = servers.primary
  const closed = await startRelay({ host, port })
  nowhere = { host: closed.host, port: closed.port }
  await closed.close()
})
afterAll(async () => {
  await servers?.close()
  writer?.dispose()
})
beforeEach(async () => {
  // No key is unique to the server: it is to show what was written twice.
  await query(servers.primary, 'DROP TABLE IF EXISTS writes')
  await query(servers.primary, 'CREATE TABLE writes (key int)')
  const { host, port } = servers.primary
  name = await startRelay({ host, port })
  load = await Load.start()
})
afterEach(async () => {
  await load.close()
  await name.close()
  await servers.rejoin()
})

interface Failure extends NonNullable<Written['failed']> {
  readonly environment: string
}

/**
 * Environments of all ways to write, each called again as soon as it has answered, with another key each time: so soon that no session is
 * pinged before its write, which is the first to hear of a demotion.
 */
class Load {
  readonly acknowledged: number[] = []
  readonly failures: Record<Way, Failure[]> = { query: [], transaction: [], 'transaction with retries': [] }
  readonly #lambdas: Record<Way, LocalLambda>
  readonly #calls = new Map<string, number>()
  readonly #callers: Promise<unknown>
  #keys = 0
  #isOver = false
  #onCall = () => {}

  private constructor(lambdas: Record<Way, LocalLambda>) {
    this.#lambdas = lambdas
    this.#callers = Promise.all(ways.flatMap((way) => Array.from({ length: environments }, () => this.#write(way))))
  }

  static async start(): Promise<Load> {
    const { user, password, database } = servers.primary
    const start = () =>
      startLambda({
        module: writer.module,
        timeoutMillis: 20_000,
        env: {
          PGHOST: name.host,
          PGPORT: String(name.port),
          PGUSER: user,
          PGPASSWORD: password,
          PGDATABASE: database,
          POOL_OPTIONS: JSON.stringify({ pooling: 'always', max: 1 }),
        },
      })
    const [query, transaction, retried] = await Promise.all([start(), start(), start()])
    const lambdas = { query, transaction, 'transaction with retries': retried }
    await Promise.all(ways.map((way) => lambdas[way].provision(environments)))
    return new Load(lambdas)
  }

  /** Resolves when each environment has answered so often from here on. */
  async further(calls: number): Promise<void> {
    const before = new Map(this.#calls)
    const isSo = () => {
      const since = [...this.#calls].map(([environment, count]) => count - (before.get(environment) ?? 0))
      return since.length >= ways.length * environments && Math.min(...since) >= calls
    }
    const done = new Promise<void>((resolve) => {
      this.#onCall = () => {
        if (isSo()) resolve()
      }
    })
    await within(patienceMillis, Promise.race([done, this.#callers]), `${calls} calls of each environment`)
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#callers
  }

  async close(): Promise<void> {
    this.#isOver = true
    await Promise.all(ways.map((way) => this.#lambdas[way].close()))
    await Promise.allSettled([this.#callers])
  }

  async #write(way: Way): Promise<void> {
    while (!this.#isOver) {
      const key = this.#keys++
      const { outcome, response, error, environmentId } = await this.#lambdas[way].invoke({ key, ...tasks[way] })
      if (outcome !== 'response') throw new Error(`${way}: ${outcome}: ${error?.errorMessage}`)
      const { failed } = response as Written
      if (failed === undefined) this.acknowledged.push(key)
      else this.failures[way].push({ ...failed, environment: environmentId })
      this.#calls.set(environmentId, (this.#calls.get(environmentId) ?? 0) + 1)
      this.#onCall()
    }
  }
}

/** Moves the name to the standby, in an order in which no acknowledged write is lost. In between it leads nowhere. */
async function failOver(demotion: Demotion): Promise<void> {
  name.redirect(nowhere)
  await servers.demote(demotion)
  await servers.promote()
  name.redirect(servers.primary)
}

async function expectAllWrittenOnce(): Promise<void> {
  const rows = await query<{ key: number; times: number }>(
    servers.primary,
    'SELECT key, count(*)::int AS times FROM writes GROUP BY key',
  )
  const times = new Map(rows.map(({ key, times }) => [key, times]))
  expect(load.acknowledged.filter((key) => !times.has(key))).toEqual([])
  expect(rows.filter(({ times }) => times > 1)).toEqual([])
}

function mostOfOneEnvironment(failures: readonly Failure[]): number {
  const of = (id: string) => failures.filter(({ environment }) => environment === id).length
  return Math.max(0, ...failures.map(({ environment }) => of(environment)))
}

describe('writes under load, while the primary is demoted and another one takes its place', { timeout: 90_000 }, () => {
  it('fail once in each environment at the most, and not where they may be repeated, when connections stay with the demoted one', async () => {
    await load.further(callsPerStretch)
    await failOver('in place')
    await load.further(callsPerStretch)
    await load.stop()
    const { query, transaction, 'transaction with retries': retried } = load.failures
    expect([query, retried]).toEqual([[], []])
    // Each had a connection that stayed.
    expect(transaction.map(({ code }) => code)).toEqual(Array.from({ length: environments }, () => '25006'))
    expect(mostOfOneEnvironment(transaction)).toBe(1)
    await expectAllWrittenOnce()
  })

  it('fail once in each environment at the most when their connections are ended, and those that may be repeated only where nobody knows whether they were', async () => {
    await load.further(callsPerStretch)
    await failOver('by a restart')
    await load.further(callsPerStretch)
    await load.stop()
    for (const way of ways) expect(mostOfOneEnvironment(load.failures[way])).toBeLessThanOrEqual(1)
    expect(load.failures['transaction with retries'].filter(({ retry }) => retry !== 'unknown')).toEqual([])
    await expectAllWrittenOnce()
  })
})
