import type { Budget } from './budget.js'
import type { Deployment } from './deployment.js'
import { remedies } from './report/remedies.js'

/** A budget for programs. Keys are added, and none changes its meaning. */
export function summaryOf(budget: Budget, deployment: Deployment) {
  const { fits, needed, limit, reserve, direct, proxied, proxy, leftBehind, demands } = budget
  return {
    fits,
    needed,
    allowed: limit.connections,
    allowedBy: limit.source,
    reserve,
    direct,
    proxied,
    proxy: proxy === undefined ? null : { ...proxy, clients: proxy.clients ?? null },
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
    leftOut: deployment.settings.leftOut,
    changes: fits ? [] : remedies(budget, deployment),
    questions: [],
  }
}
