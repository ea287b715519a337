import { connectionsToKeep, leaseToDial, type Observations } from '../lambda/keep-policy.js'
import type { Policy } from './replay.js'

const HELD = [1]

/** The pool's own, with these options, in a function that may run so long, ms. */
export function pooling(
  { pooling, min, leaseMillis }: Pick<Observations, 'pooling' | 'min'> & { readonly leaseMillis?: number | undefined },
  timeoutMillis: number,
): Policy {
  return {
    dial: (gapsMillis) => leaseMillis ?? leaseToDial(gapsMillis, timeoutMillis),
    keeps(gapsMillis, lease, invocations) {
      const { most, isWorth } = connectionsToKeep({
        pooling,
        min,
        held: HELD,
        initialization: 'on-demand',
        gapsMillis,
        invocations,
      })
      return most > 0 && isWorth(lease)
    },
  }
}
