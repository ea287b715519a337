import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import { PoolOptionError } from '../../../pool/errors.js'
import type { PgClient } from '../pg-client.js'

/** One certificate authority or several, as PEM. */
export type CertificateAuthorities = string | Buffer | readonly (string | Buffer)[]

/** Whom to trust. */
export interface VerifiedTlsOptions {
  readonly ca?: CertificateAuthorities | null | undefined
  /** A file of them, read when it is first needed; `system` for those that Node.js trusts by itself. Else `PGSSLROOTCERT`. */
  readonly sslrootcert?: string | undefined
  /** Files with a certificate of the client's own and its key, for servers that ask for one. Else `PGSSLCERT` and `PGSSLKEY`. */
  readonly sslcert?: string | undefined
  readonly sslkey?: string | undefined
}

/** pg's `ssl` option. The host name is checked by Node.js, against the name or the address that pg connects to. */
export interface VerifiedSsl {
  readonly rejectUnauthorized: true
  readonly secureContext: SecureContext
}

/**
 * pg's `ssl` option for a host.
 *
 * @throws {PoolOptionError} when an authority is no PEM. The file system's error when a file can't be read.
 */
export type VerifiedTls = (host?: string) => VerifiedSsl

/**
 * Shipped with the Node.js runtimes of Lambda, which do not load it by themselves from version 20 on.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html
 */
const LAMBDA_CA_FILE = '/var/runtime/ca-cert.pem'
/** Instances and clusters of RDS. Its proxies have certificates of a public authority, like most databases that can be rented. */
const RDS_HOST = /^(?!.*\.proxy-).*\.rds\.(amazonaws\.com|cn-[a-z0-9-]+\.amazonaws\.com\.cn)$/i
/**
 * TLS 1.3 saves a round trip if the client guesses right which curve the server takes. Before version 18 servers take P-256 alone
 * by default, since then X25519 too; Node.js by itself guesses X25519.
 */
const CURVES = 'prime256v1:X25519'

/**
 * TLS whose certificates are verified, against authorities that are looked for where they are. Reading 100 of them takes over 20 ms
 * on each connect, if one leaves it to pg: here it happens once, when a connection first needs it.
 */
export function verifiedTls(options: VerifiedTlsOptions, lambdaCaFile = LAMBDA_CA_FILE): VerifiedTls {
  const { PGSSLROOTCERT, PGSSLCERT, PGSSLKEY } = process.env
  // Whoever gives `ca` trusts nobody else.
  const { ca, sslrootcert = ca ? undefined : PGSSLROOTCERT, sslcert = PGSSLCERT, sslkey = PGSSLKEY } = options
  /** For the authorities that Lambda ships, and for all others, which are the same for all hosts. */
  const made: { rds?: VerifiedSsl; other?: VerifiedSsl } = {}
  return (host = '') => {
    const isRds = !ca && !sslrootcert && RDS_HOST.test(host)
    const which = isRds ? 'rds' : 'other'
    made[which] ??= {
      rejectUnauthorized: true,
      secureContext: createSecureContext({
        ecdhCurve: CURVES,
        minVersion: 'TLSv1.2',
        ca: isRds ? shipped(lambdaCaFile) : authorities(ca, sslrootcert),
        cert: sslcert && readFileSync(sslcert),
        key: sslkey && readFileSync(sslkey),
      }),
    }
    return made[which]
  }
}

/** Has a client that is not connected yet verify whom it talks to. The context is made here, where its errors are heard. */
export function verifyHost(client: PgClient, tls: VerifiedTls): void {
  const target = client as unknown as { host: string; ssl: unknown; connection: { ssl: unknown } }
  target.ssl = target.connection.ssl = tls(target.host)
}

/** Nothing for those of Node.js. */
function authorities(ca: CertificateAuthorities | null | undefined, file: string | undefined) {
  const given = [ca ?? []].flat().map((it) => checked(it, 'ca'))
  if (file && file !== 'system') given.push(checked(readFileSync(file), 'sslrootcert'))
  return given.length > 0 ? given : undefined
}

/** Node.js passes over what it can't read, and would then trust nobody without a word of why. */
function checked(pem: string | Buffer, option: string): string | Buffer {
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem
  throw new PoolOptionError(option, `Expected \`${option}\` to be certificates as PEM, got something else`)
}

/** Nothing outside of Lambda. */
function shipped(file: string): Buffer | undefined {
  try {
    return readFileSync(file)
  } catch {
    return undefined
  }
}
