import { wrongValue } from './errors.js'

/** What a pool's connections lead to: the database itself, or a pooler in front of it. The pool's own option of that name. */
export type Target = 'direct' | 'rds-proxy' | 'pgbouncer' | 'dsql'

const TARGETS: readonly string[] = ['direct', 'rds-proxy', 'pgbouncer', 'dsql'] satisfies Target[]

/** Whether the sessions end at a pooler, so that the database sees the pooler's own. */
export function isPooler(target: Target): boolean {
  return target === 'rds-proxy' || target === 'pgbouncer'
}

/** `custom.pgThaw.functions.<name>`, complete. */
export interface FunctionSettings {
  /** Most sessions of one pool; 0 for a function that opens none. */
  readonly max: number
  /** Idle connections that survive a freeze, per pool. */
  readonly min: number
  /** The same, where the user has said so. */
  readonly givenMin: number | undefined
  readonly target: Target
  /** Pools per environment (or worker). */
  readonly pools: number
  /** Workers per environment; undefined: 1, or what Lambda starts on Managed Instances. */
  readonly workers: number | undefined
  /** Whether the preload is added that buys a SIGTERM at the environment's end. */
  readonly goodbye: boolean
  /** Whether the plugin has the handler wrapped. */
  readonly wrap: boolean
}

/** `custom.pgThaw`, checked. */
export interface Settings {
  /** What the database allows, where the template does not say. */
  readonly maxConnections: number | undefined
  /** Logical id of the database, where the template has several. */
  readonly database: string | undefined
  /** Sessions left for AWS's automation, the superuser and people. */
  readonly reserve: number
  /** Lambda's limit of concurrent executions in the account and region. */
  readonly accountConcurrency: number
  /** What a pooler opens at the database, and how many clients it takes, where the template does not say. */
  readonly proxy: { readonly sessions: number | undefined; readonly clients: number | undefined }
  readonly functions: Readonly<Record<string, FunctionSettings>>
}

/** 3 that PostgreSQL holds back for superusers, 3 that AWS asks for its automation, 4 for people and tools. */
const RESERVE = 10
/** Lambda's default per account and region. */
const ACCOUNT_CONCURRENCY = 1000

const KEYS = ['max', 'min', 'target', 'pools', 'workers', 'goodbye', 'wrap']
const SERVICE_KEYS = [...KEYS, 'maxConnections', 'database', 'reserve', 'accountConcurrency', 'proxy', 'functions']

/**
 * Checks `custom.pgThaw` and fills in, for each function of the service, what holds for it.
 *
 * @throws {BudgetError} `PG_THAW_CONFIGURATION`, in one line.
 */
export function readSettings(file: string, value: unknown, functionNames: readonly string[]): Settings {
  const top = section(file, 'custom.pgThaw', value ?? {}, SERVICE_KEYS)
  const proxy = section(file, 'custom.pgThaw.proxy', top.value('proxy') ?? {}, ['sessions', 'clients'])
  const byName = section(file, 'custom.pgThaw.functions', top.value('functions') ?? {}, functionNames)
  const functions: Record<string, FunctionSettings> = {}
  for (const name of functionNames) {
    const own = section(file, `custom.pgThaw.functions.${name}`, byName.value(name) ?? {}, KEYS)
    // A value of the function's own is reported under its own key, and one that holds for all under that.
    const of = (key: string) => (own.value(key) === undefined ? top : own)
    const max = of('max').count('max', 0)
    if (max === undefined) {
      throw wrongValue(
        file,
        `custom.pgThaw.functions.${name}.max`,
        "the pool's `max`, or 0 if the function opens none (custom.pgThaw.max holds for all)",
        undefined,
      )
    }
    const givenMin = of('min').count('min', 0)
    const min = givenMin ?? Math.min(1, max)
    if (own.value('min') !== undefined && min > max) {
      throw wrongValue(file, `custom.pgThaw.functions.${name}.min`, `at most \`max\` (${max})`, min)
    }
    if (min > max && of('max') === top) throw wrongValue(file, 'custom.pgThaw.min', `at most \`max\` (${max})`, min)
    // One that holds for all is cut to the `max` of a function that has its own.
    functions[name] = Object.freeze({
      max,
      min: Math.min(min, max),
      givenMin: givenMin === undefined ? undefined : Math.min(givenMin, max),
      target: (of('target').choice('target', TARGETS) ?? 'direct') as Target,
      pools: of('pools').count('pools', 1) ?? 1,
      workers: of('workers').count('workers', 1),
      goodbye: of('goodbye').flag('goodbye') ?? true,
      wrap: of('wrap').flag('wrap') ?? false,
    })
  }
  return Object.freeze({
    maxConnections: top.count('maxConnections', 1),
    database: top.text('database'),
    reserve: top.count('reserve', 0) ?? RESERVE,
    accountConcurrency: top.count('accountConcurrency', 1) ?? ACCOUNT_CONCURRENCY,
    proxy: Object.freeze({ sessions: proxy.count('sessions', 1), clients: proxy.count('clients', 1) }),
    functions: Object.freeze(functions),
  })
}

interface Section {
  value(key: string): unknown
  count(key: string, least: number): number | undefined
  text(key: string): string | undefined
  choice(key: string, choices: readonly string[]): string | undefined
  flag(key: string): boolean | undefined
}

function section(file: string, path: string, value: unknown, known: readonly string[]): Section {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrongValue(file, path, 'a mapping', value)
  }
  const record = value as Record<string, unknown>
  for (const key of Object.keys(record)) {
    if (known.includes(key)) continue
    throw wrongValue(file, path, `one of the keys ${known.join(', ')}`, key)
  }
  const refuse = (key: string, expected: string) => wrongValue(file, `${path}.${key}`, expected, record[key])
  return {
    value: (key) => record[key],
    count(key, least) {
      if (record[key] === undefined) return undefined
      const number = asCount(record[key])
      if (number === undefined || number < least) throw refuse(key, `an integer of ${least} or more`)
      return number
    },
    text(key) {
      const text = record[key]
      if (text === undefined || (typeof text === 'string' && text !== '')) return text
      throw refuse(key, 'a name')
    },
    choice(key, choices) {
      const text = record[key]
      if (text === undefined || (typeof text === 'string' && choices.includes(text))) return text
      throw refuse(key, `one of ${choices.join(', ')}`)
    },
    flag(key) {
      const flag = record[key]
      if (flag === undefined || typeof flag === 'boolean') return flag
      // Parameters that come from the command line are strings.
      if (flag === 'true' || flag === 'false') return flag === 'true'
      throw refuse(key, 'true or false')
    },
  }
}

/** An integer of 0 or more, which may be a string of digits: parameters that come from the command line are strings. */
export function asCount(value: unknown): number | undefined {
  if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value)
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}
