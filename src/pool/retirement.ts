import { elapsedMillis, type Instant } from './clock.js'
import type { Held } from './slot.js'

/** Why a resource was never lent again. A closed set: every close has one of these. */
export const RETIRE_REASONS = [
  /** Older than its lifetime. */
  'lifetime',
  /** Idle for longer than allowed. */
  'idle',
  /** The other side has certainly ended it, by the lease it was dialled with. */
  'lease',
  /** Lent as often as allowed. */
  'uses',
  /** Of a generation that was condemned. */
  'generation',
  /** Gave no sign of life when asked. */
  'invalid',
  /** Reported as lost. */
  'broken',
  /** Discarded by its borrower. */
  'discarded',
  /** Came back while something was running on it, or in an unknown state. */
  'busy',
  /** Could not be reset. */
  'reset',
  /** More idle than may be kept. */
  'surplus',
  /** Closed to keep fewer. */
  'trim',
  /** Taken back from a borrower that never returned it. */
  'reclaimed',
  /** The pool ended. */
  'end',
] as const

/** Why a resource was never lent again: see {@link RETIRE_REASONS}. */
export type RetireReason = (typeof RETIRE_REASONS)[number]

/** The limits that stored facts are judged by. Times in ms; `Infinity` where there is none. */
export interface RetirementLimits {
  readonly maxUses: number
  readonly idleTimeoutMillis: number
  readonly leaseMillis: number
}

/** Why a resource must not be lent again, judged from what is stored about it; `undefined` when it may. */
export function judge(
  held: Held<unknown>,
  now: Instant,
  generation: number,
  limits: RetirementLimits,
): RetireReason | undefined {
  if (held.lostWith !== undefined) return 'broken'
  if (held.generation !== generation) return 'generation'
  if (held.uses >= limits.maxUses) return 'uses'
  if (elapsedMillis(held.dialledAt, now) >= held.lifetimeMillis) return 'lifetime'
  return undefined
}

/** The same for one that has been idle since `since`. */
export function judgeIdle(
  held: Held<unknown>,
  since: Instant,
  now: Instant,
  generation: number,
  limits: RetirementLimits,
): RetireReason | undefined {
  // The other side counts from its last answer, which may be older than the return.
  if (elapsedMillis(held.provenAt, now) >= limits.leaseMillis) return 'lease'
  const reason = judge(held, now, generation, limits)
  // Last, because the pool may spare those that have only been idle for too long.
  return reason === undefined && elapsedMillis(since, now) >= limits.idleTimeoutMillis ? 'idle' : reason
}
