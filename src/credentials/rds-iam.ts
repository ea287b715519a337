import { keySource } from './aws/key-source.js'
import type { AwsKeys, AwsKeysProvider } from './aws/keys.js'
import { signedToken } from './aws/signed-token.js'
import { awsKeys, checkOptions, port as isPort, text } from './options.js'
import type { PoolCredentials } from './source/pool-credentials.js'

export * from './exports.js'

/** Options of {@link rdsIam}. */
export interface RdsIamOptions {
  /** The endpoint that AWS gave the instance, cluster or proxy; an alias of it is not signed for. */
  host: string
  /** Default 5432. */
  port?: number | undefined
  /** A role that was granted `rds_iam`. */
  user: string
  database?: string | undefined
  /** Default: the region in the host's name, else AWS_REGION. */
  region?: string | undefined
  /** Keys of AWS, or what gives them: any credential provider of its SDK. Default: those of the function. */
  keys?: AwsKeys | AwsKeysProvider | undefined
}

/**
 * IAM authentication of RDS and Aurora: each new connection signs in with a token made on the spot, from the keys in the function's
 * environment. Needs TLS (the pool refuses to send a token without) and the permission `rds-db:connect`. No AWS SDK is loaded.
 *
 * @throws {CredentialsLookupError} `CREDENTIALS_OPTION_INVALID`; when called: `CREDENTIALS_REGION_MISSING`,
 * `CREDENTIALS_KEYS_MISSING`, `CREDENTIALS_TOKEN_EXPIRED`, `CREDENTIALS_UNAVAILABLE`, and with `keys` `CREDENTIALS_ACCESS_DENIED`.
 *
 * @example
 * ```ts
 * import { rdsIam } from 'pg-thaw/rds-iam'
 *
 * const credentials = rdsIam({ host: 'db.abc.eu-west-1.rds.amazonaws.com', user: 'app' })
 * ```
 */
export function rdsIam(options: RdsIamOptions): PoolCredentials {
  checkOptions(
    'rdsIam',
    options,
    { host: text, user: text },
    { port: isPort, database: text, region: text, keys: awsKeys },
  )
  const { host, port = 5432, user, database, region = regionOfHost(host) } = options
  return signedToken({
    credentials: { user, host, port, database },
    host: `${host}:${port}`,
    service: 'rds-db',
    query: { Action: 'connect', DBUser: user },
    region,
    source: keySource(options.keys),
  })
}

function regionOfHost(host: string): string | undefined {
  const [, region, inChina] =
    /\.([a-z0-9-]+)\.rds\.(?:amazonaws\.com|(cn-[a-z0-9-]+)\.amazonaws\.com\.cn)$/.exec(host) ?? []
  return inChina ?? region
}
