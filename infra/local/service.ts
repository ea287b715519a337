import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { LogLine } from 'pg-thaw/testing'
import { startPostgres } from '../../scripts/postgres-server'
import { type FunctionConfiguration, readConfiguration } from './configuration'
import { Fleet } from './fleet'
import { bundleFunctions, type Surroundings, startFunction } from './functions'
import { Gateway } from './gateway'
import { listen } from './http'
import { OrdersQueue } from './queue'
import { SessionWatch } from './sessions'
import { EventStream } from './stream'

export interface LocalServiceOptions {
  /** Where to listen on 127.0.0.1; 0 for any free port. */
  readonly port: number
  /** How long an environment is kept that nobody calls, ms. Default 60000. */
  readonly idleMillis?: number | undefined
  /** After which time a message that failed comes back, ms. Default 2000; the deployed queue's is a minute. */
  readonly visibilityMillis?: number | undefined
}

/** The example service on this machine. */
export interface LocalService {
  readonly url: string
  /** `postgres://…` of its database. */
  readonly databaseUrl: string
  /** Ends everything that belongs to it. Idempotent. */
  close(): Promise<void>
}

const MIGRATION = 'migrate'
/** The default of the pools on Lambda. */
const LEASE_MILLIS = 75_000
/** A call is over in a few milliseconds: one that begins and ends between two looks is seen by its count. */
const LOOK_MILLIS = 50
const LOOK_AT_SESSIONS_MILLIS = 250

/**
 * Starts a PostgreSQL, migrates it, and has the functions wait for calls, behind HTTP.
 *
 * @throws Error when it can't listen there, or the migration fails.
 */
export async function startLocalService({
  port,
  idleMillis = 60_000,
  visibilityMillis = 2000,
}: LocalServiceOptions): Promise<LocalService> {
  const closers: (() => unknown)[] = []
  let closing: Promise<void> | undefined
  const close = () => {
    closing ??= closeAll(closers)
    return closing
  }
  try {
    const stream = new EventStream()
    const server = await listen(port, stream)
    closers.push(() => server.close())
    const directory = await mkdtemp(join(tmpdir(), 'pg-thaw-local-'))
    closers.push(() => rm(directory, { recursive: true, force: true }))
    const database = await startPostgres()
    closers.push(() => database.close())
    await bundleFunctions(directory)

    const configurations = readConfiguration(resolve(__dirname, '..', '..', 'serverless.yml'))
    const surroundings = { directory, database, idleMillis }
    await runMigration(configurations, surroundings)
    const fleets: Fleet[] = []
    const look = () => {
      const environments = fleets.flatMap((fleet) => fleet.look())
      stream.update('environments', environments)
    }
    for (const configuration of configurations.filter(({ name }) => name !== MIGRATION)) {
      const onLog = ({ environmentId, text }: LogLine) => stream.tell('log', { environmentId, text })
      const lambda = await startFunction(configuration, { ...surroundings, onLog })
      closers.push(() => lambda.close())
      fleets.push(new Fleet(configuration, lambda, { changed: look, called: (call) => stream.tell('call', call) }))
    }
    closers.push(every(LOOK_MILLIS, look))
    const sessions = new SessionWatch(database.url)
    closers.push(() => sessions.close())
    const lookAtSessions = async () => stream.update('sessions', await sessions.look().catch(() => []))
    await lookAtSessions()
    closers.push(every(LOOK_AT_SESSIONS_MILLIS, () => void (stream.hasListeners && lookAtSessions())))

    const changed = () => stream.update('queue', queue.view())
    const queue = new OrdersQueue(named(fleets, 'fulfilOrders'), visibilityMillis, changed)
    closers.push(() => queue.close())
    stream.update('queue', queue.view())
    stream.update('service', {
      functions: fleets.map(({ configuration: { name, concurrency, max } }) => ({ name, concurrency, max })),
      idleMillis,
      leaseMillis: LEASE_MILLIS,
      visibilityMillis,
    })
    look()
    server.serve({ gateway: new Gateway(fleets), queue, fleets })
    return { url: server.url, databaseUrl: database.url, close }
  } catch (error) {
    await close()
    throw error
  }
}

function named(fleets: readonly Fleet[], name: string): Fleet {
  const fleet = fleets.find(({ configuration }) => configuration.name === name)
  if (fleet === undefined) throw missing(name)
  return fleet
}

/** As a deployment does before the other functions change. */
async function runMigration(
  configurations: readonly FunctionConfiguration[],
  surroundings: Surroundings,
): Promise<void> {
  const configuration = configurations.find(({ name }) => name === MIGRATION)
  if (configuration === undefined) throw missing(MIGRATION)
  await using migration = await startFunction(configuration, surroundings)
  const { outcome, error } = await migration.invoke({})
  if (outcome !== 'response') throw new Error(`The migration failed: ${error?.errorMessage ?? outcome}`)
}

function missing(name: string): Error {
  return new Error(`serverless.yml: functions.${name} is missing`)
}

function every(millis: number, act: () => void): () => void {
  const timer = setInterval(act, millis)
  return () => clearInterval(timer)
}

/** The last that was started ends first. What fails is told, after everything else has ended. */
async function closeAll(closers: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = []
  for (const close of closers.toReversed()) {
    try {
      await close()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'Not everything could be ended')
}
