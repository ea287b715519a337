import { setTimeout as pause } from 'node:timers/promises'
import { type InvocationRecord, type LocalLambda, type LocalLambdaOptions, startLambda } from 'pg-thaw/testing'
import type { PoolOptions } from '../../../src/index'
import type { Link } from '../../support/network-namespace'
import type { Done, Task } from '../functions/worker'

/** Where a fleet's database is, and as whom it signs in. */
export interface FleetDatabase {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

/** What a fleet is made of. */
export interface FleetOptions {
  readonly module: string
  readonly database: FleetDatabase
  readonly pool?: PoolOptions
  readonly lambda?: Partial<LocalLambdaOptions>
}

/** What came of one call of each environment. */
export interface Round {
  readonly records: readonly InvocationRecord[]
  /** Of those calls that had an answer. */
  readonly answers: readonly Done[]
  /** What the others came to, in words. */
  readonly failures: readonly string[]
}

/** Freezes last at least so long, ms: what is shorter, the pool takes for a busy moment of the process. */
const LONGER_THAN_A_BUSY_MOMENT_MILLIS = 20

/** Some environments of one function. */
export interface Fleet {
  /** Initialises and freezes them all. */
  provision(): Promise<void>
  /** Calls each, all at once. They are frozen before it is over. With several tasks, they share them out in turn. */
  round(...tasks: Task[]): Promise<Round>
  /** Ends all environments without a word. */
  vanish(): Promise<void>
  close(): Promise<void>
}

/** Environments that are frozen as processes are: their kernel stays awake. */
export async function processes(size: number, options: FleetOptions): Promise<Fleet> {
  const lambda = await start(options, options.database.host)
  return {
    provision: () => lambda.provision(size),
    round: async (...tasks) => {
      await pause(LONGER_THAN_A_BUSY_MOMENT_MILLIS)
      return roundOf(
        await Promise.all(Array.from({ length: size }, (_, at) => lambda.invoke(tasks[at % tasks.length]))),
      )
    },
    vanish: () => lambda.vanish(),
    close: () => lambda.close(),
  }
}

/** Environments on machines of their own, which are paused as a whole: what is sent to them meanwhile is lost. */
export async function machines(links: readonly Link[], options: FleetOptions): Promise<Fleet> {
  const all = await Promise.all(links.map(async (link) => ({ link, lambda: await start(options, link.host) })))
  return {
    provision: async () => {
      await Promise.all(all.map(({ lambda }) => lambda.provision(1)))
    },
    round: async (...tasks) =>
      roundOf(
        await Promise.all(
          all.map(async ({ link, lambda }, at) => {
            await link.plug()
            const record = await lambda.invoke(tasks[at % tasks.length])
            await link.pull()
            return record
          }),
        ),
      ),
    vanish: async () => {
      await Promise.all(links.map((link) => link.pull()))
      await Promise.all(all.map(({ lambda }) => lambda.vanish()))
    },
    close: async () => {
      await Promise.all(all.map(({ lambda }) => lambda.close()))
    },
  }
}

function start(options: FleetOptions, host: string): Promise<LocalLambda> {
  const { port, user, password, database } = options.database
  const env = {
    PGHOST: host,
    PGPORT: String(port),
    PGUSER: user,
    PGPASSWORD: password,
    PGDATABASE: database,
    POOL_OPTIONS: JSON.stringify(options.pool ?? {}),
  }
  return startLambda({ module: options.module, env, timeoutMillis: 15_000, ...options.lambda })
}

function roundOf(records: InvocationRecord[]): Round {
  const good = records.filter(({ outcome }) => outcome === 'response')
  const bad = records.filter(({ outcome }) => outcome !== 'response')
  return {
    records,
    answers: good.map(({ response }) => response as Done),
    failures: bad.map(({ outcome, error }) => `${outcome}: ${error?.errorMessage} ${error?.stackTrace?.join('\n')}`),
  }
}
