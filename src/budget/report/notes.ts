import type { Budget } from '../budget.js'
import type { Deployment } from '../deployment.js'
import { listed } from '../listed.js'

/** What the figures don't say. */
export function notesOn(
  { demands, proxy, proxied, leftBehind }: Budget,
  { settings: { leftOut, awaited }, wording }: Deployment,
): string[] {
  const notes: string[] = []
  const unsaid = demands.filter(({ isDefaultMax }) => isDefaultMax).map(({ name }) => name)
  if (unsaid.length > 0) {
    notes.push(
      `max not set: 10, the pool's default, for ${listed(unsaid)}. Set ${wording.setting('max')}, and 0 for functions without a pool.`,
    )
  }
  if (proxy !== undefined) {
    notes.push(
      `(…) are clients of the pooler, ${proxied} in all${proxy.clients === undefined ? '' : ` of ${proxy.clients}`}; when more than ${proxy.sessions} of them have a transaction open, the others wait.`,
    )
  }
  const unbounded = demands.filter(({ bound, max }) => bound === 'account' && max > 0).map(({ name }) => name)
  if (unbounded.length > 0) {
    notes.push(`Without reserved concurrency, and so bounded by the account alone: ${listed(unbounded)}.`)
  }
  if (leftOut.length > 0) {
    notes.push(
      `Made by other plugins, and left out as ${wording.setting('functions')} does not name them: ${listed(leftOut)}.`,
    )
  }
  if (awaited.length > 0) {
    notes.push(`In ${wording.setting('functions')}, and no functions of the service so far: ${listed(awaited)}.`)
  }
  if (leftBehind > 0) {
    notes.push(`For the length of a lease after a deploy, environments of the code before may hold ${leftBehind} more.`)
  }
  return notes
}
