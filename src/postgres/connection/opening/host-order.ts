import { bounded, type Outcome } from '../../../pool/bounded.js'
import { systemClock } from '../../../pool/clock.js'
import type { Opening } from '../../../pool/connector.js'
import { codeOf, PoolError, textOf } from '../../../pool/errors.js'

/** How long a host that failed is tried last, ms: as long as it takes until somebody else should have taken its place. */
const SHUNNED_MILLIS = 10_000

/** Opens a connection to one of the hosts. The opening is this attempt's own. */
export type Attempt<C, Wish> = (at: number, wish: Wish, opening: Opening) => Promise<C>

/**
 * In which order several hosts are tried: their own, but those that have just failed last. Each has its share of the time that somebody
 * waits, so that one that says nothing does not use up that of the others.
 */
export class HostOrder<C> {
  readonly #names: readonly string[]
  readonly #destroy: (late: C) => void
  readonly #failedAt = new Map<number, number>()

  constructor(names: readonly string[], destroy: (late: C) => void) {
    this.#names = names
    this.#destroy = destroy
  }

  /**
   * The first connection that can be had, with the first of the wishes that any host fulfils.
   *
   * @throws what the only attempt was rejected with; of several, an `AggregateError` that has the reason of each. What is final for one
   * is final for all: nobody else is asked then.
   */
  async first<Wish>(
    opening: Opening,
    wishes: readonly Wish[],
    attempt: Attempt<C, Wish>,
    isFinal: (error: unknown) => boolean,
  ): Promise<C> {
    const order = this.#order()
    const tries = wishes.flatMap((wish) => order.map((at) => ({ wish, at })))
    const { onAbandon, withinMillis, lost } = opening
    let isAbandoned = false
    let current: Opening | undefined
    opening.onAbandon = () => {
      isAbandoned = true
      onAbandon?.()
      current?.onAbandon?.()
    }
    let leftMillis = withinMillis
    const errors: unknown[] = []
    for (const [tried, { wish, at }] of tries.entries()) {
      const left = tries.length - tried
      // The last one has what the pool gives it.
      const share = left === 1 ? Infinity : leftMillis / left
      const own: Opening = {
        withinMillis: share,
        onAbandon: undefined,
        // Of an attempt that was given up nobody wants to hear.
        lost: (error) => void (current === own && lost(error)),
      }
      current = own
      const began = performance.now()
      const outcome = await within(share, () => attempt(at, wish, own), this.#destroy)
      if (outcome.how === 'done') {
        this.#failedAt.delete(at)
        return outcome.value
      }
      if (outcome.how === 'abandoned') own.onAbandon?.()
      // Never more than its share: what was slept through is nobody's loss.
      leftMillis -= Math.min(share, performance.now() - began)
      const error = outcome.how === 'failed' ? outcome.error : tooSlow(share)
      if (tries.length === 1 || isAbandoned || isFinal(error)) throw error
      this.#failedAt.set(at, Date.now())
      errors.push(named(this.#names[at], error))
    }
    throw new AggregateError(errors, 'none of the hosts will do')
  }

  #order(): number[] {
    const isShunned = (at: number) => Date.now() - (this.#failedAt.get(at) ?? -Infinity) < SHUNNED_MILLIS
    return [...this.#names.keys()].sort((one, other) => Number(isShunned(one)) - Number(isShunned(other)))
  }
}

function within<C>(millis: number, work: () => Promise<C>, late: (value: C) => void): Promise<Outcome<C>> {
  return new Promise((resolve) => bounded([systemClock, millis], work, resolve, late))
}

function tooSlow(millis: number): PoolError {
  return new PoolError('POOL_DIAL_TIMEOUT', `no answer within its share of the time, ${Math.round(millis)} ms`)
}

function named(name: string | undefined, error: unknown): Error {
  return Object.assign(new Error(`${name}: ${textOf(error)}`, { cause: error }), { code: codeOf(error) })
}
