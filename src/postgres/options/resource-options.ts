import { systemClock } from '../../pool/clock.js'
import type { ResourcePoolOptions } from '../../pool/connector.js'
import { isOnLambda } from '../../registry/environment.js'
import { KNOWN_OPTIONS } from './known-options.js'
import { checkOptions, refuse } from './option-checks.js'
import type { ResolvedOptions } from './options.js'
import { readOptions } from './stock-values.js'

/** What can kill a connection unseen in less time than this, can do so in any busy moment of a process, ms. */
export const UNNOTICED_MILLIS = 2

/** What the resource pool under a {@link Pool} is built with. */
export function resourcePoolOptions(options: ResolvedOptions): Changeable<ResourcePoolOptions> {
  const { connectionTimeoutMillis: patience } = options
  return {
    ...options,
    maxIdle: options.pooling === 'never' ? 0 : options.max,
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

/** Options of pg-pool that a program may change while the pool is in use, and those of them that stand for no limit with 0. */
const CHANGEABLE = ['max', 'min', 'maxUses', 'idleTimeoutMillis'] as const
const ZERO_IS_NONE: readonly string[] = ['maxUses', 'idleTimeoutMillis'] satisfies (typeof CHANGEABLE)[number][]

/**
 * Has options that programs read off a pool say what is in force. Where pg-pool goes by what they are changed to, so does this pool,
 * through its terms.
 *
 * @throws {PoolOptionError} when one is set to what it can't be.
 */
export function showInForce(shown: object, options: ResolvedOptions, terms: Changeable<ResourcePoolOptions>): void {
  const { allowExitOnIdle, maxLifetimeSeconds } = options
  Object.assign(shown, {
    allowExitOnIdle,
    maxLifetimeSeconds: maxLifetimeSeconds === Infinity ? 0 : maxLifetimeSeconds,
  })
  for (const name of CHANGEABLE) {
    const set = (given: unknown) => {
      const value = (readOptions({ [name]: given }) as Record<string, unknown>)[name]
      refuse(name, (value === undefined || value === null) && 'a number', given)
      checkOptions({ [name]: value }, KNOWN_OPTIONS)
      terms[name] = value === 0 && ZERO_IS_NONE.includes(name) ? Infinity : (value as number)
      if (name === 'max' && terms.maxIdle > 0) terms.maxIdle = terms.max
    }
    const get = () => (name === 'idleTimeoutMillis' && terms[name] === Infinity ? 0 : terms[name])
    Object.defineProperty(shown, name, { configurable: true, enumerable: true, get, set })
  }
}

/** The terms of a resource pool, which reads them at each use. */
export type Changeable<T> = { -readonly [Name in keyof T]: T[Name] }
