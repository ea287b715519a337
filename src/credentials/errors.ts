/** The codes of all errors that the providers of this package make themselves. */
export type CredentialsLookupErrorCode =
  /** An option of a provider was refused, at construction. */
  | 'CREDENTIALS_OPTION_INVALID'
  /** The secret was read, but no credentials are in it. */
  | 'CREDENTIALS_SECRET_INVALID'
  /** There is no such secret, or no such version of it. */
  | 'CREDENTIALS_SECRET_NOT_FOUND'
  /** The secret may not be read: a matter of permissions or of keys. */
  | 'CREDENTIALS_ACCESS_DENIED'
  /** The AWS keys of this function have expired. */
  | 'CREDENTIALS_TOKEN_EXPIRED'
  /** The environment has no AWS keys. */
  | 'CREDENTIALS_KEYS_MISSING'
  /** Neither the options nor the environment name a region. */
  | 'CREDENTIALS_REGION_MISSING'
  /** An optional package is not installed. */
  | 'CREDENTIALS_PACKAGE_MISSING'
  /** No answer, or one that may be another a moment later: the only code that is worth trying again. */
  | 'CREDENTIALS_UNAVAILABLE'

/**
 * A provider could not give credentials. The text has the name of the secret, never its value; nor has `cause`, which is there only
 * where it can't quote it.
 */
export class CredentialsLookupError extends Error {
  // Literal: a minifier takes the name of the class away.
  override readonly name: string = 'CredentialsLookupError'
  readonly code: CredentialsLookupErrorCode

  constructor(code: CredentialsLookupErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}
