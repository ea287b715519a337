import type { Wording } from '../deployment.js'
import type { Problems } from '../errors.js'
import { Section } from './section.js'

/** What a pool's connections lead to: the database itself, or a pooler in front of it. The pool's own option of that name. */
export type Target = 'direct' | 'rds-proxy' | 'pgbouncer' | 'dsql'

export const TARGETS: readonly Target[] = ['direct', 'rds-proxy', 'pgbouncer', 'dsql']

/** Whether the sessions end at a pooler, so that the database sees the pooler's own. */
export function isPooler(target: Target): boolean {
  return target === 'rds-proxy' || target === 'pgbouncer'
}

/** What becomes of a service whose functions don't fit, or of which too little is known. */
export type BudgetMode = 'error' | 'warn' | 'off'

const MODES: readonly BudgetMode[] = ['error', 'warn', 'off']

/** `custom.pgThaw.functions.<name>`, completed by what holds for all; undefined is what nobody has said. */
export interface FunctionSettings {
  /** Most sessions of one pool; 0 for a function that opens none. */
  readonly max: number | undefined
  /** Idle connections that survive a freeze, per pool. */
  readonly min: number | undefined
  readonly target: Target | undefined
  /** Pools per environment (or worker). */
  readonly pools: number
  /** Workers per environment. */
  readonly workers: number | undefined
  /** Environments at once, where the template has the figure only at the deployment. */
  readonly environments: number | undefined
  /** Whether the preload is added that buys a SIGTERM at the environment's end. */
  readonly goodbye: boolean
  /** Whether the plugin has the handler wrapped. */
  readonly wrap: boolean
}

/** `custom.pgThaw`, or the options of a command line, checked. */
export interface Settings {
  readonly budget: BudgetMode
  /** What the database allows, where the template does not say. */
  readonly maxConnections: number | undefined
  /** Logical id of the database, where the template has several. */
  readonly database: string | undefined
  /** Sessions left for AWS's automation, the superuser and people. */
  readonly reserve: number
  /** Lambda's limit of concurrent executions in the account and region, where it was said. */
  readonly accountConcurrency: number | undefined
  /** What a pooler opens at the database, and how many clients it takes, where the template does not say. */
  readonly proxy: { readonly sessions: number | undefined; readonly clients: number | undefined }
  readonly functions: Readonly<Record<string, FunctionSettings>>
  /** Functions that appeared late and are named nowhere in the settings: left out, by a `max` of 0. */
  readonly leftOut: readonly string[]
  /** Functions that the settings name, and that are not there, or not yet. */
  readonly awaited: readonly string[]
}

/** The functions that settings can be for. */
export interface FunctionNames {
  /** Those that are there. */
  readonly present: readonly string[]
  /**
   * Those among them that somebody else made, as other plugins do for warming up: where the settings don't name such a one, it has no
   * pool (`max: 0`).
   */
  readonly late?: readonly string[]
  /** Whether more may come: until then a name that is unknown is no slip. */
  readonly mayGrow?: boolean
}

/** 3 that PostgreSQL holds back for superusers, 3 that AWS asks for its automation, 4 for people and tools. */
const RESERVE = 10

const KEYS = ['max', 'min', 'target', 'pools', 'workers', 'goodbye', 'wrap']
/** Of one function alone. */
const FUNCTION_KEYS = [...KEYS, 'environments']
const SERVICE_KEYS = [
  ...KEYS,
  'budget',
  'maxConnections',
  'database',
  'reserve',
  'accountConcurrency',
  'proxy',
  'functions',
]

/** Whether a function has a pool: what has none gets no variables, no goodbye and no wrapper, and counts for nothing. */
export function isPooled({ functions }: Settings, name: string): boolean {
  const settings = functions[name]
  return settings !== undefined && settings.max !== 0
}

/**
 * Checks `custom.pgThaw` and fills in, for each function, what holds for it. What can't be is noted, and left out.
 *
 * @param written in the form of `custom.pgThaw`, whoever has said it.
 * @param file where it is written.
 */
export function readSettings(
  written: unknown,
  { present, late = [], mayGrow = false }: FunctionNames,
  file: string,
  wording: Wording,
  problems: Problems,
): Settings {
  const section = (key: string, value: unknown, known: readonly string[] | undefined, functionName?: string) =>
    new Section({ file, key, functionName, wording, problems }, value ?? {}, known)
  const top = section('', written, SERVICE_KEYS)
  const proxy = section('proxy', top.value('proxy'), ['sessions', 'clients'])
  const byName = section('functions', top.value('functions'), mayGrow ? undefined : present)
  const functions: Record<string, FunctionSettings> = {}
  const leftOut: string[] = []
  const named = byName.keys()
  for (const name of new Set([...present, ...named])) {
    const own = section('', byName.value(name), FUNCTION_KEYS, name)
    const settings = ofFunction(own, top)
    if (!present.includes(name)) continue
    const isLeftOut = late.includes(name) && !named.includes(name)
    if (isLeftOut) leftOut.push(name)
    functions[name] = Object.freeze(isLeftOut ? { ...settings, max: 0 } : settings)
  }
  return Object.freeze({
    budget: top.choice('budget', MODES) ?? 'warn',
    maxConnections: top.count('maxConnections', 1),
    database: top.text('database'),
    reserve: top.count('reserve', 0) ?? RESERVE,
    accountConcurrency: top.count('accountConcurrency', 1),
    proxy: Object.freeze({ sessions: proxy.count('sessions', 1), clients: proxy.count('clients', 1) }),
    functions: Object.freeze(functions),
    leftOut,
    awaited: named.filter((name) => !present.includes(name)),
  })
}

function ofFunction(own: Section, top: Section): FunctionSettings {
  // A value of the function's own is reported under its own key, and one that holds for all under that.
  const of = (key: string) => (own.value(key) === undefined ? top : own)
  const max = of('max').count('max', 0)
  const min = of('min').count('min', 0)
  const isTooMany = min !== undefined && max !== undefined && min > max
  if (isTooMany && (of('min') === own || of('max') === top)) of('min').refuse('min', `at most \`max\` (${max})`)
  return {
    max,
    // One that holds for all is cut to the `max` of a function that has its own.
    min: isTooMany ? max : min,
    target: of('target').choice('target', TARGETS),
    pools: of('pools').count('pools', 1) ?? 1,
    workers: of('workers').count('workers', 1),
    environments: own.count('environments', 0),
    goodbye: of('goodbye').flag('goodbye') ?? true,
    wrap: of('wrap').flag('wrap') ?? false,
  }
}
