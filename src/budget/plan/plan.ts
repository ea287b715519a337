import { type Budget, type Demand, drawUpBudget } from '../budget.js'
import type { Change, Deployment } from '../deployment.js'
import { BudgetError } from '../errors.js'
import { isPooler } from '../settings/settings.js'
import { withChanges } from './change.js'

/** Fewer calls at once than this are hardly meant by anybody: rather than bound a function to less, the database may grow. */
const LEAST_CONCURRENCY = 5

/**
 * A smallest set of changes with which a budget fits: with any of them left out it would not. In this order, as far as it is needed:
 *
 * 1. Pools of one. It costs nothing: queries share the connection, and only who holds two at once needs more.
 * 2. Less for the pooler, down to half of it. Its clients wait a little longer.
 * 3. A reserved concurrency for functions that have none, the same for each. It changes no figure that somebody chose.
 * 4. A larger database. It costs money, but turns nobody away.
 * 5. Less of the concurrency that was chosen, the same share of each.
 *
 * @returns undefined if it fits, or if there is no such set: then a pooler is what helps.
 */
export function planFor(budget: Budget, deployment: Deployment): readonly Change[] | undefined {
  if (budget.fits) return undefined
  const rivals = rivalsOf(budget)
  let changes: readonly Change[] = []
  for (const step of [poolsOfOne, lessForThePooler, reservations, largerDatabase, lessConcurrency]) {
    changes = step({ budget, deployment, rivals, changes })
    if (fits(deployment, changes)) return onlyNeeded(deployment, changes)
  }
  return undefined
}

interface Plan {
  /** Without any change. */
  readonly budget: Budget
  readonly deployment: Deployment
  /** The functions that open what there is too much of, the largest first. */
  readonly rivals: readonly Demand[]
  /** Those of the steps before. */
  readonly changes: readonly Change[]
}

function rivalsOf({ demands, needed, limit, proxied, proxy }: Budget): Demand[] {
  const isOverdrawn = needed > limit.connections
  const isCrowded = proxied > (proxy?.clients ?? Number.POSITIVE_INFINITY)
  return demands
    .filter(({ target, max }) => max > 0 && (isPooler(target) ? isCrowded : isOverdrawn))
    .sort((one, other) => other.sessions - one.sessions)
}

function poolsOfOne({ budget, deployment, rivals, changes }: Plan): readonly Change[] {
  const { functions } = deployment.settings
  const unsaid = budget.demands.filter(({ name }) => functions[name]?.max === undefined)
  // Where the variable of a pool says it, one setting for all would contradict it.
  const isOneForAll = unsaid.length > 0 && unsaid.every(({ isDefaultMax }) => isDefaultMax)
  const forAll: readonly Change[] = isOneForAll ? [...changes, { of: 'setting', key: 'max', value: 1 }] : changes
  const each = rivals
    .filter(({ name, max }) => max > 1 && !(isOneForAll && functions[name]?.max === undefined))
    .map(({ name }): Change => ({ of: 'setting', key: 'max', functionName: name, value: 1 }))
  const withFirst = (count: number) => [...forAll, ...each.slice(0, count)]
  const tooFew = largest(each.length, 0, (count) => !fits(deployment, withFirst(count)))
  return withFirst(tooFew === undefined ? 0 : tooFew + 1)
}

function lessForThePooler({ budget: { proxy }, deployment, changes }: Plan): readonly Change[] {
  if (proxy === undefined) return changes
  const { now, change } = proxy.share
  const lowered = largest(now - 1, Math.ceil(now / 2), (value) => fits(deployment, [...changes, change(value)]))
  return lowered === undefined ? changes : [...changes, change(lowered)]
}

function reservations({ budget, deployment, rivals, changes }: Plan): readonly Change[] {
  const unbounded = rivals.filter(({ bound }) => bound === 'account')
  if (unbounded.length === 0) return changes
  const withEach = (value: number) => [
    ...changes,
    ...unbounded.map((demand) => boundTo(demand, Math.max(value, demand.provisioned), deployment)),
  ]
  const most = Math.floor(Math.max(budget.limit.connections, budget.proxy?.clients ?? 0) / unbounded.length)
  return withEach(largest(most, LEAST_CONCURRENCY, (value) => fits(deployment, withEach(value))) ?? LEAST_CONCURRENCY)
}

function largerDatabase({ deployment, changes }: Plan): readonly Change[] {
  let all = changes
  // A pooler that has a share of the database grows with it.
  for (let drawn = draw(deployment, all); drawn !== undefined && drawn.needed > drawn.limit.connections; ) {
    const grown = drawn.limit.grow(drawn.needed)
    if (grown === undefined) return changes
    all = [...changes, ...grown]
    drawn = draw(deployment, all)
  }
  return all
}

function lessConcurrency({ deployment, rivals, changes }: Plan): readonly Change[] {
  const demands = draw(deployment, changes)?.demands ?? []
  const bounded = demands.filter((demand) => rivals.some(({ name }) => name === demand.name) && demand.environments > 1)
  const withShare = (percent: number) => [
    ...changes.filter(({ of }) => of !== 'concurrency'),
    ...bounded.map((demand) => {
      const share = Math.floor((demand.environments * percent) / 100)
      return boundTo(demand, Math.max(1, share, demand.provisioned), deployment)
    }),
  ]
  return withShare(largest(99, 1, (percent) => fits(deployment, withShare(percent))) ?? 1)
}

function boundTo({ name, bound }: Demand, value: number, { logicalIds }: Deployment): Change {
  if (bound !== 'managed') return { of: 'concurrency', functionName: name, value }
  const property = 'FunctionScalingConfig.MaxExecutionEnvironments'
  return { of: 'property', logicalId: String(logicalIds[name]), property, value }
}

/** The changes without those that it fits without: the last are given up first, since they cost most. */
function onlyNeeded(deployment: Deployment, changes: readonly Change[]): readonly Change[] {
  return changes.reduceRight((needed, change) => {
    const others = needed.filter((each) => each !== change)
    return fits(deployment, others) ? others : needed
  }, changes)
}

function fits(deployment: Deployment, changes: readonly Change[]): boolean {
  return draw(deployment, changes)?.fits ?? false
}

/** The budget with changes; undefined where they can't be, such as more reserved than the account has. */
function draw(deployment: Deployment, changes: readonly Change[]): Budget | undefined {
  try {
    return drawUpBudget(withChanges(deployment, changes))
  } catch (error) {
    if (error instanceof BudgetError) return undefined
    throw error
  }
}

/** The largest value that is right, where all below it are too. */
function largest(most: number, least: number, isRight: (value: number) => boolean): number | undefined {
  let right = least - 1
  for (let wrong = most + 1; wrong - right > 1; ) {
    const middle = Math.floor((right + wrong) / 2)
    if (isRight(middle)) right = middle
    else wrong = middle
  }
  return right < least ? undefined : right
}
