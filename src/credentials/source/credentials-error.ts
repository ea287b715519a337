import type { DialFailure } from '../../pool/connector.js'
import { codeOf, isError } from '../../pool/errors.js'
import type { CredentialsFailure } from '../../postgres/connection/opening/credentials.js'

/** Whether trying again may help, as the pool sees it. */
export type Classify = (error: unknown) => DialFailure

/** The codes of {@link CredentialsError}, unless the server has refused the credentials: then it is the server's own. */
export type CredentialsErrorCode =
  /** The provider failed; `cause` says why. */
  | 'POOL_CREDENTIALS_FAILED'
  /** The provider gave something that is no credentials. */
  | 'POOL_CREDENTIALS_INVALID'
  /** The dial was given up while the provider was still busy. */
  | 'POOL_CREDENTIALS_TIMEOUT'
  /** They would have travelled to another machine in plain text. */
  | 'POOL_CREDENTIALS_PLAIN_TEXT'

const NAME = 'CredentialsError'

/** No credentials to dial with: the `cause` of a {@link DialError}. The text has no secret in it. */
export class CredentialsError extends Error implements CredentialsFailure {
  /** Each entry point of the package has a copy of this class: what one makes is known to all of them. */
  static override [Symbol.hasInstance](it: unknown): it is CredentialsError {
    return isError(it) && it.name === NAME
  }

  // Literal: a minifier takes the name of the class away.
  override readonly name: string = NAME
  readonly code: CredentialsErrorCode | (string & {})
  /** Whether trying again may help. */
  readonly failure: DialFailure

  constructor(code: CredentialsErrorCode | (string & {}), failure: DialFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.failure = failure
  }
}

/** The code of this package's own providers for what may pass. */
const UNAVAILABLE = 'CREDENTIALS_UNAVAILABLE'

/**
 * What a provider was rejected with may be anything, and quote the secret that it had read. Only the errors of our own providers are known
 * not to; of another the kind, the code and where it came from are passed on.
 */
export function providerFailed(cause: unknown, classify: Classify): CredentialsError {
  const code = codeOf(cause)
  if (code === 'POOL_CREDENTIALS_INVALID' && cause instanceof CredentialsError) {
    return new CredentialsError(code, 'permanent', cause.message)
  }
  const failure = code === UNAVAILABLE ? 'transient' : classify(cause)
  const isOurs = isError(cause) && cause.name === 'CredentialsLookupError' && code?.startsWith('CREDENTIALS_')
  const text = `the credentials provider failed: ${isOurs ? cause.message : kindOf(cause)}`
  return new CredentialsError('POOL_CREDENTIALS_FAILED', failure, text, isOurs ? cause : withoutText(cause))
}

/** The dial was given up first. */
export function providerTooSlow(): CredentialsError {
  const text = 'the credentials provider had not answered when the dial was given up'
  return new CredentialsError('POOL_CREDENTIALS_TIMEOUT', 'transient', text)
}

/** Sent instead of another attempt that would only be refused again. */
export function refusedLately(cause: unknown): CredentialsError {
  const text = 'the server refused the credentials a moment ago, also after they had been fetched anew'
  return new CredentialsError(codeOf(cause) ?? 'POOL_CREDENTIALS_FAILED', 'permanent', text, cause)
}

/** Stands for an error in whose text, fields or causes a secret may be: what it was, and where it came from. */
function withoutText(cause: unknown): Error | undefined {
  if (!isError(cause)) return undefined
  const { name, message, stack = '' } = cause
  const copy = new Error('its text is not shown, since it may quote a secret')
  const head = `${name}: ${message}\n`
  const frames = stack.startsWith(head) ? stack.slice(head.length).split('\n').filter(isFrame) : []
  const lines = [`${name}: ${copy.message}`, ...frames].join('\n')
  Object.defineProperties(copy, { name: { value: name }, stack: { value: lines } })
  const code = codeOf(cause)
  return code === undefined ? copy : Object.assign(copy, { code })
}

function isFrame(line: string): boolean {
  return /^ {4}at .*:\d+:\d+\)?$/.test(line)
}

function kindOf(cause: unknown): string {
  const code = codeOf(cause)
  const kind = isError(cause) ? cause.name : typeof cause
  return code === undefined ? kind : `${kind} (${code})`
}
