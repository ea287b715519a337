import { type Credentials, type PoolCredentials, poolCredentials } from '../source/pool-credentials.js'
import type { KeySource } from './keys.js'
import { ownRegion, regionMissing } from './region.js'
import { presign } from './signature.js'

/** What a token for a database is made of. */
export interface SignedToken {
  /** The user that it signs in, and where to. */
  readonly credentials: Credentials
  /** The host that is signed, with its port where the service wants it. */
  readonly host: string
  readonly service: string
  readonly query: Readonly<Record<string, string>>
  readonly region: string | undefined
  readonly source: KeySource
}

/** How long a server takes a token for new connections, s: the longest that AWS allows. */
const EXPIRES_SECONDS = 900

/**
 * A provider whose password is a token that is signed anew for each dial. Signing is local and takes less than a millisecond, so
 * that there is no reason to keep a token, and none that was signed before a freeze can be used after it.
 */
export function signedToken({
  credentials,
  host,
  service,
  query,
  region: given,
  source,
}: SignedToken): PoolCredentials {
  return poolCredentials(async (request): Promise<Credentials> => {
    const region = given ?? ownRegion()
    if (region === undefined) throw regionMissing(`the token for \`${host}\``)
    const keys = await source.keys(request)
    const password = await presign(host, query, EXPIRES_SECONDS, { keys, service, region })
    return { ...credentials, password, expiresAt: 0, requiresEncryption: true }
  })
}
