import type { Budget } from '../budget.js'
import type { Deployment } from '../deployment.js'
import { planFor } from '../plan/plan.js'
import { notesOn } from './notes.js'
import { overdraft, remedies } from './remedies.js'
import { table } from './table.js'

/** The budget as a table, with what to change where it does not fit. */
export function report(budget: Budget, deployment: Deployment): string {
  const parts = [verdict(budget), '', ...table(budget)]
  const notes = notesOn(budget, deployment)
  if (notes.length > 0) parts.push('', ...notes)
  if (!budget.fits) {
    parts.push('', 'What to change, any one of:', ...remedies(budget, deployment).map((remedy) => `  - ${remedy}`))
    const plan = planFor(budget, deployment)
    if (plan !== undefined) {
      const lines = deployment.wording.paste(plan, deployment.sources)
      parts.push('', 'Or this, which fits:', ...lines.map((line) => `  ${line}`))
    }
  }
  return parts.join('\n')
}

function verdict(budget: Budget): string {
  const { needed, limit, fits, proxied, proxy } = budget
  if (fits) return `The functions fit: ${needed} of ${limit.connections} sessions.`
  if (overdraft(budget) > 0) {
    return `The functions could open more sessions than the database has: ${needed} of ${limit.connections}.`
  }
  return `The functions could be more clients than the pooler takes: ${proxied} of ${proxy?.clients}.`
}
