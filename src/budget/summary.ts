import type { Budget } from './budget.js'
import type { Flagged } from './flags/settings-of-flags.js'
import { planFor } from './plan/plan.js'
import { remedies } from './report/remedies.js'

/** A budget for programs. Keys are added, and none changes its meaning. */
export function summaryOf(budget: Budget, { deployment, leftOut, unread }: Flagged) {
  const { fits, needed, limit, reserve, direct, proxied, proxy, leftBehind, demands } = budget
  return {
    fits,
    needed,
    allowed: limit.connections,
    allowedBy: limit.source,
    reserve,
    direct,
    proxied,
    proxy:
      proxy === undefined ? null : { sessions: proxy.sessions, source: proxy.source, clients: proxy.clients ?? null },
    leftBehind,
    functions: demands.map(
      ({ name, target, bound, environments, workers, pools, max, isDefaultMax, min, sessions }) => ({
        name,
        id: deployment.logicalIds[name],
        target,
        bound,
        environments,
        workers,
        pools,
        max,
        isDefaultMax,
        min,
        sessions,
      }),
    ),
    leftOut,
    unread,
    changes: fits ? [] : remedies(budget, deployment),
    plan: planFor(budget, deployment) ?? [],
    questions: [],
  }
}
