import { systemClock } from '../../pool/clock.js'
import type { ResourcePoolOptions } from '../../pool/connector.js'
import { isOnLambda } from '../../registry/environment.js'
import { trustedMillis } from '../connection/lease.js'
import { PROFILES } from '../connection/profile.js'
import type { ResolvedOptions } from './options.js'

/** What the resource pool under a {@link Pool} is built with. */
export function resourcePoolOptions(options: ResolvedOptions): ResourcePoolOptions {
  const { connectionTimeoutMillis: patience } = options
  return {
    ...options,
    maxIdle: options.pooling === 'never' ? 0 : options.max,
    leaseMillis: Math.min(trustedMillis(options.leaseMillis), PROFILES[options.target].trustedMillis),
    lifetimeJitter: 0.1,
    resetTimeoutMillis: options.validationTimeoutMillis,
    // A dial outlives the patience of those who wait for it, else nothing could ever connect when connecting takes longer. Without a
    // limit of theirs it is long enough for a paused Aurora cluster to resume.
    dialTimeoutMillis: patience < Infinity ? Math.max(10_000, patience) : 30_000,
    // A function's database is there, or comes back. Elsewhere it may never have been started, which somebody wants to hear.
    absenceMillis: isOnLambda() ? Number.POSITIVE_INFINITY : 1000,
    closeTimeoutMillis: 1000,
    clock: systemClock,
    random: Math.random,
  }
}

const READ_OFF = ['max', 'min', 'maxUses', 'allowExitOnIdle', 'maxLifetimeSeconds', 'idleTimeoutMillis'] as const

/** Options that programs read off a pool, as they are in force. */
export function inForce(options: ResolvedOptions): object {
  return Object.fromEntries(READ_OFF.map((name) => [name, options[name] === Infinity ? 0 : options[name]]))
}
