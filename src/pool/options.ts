import type { Clock } from './clock.js'

/** What a {@link ResourcePool} is built with; checked by whoever builds it. Times in ms, `Infinity` for no limit. */
export interface ResourcePoolOptions {
  /** Most resources at once, those that are closing included. */
  readonly max: number
  /** Idle resources that the idle timeout leaves alone. */
  readonly min: number
  /** Most resources that may stay idle; 0 pools nothing. */
  readonly maxIdle: number
  /** Most callers that may wait while no resource is under way for them; another one is refused at once. */
  readonly maxWaiting: number
  /** Loans of one resource. */
  readonly maxUses: number
  /** Idle for longer than this, a resource is closed. */
  readonly idleTimeoutMillis: number
  /** Idle for longer than this, the other side has certainly ended a resource. */
  readonly leaseMillis: number
  /** Older than this, a resource is closed. */
  readonly maxLifetimeMillis: number
  /** Fraction of the lifetime that chance may take off: 0.1 for up to a tenth. */
  readonly lifetimeJitter: number
  /** A sign of life younger than this is trusted; `Infinity` trusts always. */
  readonly validationBypassMillis: number
  readonly validationTimeoutMillis: number
  readonly resetTimeoutMillis: number
  readonly dialTimeoutMillis: number
  readonly closeTimeoutMillis: number
  readonly clock: Clock
  /** From 0 up to 1, like `Math.random`. */
  readonly random: () => number
}
