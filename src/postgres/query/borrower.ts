import type { PoolError } from '../../pool/errors.js'
import type { CurrentInvocation } from '../../registry/environment.js'

/** Who has a checkout, or waits for one: what it takes to report and to end it when its invocation is over. */
export class Borrower {
  /** The invocation it belongs to, if any. */
  readonly invocation: CurrentInvocation | undefined
  readonly #stack: Error | undefined
  #result: Promise<unknown> | undefined
  #reject: ((error: PoolError) => void) | undefined
  #failure: PoolError | undefined

  constructor(invocation: CurrentInvocation | undefined, captureStack: boolean) {
    this.invocation = invocation
    this.#stack = captureStack ? new Error('acquired here') : undefined
  }

  /** Stack of the code that acquired it, when they are captured. */
  get acquiredAt(): string | undefined {
    return this.#stack?.stack
  }

  /** Takes note of the promise that the borrower was given. */
  awaits<T>(result: Promise<T>): Promise<T> {
    this.#result = result
    return result
  }

  /** Why it was cut off, if it was. */
  get failure(): PoolError | undefined {
    return this.#failure
  }

  /** Takes note of how its query can be ended from outside. */
  canBeCutOff(reject: (error: PoolError) => void): void {
    this.#reject = reject
  }

  /** Its time is over, or it was aborted: it hears so now, whatever its connection does. */
  cutOff(failure: PoolError): void {
    this.#failure = failure
    this.#reject?.(failure)
  }

  /** The borrower's invocation is over. If nobody waits for its promise, its failure must not end the process in the next one. */
  forget(): void {
    this.#result?.catch(() => {})
  }
}
