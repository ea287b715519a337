import { CredentialsLookupError } from '../errors.js'

/** What a service of AWS answered instead of what it was asked for. */
export interface ServiceAnswer {
  /** The type of the exception, without its namespace. */
  readonly type: string | undefined
  readonly status: number | undefined
}

const THROTTLED = /Throttl|TooManyRequests|RequestLimit|SlowDown|RequestTimeout/
const EXPIRED = new Set(['ExpiredTokenException', 'ExpiredToken'])

/** The error that stands for an answer of Secrets Manager, by the exception's type and the status, never by its text. */
export function serviceFailure(secretId: string, answer: ServiceAnswer, cause?: unknown): CredentialsLookupError {
  const { type, status } = answer
  const code = codeOfAnswer(answer)
  const said = [type, status].filter((it) => it !== undefined).join(', ')
  const secret = `the secret \`${secretId}\``
  const texts = {
    CREDENTIALS_SECRET_NOT_FOUND: `Secrets Manager has not got ${secret}, or no version of it with that label, in this region`,
    CREDENTIALS_TOKEN_EXPIRED: `The AWS keys of this function have expired, so that ${secret} can't be read (${said})`,
    CREDENTIALS_ACCESS_DENIED: `Secrets Manager refuses to give ${secret} (${said})`,
    CREDENTIALS_UNAVAILABLE: `Secrets Manager did not give ${secret} (${said || 'no answer'})`,
  }
  return new CredentialsLookupError(code, texts[code], cause === undefined ? undefined : { cause })
}

/** What an answer of AWS means. */
export function codeOfAnswer(answer: ServiceAnswer) {
  const { type } = answer
  if (type === 'ResourceNotFoundException') return 'CREDENTIALS_SECRET_NOT_FOUND'
  if (type !== undefined && EXPIRED.has(type)) return 'CREDENTIALS_TOKEN_EXPIRED'
  return isRefusal(answer) ? 'CREDENTIALS_ACCESS_DENIED' : 'CREDENTIALS_UNAVAILABLE'
}

function isRefusal({ type, status }: ServiceAnswer): boolean {
  if (status === undefined || status < 400 || status >= 500 || status === 408 || status === 429) return false
  return type === undefined || !THROTTLED.test(type)
}
