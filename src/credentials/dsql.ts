import { keySource } from './aws/key-source.js'
import type { AwsKeys, AwsKeysProvider } from './aws/keys.js'
import { signedToken } from './aws/signed-token.js'
import { awsKeys, checkOptions, text } from './options.js'
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
  /** Keys of AWS, or what gives them: any credential provider of its SDK. Default: those of the function. */
  keys?: AwsKeys | AwsKeysProvider | undefined
}

/**
 * IAM authentication of Aurora DSQL: each new connection signs in with a token made on the spot, from the keys in the function's
 * environment. Needs TLS; the pool refuses to send a token without. No AWS SDK is loaded.
 *
 * @throws {CredentialsLookupError} `CREDENTIALS_OPTION_INVALID`; when called: `CREDENTIALS_REGION_MISSING`,
 * `CREDENTIALS_KEYS_MISSING`, `CREDENTIALS_TOKEN_EXPIRED`, `CREDENTIALS_UNAVAILABLE`, and with `keys` `CREDENTIALS_ACCESS_DENIED`.
 */
export function dsql(options: DsqlOptions): PoolCredentials {
  checkOptions('dsql', options, { host: text }, { user: text, database: text, region: text, keys: awsKeys })
  const { host, user = 'admin', database = 'postgres', region = regionOfHost(host) } = options
  return signedToken({
    credentials: { user, host, port: 5432, database },
    host,
    service: 'dsql',
    query: { Action: user === 'admin' ? 'DbConnectAdmin' : 'DbConnect' },
    region,
    source: keySource(options.keys),
  })
}

function regionOfHost(host: string): string | undefined {
  return /\.dsql[a-z0-9-]*\.([a-z0-9-]+)\.on\.aws$/.exec(host)?.[1]
}
