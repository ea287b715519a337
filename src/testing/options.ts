import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'
import { promisify } from 'node:util'
import { LocalLambdaError } from './errors.js'
import type { FreezeModel } from './network/relay.js'

/** One line that an environment wrote. */
export interface LogLine {
  environmentId: string
  stream: 'stdout' | 'stderr'
  /** The line, without its end. */
  text: string
}

/** Options of `startLambda`. */
export interface LocalLambdaOptions {
  /** Absolute path of the module that exports the handler (.mjs, .cjs, .js). */
  module: string
  /** Name of the export. Default `'handler'`. */
  exportName?: string
  /** Environment variables of the function, on top of AWS's own. Nothing else is inherited but PATH, HOME and TZ. */
  env?: Record<string, string>
  /** The function's timeout, ms. Default 3000. */
  timeoutMillis?: number
  /** The limit of init, ms. Default 10000, as on AWS. */
  initTimeoutMillis?: number
  /** Most environments at once; a further call is throttled (rejects with `LambdaThrottledError`). Default 1000. */
  reservedConcurrency?: number
  /** AWS_LAMBDA_INITIALIZATION_TYPE. Default `'on-demand'`. */
  initializationType?: 'on-demand' | 'provisioned-concurrency'
  /**
   * Makes environments those of Lambda Managed Instances, each with so many calls at once (`PerExecutionEnvironmentMaxConcurrency`, which the
   * function sees as AWS_LAMBDA_MAX_CONCURRENCY). They never freeze, and have worker threads that load the module each: 8, or as many as
   * AWS_LAMBDA_NODEJS_WORKER_COUNT in `env` says. Not with `initializationType`, `freezeModel` and `idleLifetimeMillis`. Default: one call
   * at a time.
   */
  concurrency?: number
  /** How long an idle (frozen) environment is kept before it ends by itself, ms. Default 300000. */
  idleLifetimeMillis?: number
  /**
   * When given, each environment reaches the database through a relay of its own; PGHOST and PGPORT of the environment
   * point at it, whatever `env` says.
   */
  database?: { host: string; port: number }
  /** What the network does while an environment is frozen. Default `'process'`. Only with `database`. */
  freezeModel?: FreezeModel
  /**
   * What the server sees when an environment ends without a goodbye, that is by SIGKILL: `'closed'` (the kernel closes
   * its sockets, as one machine does) or `'silent'` (the server's side stays open until `close()`, as when a whole
   * machine is gone). An end of the process's own, a crash as well as an exit on SIGTERM, always closes its sockets.
   * Default `'silent'`. Only with `database`.
   */
  vanish?: 'closed' | 'silent'
  /** The Node.js binary. Default `process.execPath`. */
  nodePath?: string
  /** Hears each line that environments write to stdout and stderr. Default: dropped. */
  onLog?: (line: LogLine) => void
}

/** The options as everything behind the door sees them: checked, frozen, complete. */
export interface ResolvedOptions extends Required<Omit<LocalLambdaOptions, 'concurrency' | 'database' | 'onLog'>> {
  concurrency: number | undefined
  database: { host: string; port: number } | undefined
  onLog: (line: LogLine) => void
  /** Major version of the Node.js behind `nodePath`: AWS's runtime differs by it. */
  nodeMajor: number
}

const defaults: Omit<ResolvedOptions, 'module' | 'nodeMajor'> = {
  exportName: 'handler',
  env: {},
  timeoutMillis: 3000,
  initTimeoutMillis: 10_000,
  reservedConcurrency: 1000,
  initializationType: 'on-demand',
  concurrency: undefined,
  idleLifetimeMillis: 300_000,
  database: undefined,
  freezeModel: 'process',
  vanish: 'silent',
  nodePath: process.execPath,
  onLog: () => {},
}

const positiveNumbers = ['timeoutMillis', 'initTimeoutMillis', 'reservedConcurrency', 'idleLifetimeMillis'] as const

/** What says how environments freeze and thaw, which some don't. */
const onlyWhereItFreezes = ['initializationType', 'freezeModel', 'idleLifetimeMillis'] as const

/** A longer timer of Node.js would fire at once. */
const longestTimer = 2 ** 31 - 1

const choices = {
  initializationType: ['on-demand', 'provisioned-concurrency'],
  freezeModel: ['process', 'paused-machine', 'reset', 'forgotten-flow'],
  vanish: ['closed', 'silent'],
} as const

/**
 * Checks the options, fills in the defaults and freezes them.
 * @throws LocalLambdaError `LAMBDA_OPTIONS` for what can't work.
 */
export async function resolveOptions(options: LocalLambdaOptions): Promise<ResolvedOptions> {
  if (!isMapping(options))
    throw refusal(`Expected the options to be an object such as { module }, got ${shown(options)}`)
  const known = new Set(['module', ...Object.keys(defaults)])
  for (const key of Object.keys(options)) {
    if (!known.has(key)) throw refusal(`Unknown option \`${key}\`; known are ${[...known].join(', ')}`)
  }
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
  const resolved = { ...defaults, ...given } as Omit<ResolvedOptions, 'nodeMajor'>

  if (typeof resolved.module !== 'string' || !isAbsolute(resolved.module)) {
    throw refusal(`Expected \`module\` to be an absolute path, got ${shown(resolved.module)}`)
  }
  // It is where the function works; whether the module is there is what its init finds out, as on AWS.
  if (statSync(dirname(resolved.module), { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw refusal(`Expected \`module\` to be in a directory that exists, got ${shown(resolved.module)}`)
  }
  for (const key of positiveNumbers) {
    const value: unknown = resolved[key]
    if (typeof value !== 'number' || !(value > 0 && value <= longestTimer)) {
      throw refusal(`Expected \`${key}\` to be a positive number up to ${longestTimer}, got ${shown(value)}`)
    }
  }
  for (const [key, allowed] of Object.entries(choices)) {
    const value: unknown = resolved[key as keyof typeof choices]
    if (!(allowed as readonly unknown[]).includes(value)) {
      throw refusal(`Expected \`${key}\` to be one of ${allowed.join(', ')}, got ${shown(value)}`)
    }
  }
  if (!Number.isInteger(resolved.reservedConcurrency)) {
    throw refusal(`Expected \`reservedConcurrency\` to be an integer, got ${shown(resolved.reservedConcurrency)}`)
  }
  if (resolved.concurrency !== undefined) checkConcurrency(resolved.concurrency, given)
  if (!isMapping(resolved.env) || !Object.values(resolved.env).every((value) => typeof value === 'string')) {
    // Not what came: it may have a password in it.
    throw refusal('Expected `env` to be an object whose values are strings')
  }
  const workers = resolved.env[WORKERS]
  if (resolved.concurrency !== undefined && workers !== undefined && !/^[1-9]\d{0,2}$/.test(workers)) {
    throw refusal(`Expected \`env.${WORKERS}\` to be an integer from 1 to 999, got ${shown(workers)}`)
  }
  if (resolved.database !== undefined && !isAddress(resolved.database)) {
    throw refusal('Expected `database` to be an object with a `host` and a `port` from 1 to 65535')
  }
  if (typeof resolved.onLog !== 'function') {
    throw refusal(`Expected \`onLog\` to be a function, got ${shown(resolved.onLog)}`)
  }
  return Object.freeze({ ...resolved, nodeMajor: await majorOf(resolved.nodePath) })
}

/** AWS takes no more per environment. */
const mostConcurrency = 1600

/** AWS's variable for the number of worker threads. */
const WORKERS = 'AWS_LAMBDA_NODEJS_WORKER_COUNT'

function checkConcurrency(concurrency: unknown, given: Record<string, unknown>): void {
  if (!Number.isInteger(concurrency) || Number(concurrency) < 1 || Number(concurrency) > mostConcurrency) {
    throw refusal(`Expected \`concurrency\` to be an integer from 1 to ${mostConcurrency}, got ${shown(concurrency)}`)
  }
  for (const key of onlyWhereItFreezes) {
    if (key in given) throw refusal(`Expected \`${key}\` to be left out with \`concurrency\`, where nothing freezes`)
  }
}

/** Whether a TCP connection can be opened there, as far as that can be seen. */
export function isAddress(value: unknown): value is { host: string; port: number } {
  if (!isMapping(value)) return false
  const { host, port } = value
  return typeof host === 'string' && host !== '' && Number.isInteger(port) && Number(port) > 0 && Number(port) < 65_536
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

async function majorOf(nodePath: string): Promise<number> {
  if (nodePath === process.execPath) return Number.parseInt(process.versions.node, 10)
  try {
    const { stdout } = await promisify(execFile)(nodePath, ['-p', 'process.versions.node'])
    return Number.parseInt(stdout, 10)
  } catch (cause) {
    throw new LocalLambdaError('LAMBDA_OPTIONS', `Could not run \`nodePath\`: ${nodePath}`, { cause })
  }
}

function refusal(message: string): LocalLambdaError {
  return new LocalLambdaError('LAMBDA_OPTIONS', message)
}

function shown(value: unknown): string {
  return `\`${String(value)}\` (${typeof value})`
}
