/** What stands between the pool and the database: the server itself, or something that speaks for it. */
export type Target = 'direct' | 'pgbouncer' | 'rds-proxy' | 'dsql'

/** What may be sent to a target, and how old its connections may grow. */
export interface Profile {
  /** Whether sessions are the pool's own: startup options, timeouts, settings and named statements are kept with them. */
  readonly ownsSession: boolean
  /** Whether a running query can be cancelled; else its connection is dropped. */
  readonly cancels: boolean
  /** How long an idle connection is certainly kept, ms. */
  readonly trustedMillis: number
  /** Longest lifetime, s. */
  readonly longestLifetimeSeconds: number
}

function profile(ownsSession: boolean, cancels: boolean, trustedMillis = Infinity, longestLifetimeSeconds = Infinity) {
  return { ownsSession, cancels, trustedMillis, longestLifetimeSeconds }
}

/**
 * - PgBouncer in transaction mode refuses startup options (08P01) and lends its server sessions by the transaction.
 * - RDS Proxy refuses them as well, pins a session on SET, has no CancelRequest, and cuts idle clients after 30 minutes, all after
 *   24 hours (its documentation, "Avoiding pinning" and "Limitations").
 * - Aurora DSQL ends connections after 60 minutes and has no session timeouts (its documentation, "Quotas and limits").
 */
export const PROFILES: Readonly<Record<Target, Profile>> = {
  direct: profile(true, true),
  pgbouncer: profile(false, true),
  'rds-proxy': profile(false, false, 1_740_000, 82_800),
  dsql: profile(false, false, undefined, 3300),
}
