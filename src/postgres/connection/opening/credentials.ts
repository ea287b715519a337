import type { DialFailure, Opening } from '../../../pool/connector.js'
import type { PgClient } from '../pg-client.js'

/** What a dial needs to sign in. What is missing comes from the pool's options. */
export interface Credentials {
  readonly user?: string | undefined
  readonly password?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | undefined
  readonly database?: string | undefined
  /** Moment from which they must not be used any more, ms since the epoch. One that is past, such as 0: never kept. Default: none. */
  readonly expiresAt?: number | undefined
  /** Whether they must never travel over a connection that is not encrypted. Default false. */
  readonly requiresEncryption?: boolean | undefined
}

/** What a provider is told. */
export interface CredentialsRequest {
  /** Past every cache: the server has refused the last ones. */
  readonly fresh: boolean
  /** Aborted when nobody waits for them any more. */
  readonly signal: AbortSignal
}

/** Where credentials come from. It may be slow, fail or hang; it is asked as seldom as can be. */
export type CredentialsProvider = (request: CredentialsRequest) => Credentials | Promise<Credentials>

/** Where a provider has its {@link CredentialSource}. Copies of the library understand each other. */
export const SOURCE: unique symbol = Symbol.for('pg-thaw.credentials/1')

/**
 * A provider that brings the machinery of asking, keeping and renewing along, so that it is not in the bundle of whoever needs none:
 * one of the providers of this package, or a function of your own that went through `credentialsFrom`.
 */
export interface PoolCredentials extends CredentialsProvider {
  readonly [SOURCE]: (pool: CredentialUse) => CredentialSource
}

/** What a pool says of itself to those who get credentials for it. */
export interface CredentialUse {
  /** Its options, in which the address may be. */
  readonly options: {
    readonly connectionString?: string | undefined
    readonly host?: string | undefined
    readonly database?: string | undefined
    readonly credentialsTtlMillis?: number | undefined
  }
  classify(error: unknown): DialFailure
  /**
   * Called when the user or the address have changed: what is connected with others should retire. A dial is often under way then, with the
   * new ones.
   */
  moved(): void
}

/** Has a client that is not connected yet connect and sign in with credentials; settles when it may connect. */
export type SignIn = (client: PgClient) => Promise<void>

/** The error of a source, named `CredentialsError`: it knows whether trying again may help. */
export interface CredentialsFailure extends Error {
  readonly failure: DialFailure
}

/** The credentials of one pool. */
export interface CredentialSource {
  /** Runs `dial` with credentials, which may still be `pending`, and again with others when the server refuses them. */
  use(opening: Opening, dial: (signIn: SignIn, pending: Promise<Credentials>) => Promise<PgClient>): Promise<PgClient>
  /** Whether this client, dialled now, would sign in to the same session. */
  isCurrent(client: PgClient): boolean
  /** Fetches new ones in the background if the time of those that are kept is nearly over. Cheap, for any moment of use. */
  refreshAhead(): void
  /** Lets go of a fetch that is under way, so that it can't keep the process alive. */
  end(): void
}
