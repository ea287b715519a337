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

/** Where credentials come from: the `credentials` option of a pool. */
export type CredentialsProvider = (request: CredentialsRequest) => Credentials | Promise<Credentials>
