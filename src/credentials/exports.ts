/** What each sub-path of credentials exports beside its own provider: its error, and the types of what it gives. */
export type { AwsKeys, AwsKeysProvider } from './aws/keys.js'
export { CredentialsLookupError, type CredentialsLookupErrorCode } from './errors.js'
export type {
  Credentials,
  CredentialsProvider,
  CredentialsRequest,
  PoolCredentials,
} from './source/pool-credentials.js'
