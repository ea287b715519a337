import { PoolOptionError } from '../../pool/errors.js'
import type { PoolOptions } from '../options/options.js'
import { type VerifiedTls, verifiedTls } from './tls.js'

/** How a pool gets to its server, as far as that is not left to pg. */
export interface Address {
  /** Whether a connection string was to name the host, and is `undefined`: then pg tries `localhost`. */
  readonly isUnsaid: boolean
  /** For `ssl: 'verify-full'`, or a connection string that says so. */
  readonly tls: VerifiedTls | undefined
  /** What is left for pg to read. */
  readonly connectionString: string | undefined
}

/**
 * Reads it off the options. As in pg, a connection string goes before the others, but never down from `ssl: 'verify-full'`.
 *
 * @throws {PoolOptionError} for a `ca` that nobody would look at.
 */
export function addressIn(options: PoolOptions): Address {
  const { connectionString, ca, host, credentials } = options
  const parameters = new URLSearchParams(connectionString?.split(/[?#]/)[1])
  // `sslmode` without a word of the options' own: pg knows no authorities of RDS.
  const isVerified = (options.ssl ?? parameters.get('sslmode')) === 'verify-full'
  if (ca && !isVerified) {
    throw new PoolOptionError('ca', "Expected `ca` to come with `ssl: 'verify-full'`")
  }
  return {
    isUnsaid: 'connectionString' in options && !(connectionString || host || credentials || process.env.PGHOST),
    tls: isVerified ? verifiedTls({ ...options, ...Object.fromEntries(parameters), ca }) : undefined,
    // So that pg does not read the files too, on each connect, or says that there is no TLS.
    connectionString: isVerified
      ? connectionString?.replace(/(?<=[?&])ssl(mode|rootcert|cert|key)=[^&]*&?/g, '')
      : connectionString,
  }
}
