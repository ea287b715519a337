import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { LogLine } from 'pg-thaw/testing'
import { startPostgres } from '../../scripts/postgres-server'
import { type FunctionConfiguration, readConfiguration } from './configuration'
import { DatabaseFaults } from './database'
import { Faults, MISBEHAVING } from './faults'
import { type Call, type EnvironmentView, Fleet } from './fleet'
import { bundleFunctions, MIGRATION, type Surroundings, startFunction } from './functions'
import { Gateway } from './gateway'
import { listen } from './http'
import { OrdersQueue } from './queue'
import { SecretStore } from './secrets'
import { SessionWatch } from './sessions'
import { EventStream } from './stream'

export interface LocalServiceOptions {
  /** Where to listen on 127.0.0.1, or on the next port that is free; 0 for any free one. */
  readonly port: number
  /** How long an environment is kept that nobody calls, ms. Default 60000. */
  readonly idleMillis?: number | undefined
  /** After which time a message that failed comes back, ms. Default 2000; the deployed queue's is a minute. */
  readonly visibilityMillis?: number | undefined
}

/** The example service on this machine. */
export interface LocalService {
  readonly url: string
  readonly port: number
  /** `postgres://…` of its database. */
  readonly databaseUrl: string
  /** Ends everything that belongs to it. Idempotent. */
  close(): Promise<void>
}

/** How its calls are bounded is what its faults are about. */
const MISBEHAVING_CONFIGURATION: FunctionConfiguration = {
  ...{ name: MISBEHAVING, bundle: MISBEHAVING, routes: [], batchSize: undefined },
  ...{ timeoutMillis: 3000, concurrency: 2, max: 1, min: 1 },
}
/** Few enough that a fleet comes near it. */
const MAX_CONNECTIONS = 30
/** The default of the pools on Lambda. */
const LEASE_MILLIS = 75_000
/** A call is over in a few milliseconds: one that begins and ends between two looks is seen by its count. */
const LOOK_MILLIS = 50
const LOOK_AT_SESSIONS_MILLIS = 250
const TELL_AGAIN_MILLIS = 30_000

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
    const database = await startPostgres({ settings: { max_connections: String(MAX_CONNECTIONS) } })
    closers.push(() => database.close())
    const secrets = await SecretStore.start()
    closers.push(() => secrets.close())
    const databaseFaults = new DatabaseFaults(database, secrets)
    closers.push(() => databaseFaults.settled())
    await bundleFunctions(directory)

    const configurations = readConfiguration(resolve(__dirname, '..', '..', 'serverless.yml'))
    const surroundings = { directory, database, secrets, idleMillis }
    await runMigration(configurations, surroundings)
    const fleets: Fleet[] = []
    const look = () => {
      const environments = fleets.flatMap((fleet) => fleet.look())
      stream.update('environments', environments)
    }
    const observer = {
      changed: look,
      called: (call: Call) => stream.tell('call', call),
      moved: (view: EnvironmentView) => stream.tell('lane', view),
    }
    const deployed = configurations.filter(({ name }) => name !== MIGRATION)
    for (const configuration of [...deployed, MISBEHAVING_CONFIGURATION]) {
      const onLog = (line: LogLine) => tellLine(stream, configuration.name, line)
      const lambda = await startFunction(configuration, { ...surroundings, onLog })
      closers.push(() => lambda.close())
      fleets.push(new Fleet(configuration, lambda, observer))
    }
    closers.push(every(LOOK_MILLIS, look))
    const sessions = new SessionWatch(database.url)
    closers.push(() => sessions.close())
    const limit = await sessions.limit()
    const lookAtSessions = tellSessions(stream, sessions)
    await lookAtSessions()
    closers.push(every(LOOK_AT_SESSIONS_MILLIS, () => void lookAtSessions()))

    const changed = () => stream.update('queue', queue.view())
    const queue = new OrdersQueue(named(fleets, 'fulfilOrders'), visibilityMillis, changed)
    closers.push(() => queue.close())
    stream.update('queue', queue.view())
    stream.update('service', {
      functions: fleets.map(({ configuration: { name, concurrency, max } }) => ({ name, concurrency, max })),
      idleMillis,
      leaseMillis: LEASE_MILLIS,
      sessionLimit: limit,
      visibilityMillis,
    })
    look()
    const gateway = new Gateway(fleets)
    const [orders, misbehaving] = [named(fleets, 'orders'), named(fleets, MISBEHAVING)]
    const faults = new Faults({ gateway, orders, misbehaving, fleets, database: databaseFaults, stream })
    server.serve({ gateway, queue, fleets, faults })
    return { url: server.url, port: server.port, databaseUrl: database.url, close }
  } catch (error) {
    await close()
    throw error
  }
}

const REPORT = '{"pg-thaw:invocation":'

/** What a function wrote, or what its pool did in a call (infra/local/preload.mjs). */
function tellLine(stream: EventStream, name: string, { environmentId, text }: LogLine): void {
  const at = Date.now()
  if (!text.startsWith(REPORT)) return stream.tell('log', { at, environmentId, text })
  stream.tell('report', { at, environmentId, function: name, ...JSON.parse(text)['pg-thaw:invocation'] })
}

/** Looks at the database, one look at a time, and tells who is connected, how many over time, and whether it answers at all. */
function tellSessions(stream: EventStream, sessions: SessionWatch): () => Promise<void> {
  let isLooking = false
  let last: { readonly at: number; readonly count: number | null } | undefined
  const tellCount = (count: number | null) => {
    const at = Date.now()
    // Also when it stays: what was told long ago is forgotten.
    if (last?.count === count && at - last.at < TELL_AGAIN_MILLIS) return
    last = { at, count }
    stream.tell('load', last)
  }
  return async () => {
    if (isLooking) return
    isLooking = true
    try {
      const views = await sessions.look()
      stream.update('sessions', views)
      stream.update('database', { isUp: true })
      tellCount(views.length)
    } catch {
      stream.update('sessions', [])
      stream.update('database', { isUp: false })
      tellCount(null)
    } finally {
      isLooking = false
    }
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
