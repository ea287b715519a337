import { CredentialsLookupError } from '../errors.js'

/** What Secrets Manager answered instead of a secret. */
export interface ServiceAnswer {
  /** The type of the exception, without its namespace. */
  readonly type: string | undefined
  readonly status: number | undefined
}

const THROTTLED = /Throttl|TooManyRequests|RequestLimit|SlowDown|RequestTimeout/
const EXPIRED = new Set(['ExpiredTokenException', 'ExpiredToken'])

/** The error that stands for an answer of Secrets Manager, by the exception's type and the status, never by its text. */
export function serviceFailure(secretId: string, answer: ServiceAnswer, cause?: unknown): CredentialsLookupError {
  const options = cause === undefined ? undefined : { cause }
  const { type, status } = answer
  const said = [type, status].filter((it) => it !== undefined).join(', ')
  const secret = `the secret \`${secretId}\``
  if (type === 'ResourceNotFoundException') {
    const text = `Secrets Manager has not got ${secret}, or no version of it with that label, in this region`
    return new CredentialsLookupError('CREDENTIALS_SECRET_NOT_FOUND', text, options)
  }
  if (type !== undefined && EXPIRED.has(type)) {
    const text = `The AWS keys of this function have expired, so that ${secret} can't be read (${said})`
    return new CredentialsLookupError('CREDENTIALS_TOKEN_EXPIRED', text, options)
  }
  if (isRefusal(answer)) {
    const text = `Secrets Manager refuses to give ${secret} (${said})`
    return new CredentialsLookupError('CREDENTIALS_ACCESS_DENIED', text, options)
  }
  return new CredentialsLookupError(
    'CREDENTIALS_UNAVAILABLE',
    `Secrets Manager did not give ${secret} (${said || 'no answer'})`,
    options,
  )
}

function isRefusal({ type, status }: ServiceAnswer): boolean {
  if (status === undefined || status < 400 || status >= 500 || status === 408 || status === 429) return false
  return type === undefined || !THROTTLED.test(type)
}
