import { type Credentials, type PoolCredentials, poolCredentials } from '../source/pool-credentials.js'
import { KeyChain } from './aws-keys.js'
import { ownRegion, regionMissing } from './region.js'
import { presign } from './sigv4.js'

/** What a token for a database is made of. */
export interface SignedToken {
  /** The user that it signs in, and where to. */
  readonly credentials: Credentials
  /** The host that is signed, with its port where the service wants it. */
  readonly host: string
  readonly service: string
  readonly query: Readonly<Record<string, string>>
  readonly region: string | undefined
}

/** How long a server takes a token for new connections, s: the longest that AWS allows. */
const EXPIRES_SECONDS = 900

/**
 * A provider whose password is a token that is signed anew for each dial. Signing is local and takes less than a millisecond, so
 * that there is no reason to keep a token, and none that was signed before a freeze can be used after it.
 */
export function signedToken({ credentials, host, service, query, region: given }: SignedToken): PoolCredentials {
  const chain = new KeyChain()
  return poolCredentials(async (request): Promise<Credentials> => {
    const region = given ?? ownRegion()
    if (region === undefined) throw regionMissing(`the token for \`${host}\``)
    const keys = await chain.keys(request)
    const password = presign(host, query, EXPIRES_SECONDS, { keys, service, region, now: Date.now() })
    return { ...credentials, password, expiresAt: 0, requiresEncryption: true }
  })
}
