import type { Instant } from './clock.js'
import type { Condition, Connector, DialFailure } from './connector.js'
import type { GuardedObserver } from './observer.js'

/** The calls of a connector that answer at once. They can't throw: what they would have thrown is counted as a fault. */
export class GuardedConnector<R> {
  readonly #connector: Connector<R>
  readonly #observer: GuardedObserver<R>

  constructor(connector: Connector<R>, observer: GuardedObserver<R>) {
    this.#connector = connector
    this.#observer = observer
  }

  classify(error: unknown): DialFailure {
    try {
      return this.#connector.classify(error)
    } catch (fault) {
      this.#observer.fault(fault)
      return 'permanent'
    }
  }

  inspect(resource: R): Condition {
    try {
      return this.#connector.inspect(resource)
    } catch (error) {
      this.#observer.fault(error)
      return 'unusable'
    }
  }

  lastSign(resource: R, now: Instant): Instant | undefined {
    try {
      return this.#connector.lastSign?.(resource, now)
    } catch (error) {
      this.#observer.fault(error)
      return undefined
    }
  }

  destroy(resource: R): void {
    try {
      this.#connector.destroy(resource)
    } catch (error) {
      this.#observer.fault(error)
    }
  }

  share(resource: R): void {
    try {
      this.#connector.share?.(resource)
    } catch (error) {
      this.#observer.fault(error)
    }
  }

  unshare(resource: R): void {
    try {
      this.#connector.unshare?.(resource)
    } catch (error) {
      this.#observer.fault(error)
    }
  }
}
