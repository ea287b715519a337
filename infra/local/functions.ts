import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { LocalLambda, LogLine } from 'pg-thaw/testing'
import type { PostgresServer } from '../../scripts/postgres-server'
import type { Side } from '../../src/local/watch/fleet'
import type { FunctionConfiguration } from './configuration'
import { ADMIN_SECRET, APP_SECRET } from './database'
import { startLambda } from './lambda'
import type { SecretStore } from './secrets'

const repository = resolve(__dirname, '..', '..')

/** The function that runs before all others, and as the administrator. */
export const MIGRATION = 'migrate'

/** A function that there is here alone. */
const MISBEHAVING = join('infra', 'local', 'misbehaving.ts')

/** How the functions run. */
export interface Surroundings {
  /** Where the bundles are. */
  readonly directory: string
  readonly database: PostgresServer
  /** Where they learn who they sign in as. */
  readonly secrets: SecretStore
  /** How long an environment is kept that nobody calls, ms. */
  readonly idleMillis: number
  /** The word in the names of its sessions. */
  readonly word: string
  /** Default: dropped. */
  readonly onLog?: (line: LogLine) => void
}

/** Bundles the functions, as they are deployed; or with pg.Pool in place of pg-thaw. */
export async function bundleFunctions(directory: string, side: Side = 'pg-thaw'): Promise<void> {
  const script = join(repository, 'scripts', 'build-functions.mjs')
  const args = [script, ...(side === 'pg.Pool' ? ['--beside'] : []), directory, MISBEHAVING]
  await promisify(execFile)(process.execPath, args, { cwd: repository })
}

/**
 * Starts a function with what the plugin gives it: the pool's figures, and the goodbye, preloaded. Its network is that of a machine
 * which stands still while it is frozen, and which says nothing when it is gone.
 */
export function startFunction(
  { name, bundle, timeoutMillis, concurrency, max, min }: FunctionConfiguration,
  { directory, database, secrets, idleMillis, word, onLog }: Surroundings,
  side: Side = 'pg-thaw',
): Promise<LocalLambda> {
  const dist = join(repository, 'dist')
  // pg.Pool says no goodbye.
  const goodbye = side === 'pg-thaw' ? [join(dist, 'goodbye.mjs')] : []
  const preloads = [...goodbye, join(dist, 'local', 'preload.mjs')]
  return startLambda({
    module: join(directory, `${bundle}.js`),
    env: {
      PGDATABASE: database.database,
      ...secrets.environment,
      DATABASE_SECRET_ID: APP_SECRET,
      ...(name === MIGRATION && { DATABASE_ADMIN_SECRET_ID: ADMIN_SECRET }),
      // Where Lambda has its own SDK.
      NODE_PATH: join(repository, 'node_modules'),
      PG_THAW_MAX: String(max),
      PG_THAW_MIN: String(min),
      PG_THAW_LOCAL_WORD: word,
      AWS_LAMBDA_FUNCTION_NAME: name,
      NODE_OPTIONS: preloads.map((file) => `--import=${pathToFileURL(file).href}`).join(' '),
    },
    timeoutMillis,
    reservedConcurrency: concurrency,
    idleLifetimeMillis: idleMillis,
    database: { host: database.host, port: database.port },
    freezeModel: 'paused-machine',
    vanish: 'silent',
    ...(onLog && { onLog }),
  })
}
