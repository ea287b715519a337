import { signedToken } from './aws/signed-token.js'
import { checkOptions, text } from './options.js'
import type { PoolCredentials } from './source/pool-credentials.js'

export * from './exports.js'

/** Options of {@link dsql}. */
export interface DsqlOptions {
  /** The endpoint of the cluster. */
  host: string
  /** Default `admin`, which needs the permission `dsql:DbConnectAdmin`; other roles need `dsql:DbConnect`. */
  user?: string | undefined
  /** Default `postgres`, the only one that a cluster has. */
  database?: string | undefined
  /** Default: the region in the host's name, else AWS_REGION. */
  region?: string | undefined
}

/**
 * IAM authentication of Aurora DSQL: each new connection signs in with a token made on the spot, from the keys in the function's
 * environment. Needs TLS; the pool refuses to send a token without. No AWS SDK is loaded.
 *
 * @throws {CredentialsLookupError} `CREDENTIALS_OPTION_INVALID`; when called: `CREDENTIALS_REGION_MISSING`,
 * `CREDENTIALS_KEYS_MISSING`, `CREDENTIALS_TOKEN_EXPIRED`, `CREDENTIALS_UNAVAILABLE`.
 */
export function dsql(options: DsqlOptions): PoolCredentials {
  checkOptions('dsql', options, { host: text }, { user: text, database: text, region: text })
  const { host, user = 'admin', database = 'postgres', region = regionOfHost(host) } = options
  return signedToken({
    credentials: { user, host, port: 5432, database },
    host,
    service: 'dsql',
    query: { Action: user === 'admin' ? 'DbConnectAdmin' : 'DbConnect' },
    region,
  })
}

function regionOfHost(host: string): string | undefined {
  return /\.dsql[a-z0-9-]*\.([a-z0-9-]+)\.on\.aws$/.exec(host)?.[1]
}
