import type { Budget } from '../budget.js'

/** What the figures don't say. */
export function notesOn({ demands, proxy, proxied, leftBehind }: Budget): string[] {
  const notes: string[] = []
  if (proxy !== undefined) {
    notes.push(
      `(…) are clients of the pooler, ${proxied} in all${proxy.clients === undefined ? '' : ` of ${proxy.clients}`}; when more than ${proxy.sessions} of them have a transaction open, the others wait.`,
    )
  }
  const unbounded = demands.filter(({ bound, max }) => bound === 'account' && max > 0).map(({ name }) => name)
  if (unbounded.length > 0) {
    notes.push(`Without reserved concurrency, and so bounded by the account alone: ${unbounded.join(', ')}.`)
  }
  if (leftBehind > 0) {
    notes.push(`For the length of a lease after a deploy, environments of the code before may hold ${leftBehind} more.`)
  }
  return notes
}
