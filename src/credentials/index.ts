import { CredentialsLookupError } from './errors.js'
import { type CredentialsProvider, type PoolCredentials, poolCredentials } from './source/pool-credentials.js'

export * from './exports.js'
export { CredentialsError, type CredentialsErrorCode } from './source/credentials-error.js'

/**
 * Credentials from a function of your own. It is asked once for all connections that are opened at the same time, what it gives is kept
 * for `credentialsTtlMillis`, and it is asked anew when the server refuses that (SQLSTATE 28P01, 28000).
 *
 * @throws {CredentialsLookupError} `CREDENTIALS_OPTION_INVALID` for what is no function.
 *
 * @example
 * ```ts
 * import { credentialsFrom } from 'pg-thaw/credentials'
 *
 * const credentials = credentialsFrom(async () => ({ user: 'app', password: process.env.DB_PASSWORD }))
 * ```
 */
export function credentialsFrom(provider: CredentialsProvider): PoolCredentials {
  if (typeof provider !== 'function') {
    const text = `Expected what \`credentialsFrom\` takes to be a function, got ${provider === null ? 'null' : typeof provider}`
    throw new CredentialsLookupError('CREDENTIALS_OPTION_INVALID', text)
  }
  return poolCredentials((request) => provider(request))
}
