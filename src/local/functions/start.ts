import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { LocalLambda, LogLine } from '../../testing/index.js'
import { LocalLambdaError, startLambda } from '../lambda.js'
import { Refusal } from '../refusal.js'
import type { Side } from '../watch/fleet.js'
import type { DatabaseLocation } from './database-url.js'
import type { Handler } from './handlers.js'

/** How functions run. */
export interface Surroundings {
  readonly database: DatabaseLocation
  /** Variables of theirs. */
  readonly variables: Readonly<Record<string, string>>
  /** Modules to preload, as `node --import` takes them. */
  readonly imports: readonly string[]
  readonly timeoutMillis: number
  readonly concurrency: number
  readonly idleMillis: number
}

/** A copy of a function: which pool it has, and what its sessions are known by. */
export interface Copy {
  readonly side: Side
  readonly word: string
  readonly onLog: (line: LogLine) => void
}

/** What is preloaded into a side's environments, after what watches them. */
const PRELOADS: Readonly<Record<Side, readonly string[]>> = {
  'pg-thaw': ['preload.mjs'],
  'pg.Pool': ['preload.mjs', 'beside.mjs'],
}

/**
 * Starts a function. Its network is that of a machine which stands still while it is frozen, and which says nothing when it is gone.
 */
export function startFunction(
  { name, module, exportName }: Handler,
  { database, variables, imports, timeoutMillis, concurrency, idleMillis }: Surroundings,
  { side, word, onLog }: Copy,
): Promise<LocalLambda> {
  const preloads = [
    ...PRELOADS[side].map((file) => pathToFileURL(join(__dirname, file)).href),
    ...imports.map(asImport),
  ]
  return startLambda({
    module,
    exportName,
    env: {
      ...variables,
      DATABASE_URL: database.url,
      ...connectionVariables(database.url),
      AWS_LAMBDA_FUNCTION_NAME: name,
      // As it would be deployed: what names a file by its path means one below.
      LAMBDA_TASK_ROOT: variables.LAMBDA_TASK_ROOT ?? process.cwd(),
      PG_THAW_LOCAL_WORD: word,
      PG_THAW_LOCAL_DATABASE: `${database.host}:${database.port}`,
      NODE_OPTIONS: [variables.NODE_OPTIONS ?? '', ...preloads.map((it) => `--import=${it}`)].join(' ').trim(),
    },
    timeoutMillis,
    reservedConcurrency: concurrency,
    idleLifetimeMillis: idleMillis,
    database: { host: database.host, port: database.port },
    freezeModel: 'paused-machine',
    vanish: 'silent',
    onLog,
  })
}

/** Has one environment load the module, and end. What else its init may fail with is told by the calls. */
export async function checkHandler(handler: Handler, surroundings: Surroundings): Promise<void> {
  const lines: string[] = []
  const onLog = ({ text }: LogLine) => lines.push(text)
  await using lambda = await startFunction(handler, surroundings, { side: 'pg-thaw', word: '', onLog })
  try {
    await lambda.provision(1)
  } catch (error) {
    if (!(error instanceof LocalLambdaError) || error.code !== 'LAMBDA_INIT') throw error
    const [, type = '', text = ''] = /^([\w.]+): (.*)/.exec(error.message) ?? []
    if (type === 'Runtime.HandlerNotFound') throw new Refusal(`No handler in ${text}`)
    // What the handler imports is missed by the runtime, which lives to tell; what is preloaded, by Node.js itself.
    const [missing] = /Cannot find (?:module|package) .*/.exec(lines.join('\n')) ?? []
    if (type === 'Runtime.ExitError' && missing !== undefined) throw new Refusal(`No module for --import: ${missing}`)
  }
}

function connectionVariables(text: string): Record<string, string> {
  const { username, password, pathname, searchParams } = new URL(text)
  const given = {
    PGUSER: decodeURIComponent(username),
    PGPASSWORD: decodeURIComponent(password),
    PGDATABASE: decodeURIComponent(pathname.slice(1)),
    PGSSLMODE: searchParams.get('sslmode') ?? '',
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== ''))
}

/** A path is one from where the command was given; environments work where their module is. */
function asImport(specifier: string): string {
  return /^\.{0,2}\//.test(specifier) ? pathToFileURL(resolve(specifier)).href : specifier
}
