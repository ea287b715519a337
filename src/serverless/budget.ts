import { type Concurrency, readConcurrency } from './concurrency.js'
import { wrongValue } from './errors.js'
import { type Limit, readLimit } from './limit.js'
import { isPooler, readSettings, type Settings, type Target } from './settings.js'
import type { Sources } from './sources.js'
import { type Resources, record } from './template.js'

/** What one function may open at once: `environments × workers × pools × max`. */
export interface Demand {
  readonly name: string
  readonly target: Target
  /** What bounds the environments. */
  readonly bound: 'reserved' | 'managed' | 'account'
  readonly environments: number
  readonly workers: number
  readonly pools: number
  readonly max: number
  /**
   * The product; of the functions that share the account's concurrency only the one that can open most counts, the others are 0:
   * an environment of the one is an environment less for the others.
   */
  readonly sessions: number
}

/** What a pooler in front of the database adds to it, and takes from the functions behind it. */
export interface ProxyShare {
  /** Sessions that the pooler may open at the database. */
  readonly sessions: number
  readonly source: string
  /** Clients it takes; undefined: not known to be bounded. */
  readonly clients: number | undefined
}

/** The sessions that a service may open, against those that its database has. */
export interface Budget {
  readonly demands: readonly Demand[]
  /** Sessions that the functions open at the database itself. */
  readonly direct: number
  /** Clients that the functions are to the pooler. */
  readonly proxied: number
  readonly proxy: ProxyShare | undefined
  readonly reserve: number
  readonly limit: Limit
  /** direct + the pooler's share + reserve. */
  readonly needed: number
  /** Most that environments of the code before can still hold after a deploy, until their lease ends. Not part of `needed`. */
  readonly leftBehind: number
  readonly fits: boolean
}

/** What a budget is drawn up from. */
export interface Service {
  /** `custom.pgThaw` as it was written. */
  readonly settings: unknown
  /** The logical id of each function of the service. */
  readonly logicalIds: Readonly<Record<string, string>>
  readonly resources: Resources
  readonly sources: Sources
}

/**
 * Draws up the budget of a service.
 *
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` for what is missing or can't be. That it does not fit is no error here.
 */
export function drawUpBudget({ settings: written, logicalIds, resources, sources }: Service): Budget {
  const file = sources.configuration
  const settings = readSettings(file, written, Object.keys(logicalIds))
  const concurrency = readConcurrency(resources, logicalIds, settings, file)
  const demands = demandsOf(concurrency, settings)
  const limit = readLimit(resources, settings, sources)
  const proxy = demands.some(({ target, max }) => isPooler(target) && max > 0)
    ? readProxyShare(resources, limit, demands, settings, sources)
    : undefined
  const direct = total(demands.filter(({ target }) => !isPooler(target)))
  const proxied = total(demands.filter(({ target }) => isPooler(target)))
  const needed = direct + (proxy?.sessions ?? 0) + settings.reserve
  const leftBehind = total(
    demands
      .filter(({ target }) => !isPooler(target))
      .map((demand) => ({ sessions: demand.max === 0 ? 0 : (demand.sessions / demand.max) * minOf(demand, settings) })),
  )
  return {
    demands,
    direct,
    proxied,
    proxy,
    reserve: settings.reserve,
    limit,
    needed,
    leftBehind,
    fits: needed <= limit.connections && proxied <= (proxy?.clients ?? Number.POSITIVE_INFINITY),
  }
}

function demandsOf({ bounds, shared }: Concurrency, { functions }: Settings): Demand[] {
  const demands = Object.entries(bounds).map(([name, bound]): Demand => {
    const { target, pools, max, workers } = functions[name] as Settings['functions'][string]
    const each = {
      name,
      target,
      bound: bound.kind,
      environments: bound.kind === 'account' ? shared : bound.environments,
      workers: bound.kind === 'managed' ? bound.workers : (workers ?? 1),
      pools,
      max,
    }
    return { ...each, sessions: each.environments * each.workers * pools * max }
  })
  // The account's concurrency is spent once, on whichever functions: at worst all of it on the one that opens most, per target.
  return demands.map((demand) => (isOutdone(demand, demands) ? { ...demand, sessions: 0 } : demand))
}

function isOutdone(demand: Demand, demands: readonly Demand[]): boolean {
  if (demand.bound !== 'account') return false
  const rivals = demands.filter(
    ({ bound, target }) => bound === 'account' && isPooler(target) === isPooler(demand.target),
  )
  const most = Math.max(...rivals.map(({ sessions }) => sessions))
  return rivals.find(({ sessions }) => sessions === most) !== demand
}

function minOf({ name }: Demand, { functions }: Settings): number {
  return functions[name]?.min ?? 0
}

function readProxyShare(
  resources: Resources,
  limit: Limit,
  demands: readonly Demand[],
  { proxy }: Settings,
  sources: Sources,
): ProxyShare {
  const { clients, sessions } = proxy
  if (sessions !== undefined) return { sessions, clients, source: 'custom.pgThaw.proxy.sessions' }
  const groups = Object.entries(resources).filter(([, { Type }]) => Type === 'AWS::RDS::DBProxyTargetGroup')
  const [group] = demands.some(({ target }) => target === 'pgbouncer') ? [] : groups
  if (group === undefined) {
    const expected =
      'what the pooler may open at the database, as no AWS::RDS::DBProxyTargetGroup of the service says it'
    throw wrongValue(sources.configuration, 'custom.pgThaw.proxy.sessions', expected, undefined)
  }
  const [id, { Properties }] = group
  // RDS's default is all there is.
  const percent: unknown = record(Properties.ConnectionPoolConfigurationInfo).MaxConnectionsPercent ?? 100
  const share = Number(percent)
  if (typeof percent === 'object' || !Number.isInteger(share) || share < 1 || share > 100) {
    const key = `Resources.${id}.Properties.ConnectionPoolConfigurationInfo.MaxConnectionsPercent`
    throw wrongValue(sources.fileOf(id), key, 'an integer from 1 to 100', percent)
  }
  return { sessions: Math.floor((limit.connections * share) / 100), clients, source: `${id}, ${share} %` }
}

function total(demands: readonly { readonly sessions: number }[]): number {
  return demands.reduce((sum, { sessions }) => sum + sessions, 0)
}
