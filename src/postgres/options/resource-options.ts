import { systemClock } from '../../pool/clock.js'
import type { ResourcePoolOptions } from '../../pool/options.js'
import { trustedMillis } from '../connection/lease.js'
import { PROFILES } from '../connection/profile.js'
import type { ResolvedOptions } from './options.js'

const CLOSE_TIMEOUT_MILLIS = 1000
const LIFETIME_JITTER = 0.1

/** What the resource pool under a {@link Pool} is built with. */
export function resourcePoolOptions(options: ResolvedOptions): ResourcePoolOptions {
  return {
    max: options.max,
    min: options.min,
    maxIdle: options.pooling === 'never' ? 0 : options.max,
    maxUses: options.maxUses,
    maxWaiting: options.maxWaiting,
    idleTimeoutMillis: options.idleTimeoutMillis,
    leaseMillis: Math.min(trustedMillis(options.leaseMillis), PROFILES[options.target].trustedMillis),
    maxLifetimeMillis: options.maxLifetimeMillis,
    lifetimeJitter: LIFETIME_JITTER,
    validationBypassMillis: options.validationBypassMillis,
    validationTimeoutMillis: options.validationTimeoutMillis,
    resetTimeoutMillis: options.validationTimeoutMillis,
    dialTimeoutMillis: dialTimeoutMillis(options),
    closeTimeoutMillis: CLOSE_TIMEOUT_MILLIS,
    clock: systemClock,
    random: Math.random,
  }
}

/**
 * A dial outlives the patience of those who wait for it, else nothing could ever connect when connecting takes longer. Without a
 * limit of theirs it is long enough for a paused Aurora cluster to resume.
 */
function dialTimeoutMillis({ connectionTimeoutMillis }: ResolvedOptions): number {
  return Number.isFinite(connectionTimeoutMillis) ? Math.max(10_000, connectionTimeoutMillis) : 30_000
}

/** Options that programs read off a pool, as they are in force. */
export function inForce(options: ResolvedOptions): object {
  const millis = (limit: number) => (Number.isFinite(limit) ? limit : 0)
  const { max, min, maxUses, allowExitOnIdle, maxLifetimeMillis, idleTimeoutMillis } = options
  return {
    max,
    min,
    maxUses,
    allowExitOnIdle,
    maxLifetimeSeconds: millis(maxLifetimeMillis) / 1000,
    idleTimeoutMillis: millis(idleTimeoutMillis),
  }
}
