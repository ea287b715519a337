import type { Budget, Demand } from '../budget.js'
import type { Deployment } from '../deployment.js'
import { listed } from '../listed.js'
import { isPooler } from '../settings/settings.js'

/** More than these, and their names alone are listed. */
const MOST_KEYS = 3
/** Of so many functions, those that open most, it is said what they would have to give up. */
const MOST_FUNCTIONS = 5

/** Sessions that the database lacks. */
export function overdraft({ needed, limit }: Budget): number {
  return needed - limit.connections
}

/** The single changes of which each would make it fit. */
export function remedies(budget: Budget, deployment: Deployment): string[] {
  const { demands, proxy, limit } = budget
  const { wording } = deployment
  const over = overdraft(budget)
  const isDirect = over > 0
  const excess = isDirect ? over : budget.proxied - (proxy?.clients ?? 0)
  const rivals = demands.filter(({ target, max }) => isPooler(target) !== isDirect && max > 0)
  const found = remediesOfAll(rivals, excess, deployment)
  const bounded = rivals.filter(({ bound }) => bound !== 'account').sort((a, b) => b.sessions - a.sessions)
  for (const demand of bounded.slice(0, MOST_FUNCTIONS)) found.push(...remediesOf(demand, excess, deployment))
  if (isDirect) found.push(limit.raise(budget.needed))
  if (isDirect && proxy !== undefined && proxy.sessions > over) {
    found.push(`let the pooler open ${proxy.sessions - over} (now ${proxy.sessions}: ${proxy.source})`)
  }
  if (isDirect && proxy === undefined) {
    found.push(`put RDS Proxy or PgBouncer in between, and set ${wording.setting('target')}`)
  }
  if (!isDirect) found.push(`let the pooler take more clients, and set ${wording.setting('proxy.clients')}`)
  return found
}

/** The largest concurrency, and the largest `max`, with which this function alone makes up for the excess. */
function remediesOf(demand: Demand, excess: number, { logicalIds, wording }: Deployment): string[] {
  const { name, bound, environments, workers, pools, max, sessions } = demand
  const rest = sessions - excess
  const found: string[] = []
  const lower = (key: string, fitting: number, now: number) => {
    if (fitting >= 1) found.push(`${key} of ${fitting} or less (now ${now})`)
  }
  const isManaged = bound === 'managed'
  const concurrency = isManaged
    ? wording.property(String(logicalIds[name]), 'FunctionScalingConfig.MaxExecutionEnvironments')
    : wording.concurrency('reserved', name)
  lower(concurrency, Math.floor(rest / (workers * pools * max)), environments)
  if (isManaged) lower(wording.setting('workers', name), Math.floor(rest / (environments * pools * max)), workers)
  lower(wording.setting('max', name), Math.floor(rest / (environments * workers * pools)), max)
  return found
}

/** Functions without a bound have to be given one all together: what is taken from one of them is open to the next. */
function remediesOfAll(rivals: readonly Demand[], excess: number, { wording }: Deployment): string[] {
  const unbounded = rivals.filter(({ bound }) => bound === 'account')
  const sessions = Math.max(0, ...unbounded.map((demand) => demand.sessions))
  const perEnvironment = unbounded.reduce((sum, { workers, pools, max }) => sum + workers * pools * max, 0)
  const fitting = Math.floor((sessions - excess) / perEnvironment)
  if (!(fitting >= 1)) return []
  const names = unbounded.map(({ name }) => name)
  const keys = names.map((name) => wording.concurrency('reserved', name))
  if (keys.length <= MOST_KEYS)
    return [`${keys.join(', ')} of ${fitting} or less${keys.length > 1 ? ' each' : ''} (now none)`]
  return [`${wording.concurrency('reserved', '*')} of ${fitting} or less each (now none), for ${listed(names)}`]
}
