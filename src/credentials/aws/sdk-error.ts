/** What the errors of AWS's services have when they come through its SDK. */
export interface SdkError extends Error {
  readonly $fault?: unknown
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
  readonly code?: unknown
}

/** Whether an error is the answer of a service. */
export function isAnswer(error: SdkError): boolean {
  return error.$fault !== undefined
}

/** Without what the SDK hides in its errors: the request with its token, and the answer. */
export function copyOfSdkError({ name, message, code, $metadata }: SdkError): Error {
  const { httpStatusCode: status, requestId } = $metadata ?? {}
  const fields = Object.entries({ code, status, requestId }).filter(([, value]) => value !== undefined)
  const copy = new Error(message)
  Object.defineProperty(copy, 'name', { value: name })
  return Object.assign(copy, Object.fromEntries(fields))
}
