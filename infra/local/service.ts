import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { LogLine } from 'pg-thaw/testing'
import { startPostgres } from '../../scripts/postgres-server'
import { Beside } from '../../src/local/act/beside'
import { Faults } from '../../src/local/act/faults'
import { Closers } from '../../src/local/closing'
import { listen } from '../../src/local/page/http'
import { EventStream } from '../../src/local/page/stream'
import { Fleet } from '../../src/local/watch/fleet'
import { SessionWatch } from '../../src/local/watch/sessions'
import { Watch } from '../../src/local/watch/watch'
import { customer } from './caller'
import { type FunctionConfiguration, readConfiguration } from './configuration'
import { controlService } from './controls'
import { DatabaseFaults } from './database'
import { faultsOf, MISBEHAVING } from './faults'
import { bundleFunctions, MIGRATION, type Surroundings, startFunction } from './functions'
import { Gateway } from './gateway'
import { OrdersQueue } from './queue'
import { SecretStore } from './secrets'
import { example } from './views'

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
  const closers = new Closers()
  try {
    const stream = new EventStream()
    const server = await listen(port, stream)
    closers.add(() => server.close())
    const directory = await mkdtemp(join(tmpdir(), 'pg-thaw-local-'))
    closers.add(() => rm(directory, { recursive: true, force: true }))
    const database = await startPostgres({ settings: { max_connections: String(MAX_CONNECTIONS) } })
    closers.add(() => database.close())
    const secrets = await SecretStore.start()
    closers.add(() => secrets.close())
    const databaseFaults = new DatabaseFaults(database, secrets)
    closers.add(() => databaseFaults.settled())
    const sessions = new SessionWatch(database.url)
    closers.add(() => sessions.close())
    await bundleFunctions(directory)

    const configurations = readConfiguration(resolve(__dirname, '..', '..', 'serverless.yml'))
    const surroundings = { directory, database, secrets, idleMillis, word: sessions.words['pg-thaw'] }
    await runMigration(configurations, surroundings)
    const watch = new Watch(stream, sessions)
    const deployed = configurations.filter(({ name }) => name !== MIGRATION)
    const fleets: Fleet<FunctionConfiguration>[] = []
    for (const configuration of [...deployed, MISBEHAVING_CONFIGURATION]) {
      const onLog = (line: LogLine) => watch.tellLine(configuration.name, 'pg-thaw', line)
      const lambda = await startFunction(configuration, { ...surroundings, onLog })
      closers.add(() => lambda.close())
      fleets.push(new Fleet(configuration, lambda, watch.observer))
    }
    watch.fleets.push(...fleets)
    closers.add(() => watch.stop())
    const sessionLimit = await sessions.limit()
    await watch.start()

    const changed = () => stream.update('queue', queue.view())
    const queue = new OrdersQueue(named(fleets, 'fulfilOrders'), visibilityMillis, changed)
    closers.add(() => queue.close())
    const gateway = new Gateway(fleets)
    const [orders, misbehaving] = [named(fleets, 'orders'), named(fleets, MISBEHAVING)]
    const caller = customer(gateway, orders)
    const victims = { caller, misbehaving, fleets: watch.fleets, sessions, database: databaseFaults }
    const faults = new Faults(faultsOf(victims), stream)
    const besideSurroundings = {
      ...surroundings,
      directory: join(directory, 'beside'),
      word: sessions.words['pg.Pool'],
    }
    const bundled = lazily(() => bundleFunctions(besideSurroundings.directory, 'pg.Pool'))
    const beside = new Beside(watch, stream, async ({ facts: { name } }) => {
      await bundled()
      const onLog = (line: LogLine) => watch.tellLine(name, 'pg.Pool', line)
      const lambda = await startFunction(named(fleets, name).facts, { ...besideSurroundings, onLog }, 'pg.Pool')
      // The other side has begun already.
      await lambda.provision(1)
      return lambda
    })
    closers.add(() => beside.close())
    stream.update('service', {
      ...example,
      functions: fleets.map(({ facts: { name, concurrency, max } }) => ({ name, concurrency, max })),
      faults: faults.views,
      idleMillis,
      sessionLimit,
      visibilityMillis,
    })
    changed()
    const dailyReport = named(fleets, 'dailyReport')
    const controlled = { gateway, queue, dailyReport, fleets: watch.fleets, faults, sessions, beside }
    server.serve((request) =>
      request.url.startsWith('/local/') ? controlService(request, controlled) : gateway.call(request),
    )
    return { url: server.url, port: server.port, databaseUrl: database.url, close: () => closers.close() }
  } catch (error) {
    await closers.close()
    throw error
  }
}

function named(fleets: readonly Fleet<FunctionConfiguration>[], name: string): Fleet<FunctionConfiguration> {
  const fleet = fleets.find(({ facts }) => facts.name === name)
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

/** Does it when it is first asked for, and never twice unless it failed. */
function lazily(act: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined
  return () => {
    done ??= act().catch((error: unknown) => {
      done = undefined
      throw error
    })
    return done
  }
}
