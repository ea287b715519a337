import { type Clock, type Instant, systemClock } from '../../src/pool/clock.js'
import type { Condition, Connector, ResourcePoolOptions } from '../../src/pool/connector.js'
import { ResourcePool } from '../../src/pool/resource-pool.js'
import type { FakePool, FakeResource } from './fake-pool.js'

/** pg-thaw's generic pool, with the options and clocks that `new Pool({ max })` gives it outside Lambda. */
export function thawCore(max: number): FakePool {
  const connector = new FakeConnector(systemClock)
  const pool = new ResourcePool(connector, optionsOf(max))
  return {
    async hold(count) {
      const lent = await Promise.all(Array.from({ length: count }, () => pool.acquire()))
      return async () => {
        for (const checkout of lent) checkout.release()
      }
    },
    async cycle(times) {
      for (let i = 0; i < times; i++) {
        const checkout = await pool.acquire()
        checkout.release()
      }
    },
    async replace(times) {
      for (let i = 0; i < times; i++) {
        const checkout = await pool.acquire()
        checkout.release(true)
      }
    },
    async queue(callers) {
      const one = async () => {
        const checkout = await pool.acquire()
        checkout.release()
      }
      await Promise.all(Array.from({ length: callers }, one))
    },
    answer: () => connector.answer(),
  }
}

/** Like the one for PostgreSQL it knows when the other side last answered. */
class FakeConnector implements Connector<FakeResource> {
  readonly #clock: Clock
  #dials = 0
  #lastAnswer: Instant

  constructor(clock: Clock) {
    this.#clock = clock
    this.#lastAnswer = clock.now()
  }

  answer(): void {
    this.#lastAnswer = this.#clock.now()
  }

  async dial(): Promise<FakeResource> {
    this.#dials += 1
    return { id: this.#dials }
  }

  classify(): 'permanent' {
    return 'permanent'
  }

  async ping(): Promise<void> {}

  inspect(): Condition {
    return 'clean'
  }

  lastAnswer(): Instant {
    return this.#lastAnswer
  }

  async reset(): Promise<void> {}

  async close(): Promise<void> {}

  destroy(): void {}
}

function optionsOf(max: number): ResourcePoolOptions {
  return {
    max,
    min: 0,
    maxIdle: max,
    maxWaiting: Number.POSITIVE_INFINITY,
    maxUses: Number.POSITIVE_INFINITY,
    idleTimeoutMillis: 10_000,
    maxLifetimeMillis: 1_800_000,
    lifetimeJitter: 0.1,
    validationBypassMillis: 500,
    leastValidationMillis: 1000,
    validationTimeoutMillis: 1000,
    resetTimeoutMillis: 1000,
    dialTimeoutMillis: 30_000,
    absenceMillis: Number.POSITIVE_INFINITY,
    closeTimeoutMillis: 1000,
    clock: systemClock,
    random: Math.random,
  }
}
