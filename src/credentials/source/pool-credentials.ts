import { systemClock } from '../../pool/clock.js'
import type { Opening } from '../../pool/connector.js'
import {
  type CredentialSource,
  type Credentials,
  type CredentialsProvider,
  type CredentialUse,
  type PoolCredentials,
  type SignIn,
  SOURCE,
} from '../../postgres/connection/opening/credentials.js'
import type { PgClient } from '../../postgres/connection/pg-client.js'
import { readConnectionString } from './connection-string.js'
import { CredentialCache } from './credential-cache.js'
import { sendTo, signInWith } from './sign-in.js'

export type {
  Credentials,
  CredentialsProvider,
  CredentialsRequest,
  PoolCredentials,
} from '../../postgres/connection/opening/credentials.js'

/** How long credentials are taken for new, ms, where the pool doesn't say. */
const TTL_MILLIS = 300_000

/** Gives a provider what a pool needs beside it. */
export function poolCredentials(provider: CredentialsProvider): PoolCredentials {
  return Object.assign(provider, { [SOURCE]: (pool: CredentialUse) => new PoolSource(provider, pool) })
}

/** Between a pool, which dials clients, and the credentials that are kept for it. */
class PoolSource implements CredentialSource {
  readonly #hasHost: boolean
  /** That of the options goes before that of the credentials. */
  readonly #database: string | undefined
  readonly #cache: CredentialCache
  /** With which a client has signed in. */
  readonly #used = new WeakMap<PgClient, Credentials>()

  constructor(provider: CredentialsProvider, pool: CredentialUse) {
    const { options } = pool
    // As in pg, a connection string goes before the other options.
    const { host, database } = options.connectionString ? readConnectionString(options.connectionString) : options
    this.#hasHost = Boolean(host)
    this.#database = database || options.database || undefined
    this.#cache = new CredentialCache({
      provider,
      ttlMillis: options.credentialsTtlMillis ?? TTL_MILLIS,
      clock: systemClock,
      random: Math.random,
      classify: (error) => pool.classify(error),
      moved: () => pool.moved(),
    })
  }

  use(opening: Opening, dial: (signIn: SignIn, pending: Promise<Credentials>) => Promise<PgClient>): Promise<PgClient> {
    const abort = new AbortController()
    opening.onAbandon = () => abort.abort()
    return this.#cache.use(abort.signal, async (pending) => {
      const client = await dial((it) => this.#signIn(it, pending), pending)
      this.#used.set(client, await pending)
      return client
    })
  }

  isCurrent(client: PgClient): boolean {
    const used = this.#used.get(client)
    return used === undefined || this.#cache.isCurrent(used)
  }

  refreshAhead(): void {
    this.#cache.refreshAhead()
  }

  end(): void {
    this.#cache.end()
  }

  /** Where the address is known, fetching the credentials overlaps with connecting. */
  async #signIn(client: PgClient, pending: Promise<Credentials>): Promise<void> {
    if (!this.#hasHost) sendTo(client, await pending)
    signInWith(client, pending, this.#database)
  }
}
