import type { CurrentInvocation } from '../registry/environment.js'

/** Who has a checkout, or waits for one: what it takes to report and to end it when its invocation is over. */
export class Borrower {
  /** The invocation it belongs to, if any. */
  readonly invocation: CurrentInvocation | undefined
  readonly #stack: Error | undefined
  #result: Promise<unknown> | undefined

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

  /** The borrower's invocation is over. If nobody waits for its promise, its failure must not end the process in the next one. */
  forget(): void {
    this.#result?.catch(() => {})
  }
}
