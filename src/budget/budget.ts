import { type Bound, type Concurrency, readConcurrency } from './concurrency/concurrency.js'
import { type Limit, readLimit } from './database/limit.js'
import { type ProxyShare, readProxyShare } from './database/proxy-share.js'
import type { Deployment } from './deployment.js'
import { Problems } from './errors.js'
import { type PoolFigures, readPoolFigures } from './settings/pool-figures.js'
import { isPooler } from './settings/settings.js'

/** What one function may open at once: `environments × workers × pools × max`. */
export interface Demand extends PoolFigures {
  readonly name: string
  /** What bounds the environments. */
  readonly bound: Bound['kind']
  readonly environments: number
  /** Environments that are kept ready: the bound can't be less. */
  readonly provisioned: number
  readonly workers: number
  readonly pools: number
  /**
   * The product; of the functions that share the account's concurrency only the one that can open most counts, the others are 0:
   * an environment of the one is an environment less for the others.
   */
  readonly sessions: number
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

/**
 * Draws up the budget of a service.
 *
 * @param problems what was found missing or wrong before, as in the settings: all is told at once.
 * @throws {BudgetError} `PG_THAW_CONFIGURATION` for what is missing or can't be, a line each. That it does not fit is no error here.
 */
export function drawUpBudget(deployment: Deployment, problems = new Problems()): Budget {
  const concurrency = readConcurrency(deployment, problems)
  const pools = readPools(deployment, problems)
  const demands = demandsOf(deployment, concurrency, pools)
  const direct = total(demands.filter(({ target }) => !isPooler(target)))
  const areAllKnown = demands.length === Object.keys(deployment.logicalIds).length
  const limit = problems.attempt(() => readLimit(deployment, areAllKnown ? direct : undefined))
  const targets = [...pools.values()].filter(({ target, max }) => isPooler(target) && max > 0).map((it) => it.target)
  const proxy =
    targets.length === 0
      ? undefined
      : problems.attempt(() => readProxyShare(deployment, targets, limit?.connections ?? 0))
  problems.throwIfAny()
  if (limit === undefined) throw new Error('bug: what the database allows is unknown, and that was no problem')

  const { reserve } = deployment.settings
  const proxied = total(demands.filter(({ target }) => isPooler(target)))
  const needed = direct + (proxy?.sessions ?? 0) + reserve
  const leftBehind = leftBehindBy(demands.filter(({ target }) => !isPooler(target)))
  const fits = needed <= limit.connections && proxied <= (proxy?.clients ?? Number.POSITIVE_INFINITY)
  return { demands, direct, proxied, proxy, reserve, limit, needed, leftBehind, fits }
}

/** Without those that can't be told. */
function readPools(deployment: Deployment, problems: Problems): ReadonlyMap<string, PoolFigures> {
  const found = new Map<string, PoolFigures>()
  for (const [name, id] of Object.entries(deployment.logicalIds)) {
    const pool = problems.attempt(() => readPoolFigures(name, id, deployment))
    if (pool !== undefined) found.set(name, pool)
  }
  return found
}

function demandsOf(
  { settings }: Deployment,
  { bounds, shared }: Concurrency,
  pools: ReadonlyMap<string, PoolFigures>,
): Demand[] {
  const demands = [...pools].flatMap(([name, pool]): Demand[] => {
    const bound = bounds[name]
    if (bound === undefined) return []
    const { pools = 1, workers: given = 1 } = settings.functions[name] ?? {}
    const environments = bound.kind === 'account' ? shared : bound.environments
    const workers = bound.kind === 'managed' ? bound.workers : given
    const sessions = environments * workers * pools * pool.max
    const provisioned = bound.kind === 'managed' ? 0 : bound.provisioned
    return [{ ...pool, name, bound: bound.kind, environments, provisioned, workers, pools, sessions }]
  })
  // The account's concurrency is spent once, on whichever functions: at worst all of it on the one that opens most, per target.
  const most = [largestOfAccount(demands, true), largestOfAccount(demands, false)]
  return demands.map((demand) =>
    demand.bound === 'account' && !most.includes(demand) ? { ...demand, sessions: 0 } : demand,
  )
}

function largestOfAccount(demands: readonly Demand[], isProxied: boolean): Demand | undefined {
  const rivals = demands.filter(({ bound, target }) => bound === 'account' && isPooler(target) === isProxied)
  const sessions = Math.max(...rivals.map((rival) => rival.sessions))
  return rivals.find((rival) => rival.sessions === sessions)
}

/** What pools keep through a freeze. Of the account's concurrency it is again spent once, on whichever function keeps most. */
function leftBehindBy(demands: readonly Demand[]): number {
  const kept = demands.map(({ bound, environments, workers, pools, min }) => ({
    isOfAccount: bound === 'account',
    sessions: environments * workers * pools * min,
  }))
  const ofAccount = kept.filter(({ isOfAccount }) => isOfAccount).map(({ sessions }) => sessions)
  return total(kept.filter(({ isOfAccount }) => !isOfAccount)) + Math.max(0, ...ofAccount)
}

function total(demands: readonly { readonly sessions: number }[]): number {
  return demands.reduce((sum, { sessions }) => sum + sessions, 0)
}
