import type { CredentialsRequest } from '../source/pool-credentials.js'

/** The keys by which AWS knows who asks, as the credential providers of its SDK give them. */
export interface AwsKeys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of keys that are temporary. */
  readonly sessionToken?: string | undefined
  /** Until when they are good. Without it they are asked for anew by each token; a client of the SDK keeps them for good. */
  readonly expiration?: Date | undefined
}

/**
 * Any credential provider of the AWS SDK (`fromTemporaryCredentials()`, `fromNodeProviderChain()`, …), or a function of one's own.
 * It may be asked with `{ forceRefresh: true }`, as the SDK says for "past every cache": a token was refused a moment ago.
 */
export type AwsKeysProvider = (request?: Readonly<Record<string, unknown>>) => Promise<AwsKeys>

/** Where keys come from. */
export interface KeySource {
  /** @throws {CredentialsLookupError} */
  keys(request: CredentialsRequest): Promise<AwsKeys>
}

/** A token that is signed with keys is worth nothing when these expire, so they are renewed this long before, ms. */
export const RENEW_AHEAD_MILLIS = 5 * 60_000
