/** Codes of {@link LocalLambdaError}; stable. */
export type LocalLambdaErrorCode = 'LAMBDA_THROTTLED' | 'LAMBDA_CLOSED' | 'LAMBDA_OPTIONS' | 'LAMBDA_INIT'

/** What the local Lambda itself rejects with. The failures of a function are no errors here, but outcomes of its record. */
export class LocalLambdaError extends Error {
  override readonly name: string = 'LocalLambdaError'
  /** Which kind of failure; stable. */
  readonly code: LocalLambdaErrorCode

  constructor(code: LocalLambdaErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** A call found as many environments busy as `reservedConcurrency` allows; the function did not run. */
export class LambdaThrottledError extends LocalLambdaError {
  override readonly name = 'LambdaThrottledError'
  /** The limit that was reached. */
  readonly reservedConcurrency: number

  constructor(reservedConcurrency: number) {
    super('LAMBDA_THROTTLED', `Rate exceeded: all ${reservedConcurrency} environments are busy`)
    this.reservedConcurrency = reservedConcurrency
  }
}
