/**
 * The client stops trusting a connection this much before the server ends it, as a part of the lease: the server's timer started
 * before its answer was read here, and a query needs time to get there.
 */
const MARGIN = 0.1
const LONGEST_MARGIN_MILLIS = 2000

/** What the server keeps idle sessions for where the user says nothing, ms: the usual lease, and those that the keep policy may choose instead. */
export const USUAL_LEASE_MILLIS = 75_000
export const LEASES_MILLIS = [15_000, USUAL_LEASE_MILLIS, 130_000] as const

const LEASE: unique symbol = Symbol('pg-thaw.lease')

/** Notes the lease of a client, as it was asked for. */
export function noteLease(client: object, leaseMillis: number): void {
  ;(client as { [LEASE]?: number })[LEASE] = leaseMillis
}

/** How long the server lets this client's session be idle, ms; `Infinity` for as long as it likes. */
export function leaseOf(client: object): number {
  return (client as { [LEASE]?: number })[LEASE] ?? Infinity
}

/** How long after its last answer a connection is still certain to be there, ms. */
export function trustedMillis(leaseMillis: number): number {
  return leaseMillis - Math.min(LONGEST_MARGIN_MILLIS, leaseMillis * MARGIN)
}
