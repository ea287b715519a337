/**
 * The client stops trusting a connection this much before the server ends it, as a part of the lease: the server's timer started
 * before its answer was read here, and a query needs time to get there.
 */
const MARGIN = 0.1
const LONGEST_MARGIN_MILLIS = 2000

/** How long after its last answer a connection is still certain to be there, ms. */
export function trustedMillis(leaseMillis: number): number {
  return leaseMillis - Math.min(LONGEST_MARGIN_MILLIS, leaseMillis * MARGIN)
}
