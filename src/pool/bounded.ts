import type { Alarm } from './alarm.js'

/** How bounded work ended. */
export type Outcome<T> =
  | { readonly how: 'done'; readonly value: T }
  | { readonly how: 'failed'; readonly error: unknown }
  /** The limit passed, or {@link BoundedWork.abandon} was called: whatever the work does now is late. */
  | { readonly how: 'abandoned' }

/** Work that is under way. */
export interface BoundedWork {
  /** Settles it now, as if its limit had passed. Idempotent; nothing happens when it has settled. */
  abandon(): void
}

/**
 * Runs code that is not the pool's own (dial, ping, reset, close) under a time limit. The work starts before this returns;
 * `settled` is called exactly once and never before this returns, whatever the work does: throw, reject, hang, or settle after
 * its limit. A value that comes too late goes to `late`; an error that comes too late has nobody left to tell.
 */
export function bounded<T>(
  alarm: Alarm,
  limitMillis: number,
  work: () => T | PromiseLike<T>,
  settled: (outcome: Outcome<T>) => void,
  late: (value: T) => void = () => {},
): BoundedWork {
  let open = true
  const settle = (outcome: Outcome<T>) => {
    open = false
    limit.cancel()
    settled(outcome)
  }
  const abandon = () => {
    if (open) settle({ how: 'abandoned' })
  }
  const limit = alarm.set(limitMillis, abandon, 'keeps-process')
  start(work).then(
    (value) => {
      if (open) settle({ how: 'done', value })
      else late(value)
    },
    (error: unknown) => {
      if (open) settle({ how: 'failed', error })
    },
  )
  return { abandon }
}

function start<T>(work: () => T | PromiseLike<T>): Promise<T> {
  try {
    return Promise.resolve(work())
  } catch (error) {
    return Promise.reject(error)
  }
}
