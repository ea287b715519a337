import { PoolOptionError } from '../../pool/errors.js'
import { readConnectionString } from '../options/connection-string.js'
import type { PoolOptions } from '../options/options.js'
import type { Credentials } from './credentials.js'
import type { PgClient } from './pg-client.js'
import { VerifiedTls } from './tls.js'

/** Where a pool connects to, as far as its options say so. */
export interface Address {
  /** Whether they name the host. */
  readonly hasAddress: boolean
  /** The database that they name, if they do. */
  readonly database: string | undefined
  /** For `ssl: 'verify-full'`, or a connection string that says so. */
  readonly tls: VerifiedTls | undefined
  /** What is left for pg to read. */
  readonly connectionString: string | undefined
}

/**
 * Reads it off them. As in pg, a connection string goes before the other options, but never down from `ssl: 'verify-full'`.
 *
 * @throws {PoolOptionError} for a `ca` that nobody would look at.
 */
export function addressIn(options: PoolOptions): Address {
  const { connectionString, ssl, ca } = options
  const { host, database, parameters } = readConnectionString(connectionString ?? '')
  const hasAddress = (connectionString === undefined ? options.host : host) !== undefined
  const found = { hasAddress, database: database ?? options.database }
  const said = (name: string) => parameters.get(name) || (options as Record<string, string | undefined>)[name]
  // `sslmode` without a word of the options' own: pg knows no authorities of RDS.
  if (ssl === 'verify-full' || (ssl === undefined && parameters.get('sslmode') === 'verify-full')) {
    const files = { sslrootcert: said('sslrootcert'), sslcert: said('sslcert'), sslkey: said('sslkey') }
    return { ...found, tls: new VerifiedTls({ ca, ...files }), connectionString: withoutTls(connectionString) }
  }
  if (ca === undefined || ca === null) return { ...found, tls: undefined, connectionString }
  throw new PoolOptionError(
    'ca',
    "Expected `ca` to come with `ssl: 'verify-full'`; else it belongs into the object `ssl`",
  )
}

/** So that pg does not read the files too, on each connect, or says that there is no TLS. */
function withoutTls(connectionString: string | undefined): string | undefined {
  return connectionString?.replace(/(?<=[?&])ssl(mode|rootcert|cert|key)=[^&]*&?/g, '')
}

/** The parts of pg's client that say where it connects to. */
interface Unconnected {
  host: string
  port: number
  ssl: unknown
  readonly connection: { ssl: unknown }
}

/** Has a client that is not connected yet connect to where the credentials say, as far as they say it. */
export function sendTo(client: PgClient, { host, port }: Credentials): void {
  const target = client as unknown as Unconnected
  target.host = host ?? target.host
  target.port = port ?? target.port
}

/** Has it verify whom it talks to. The context is made here, where its errors are heard, and once for all connections. */
export function verifyHost(client: PgClient, tls: VerifiedTls): void {
  const target = client as unknown as Unconnected
  tls.prepare(target.host)
  target.ssl = tls.ssl(target.host)
  target.connection.ssl = target.ssl
}
