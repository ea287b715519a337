import { readFileSync } from 'node:fs'
import { isIPv4 } from 'node:net'
import { createSecureContext, type SecureContext } from 'node:tls'
import { PoolOptionError } from '../../pool/errors.js'

/** One certificate authority or several, as PEM. */
export type CertificateAuthorities = string | Buffer | readonly (string | Buffer)[]

/** Whom to trust. */
export interface VerifiedTlsOptions {
  readonly ca?: CertificateAuthorities | undefined
  /** A file of them, read when it is first needed; `system` for those that Node.js trusts by itself. */
  readonly sslrootcert?: string | undefined
  /** Files with a certificate of the client's own and its key, for servers that ask for one. */
  readonly sslcert?: string | undefined
  readonly sslkey?: string | undefined
  /** Where Lambda ships the authorities of RDS. */
  readonly lambdaCaFile?: string | undefined
}

/** pg's `ssl` option. */
export interface VerifiedSsl {
  readonly rejectUnauthorized: true
  readonly secureContext: SecureContext
}

/**
 * Shipped with the Node.js runtimes of Lambda, which do not load it by themselves from version 20 on.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html
 */
const LAMBDA_CA_FILE = '/var/runtime/ca-cert.pem'
/** Instances and clusters of RDS. */
const RDS_HOST = /\.rds\.(amazonaws\.com|cn-[a-z0-9-]+\.amazonaws\.com\.cn)$/i
/** These have certificates of a public authority, like most databases that can be rented. */
const RDS_PROXY = /\.proxy-/i
/**
 * TLS 1.3 saves a round trip if the client guesses right which curve the server takes. Before version 18 servers take P-256 alone
 * by default, since then X25519 too; Node.js by itself guesses X25519.
 */
const CURVES = 'prime256v1:X25519'

/**
 * TLS whose certificates are verified, against authorities that are looked for where they are. Reading 100 of them takes over 20 ms
 * on each connect, if one leaves it to pg: here it happens once, when a connection first needs it or {@link prepare} says so.
 *
 * The host name is checked by Node.js, against the name or the address that pg connects to.
 */
export class VerifiedTls {
  readonly #options: VerifiedTlsOptions
  /** By where their authorities come from. */
  readonly #contexts = new Map<'given' | 'lambda' | 'system', SecureContext>()

  constructor(options: VerifiedTlsOptions = {}) {
    this.#options = options
  }

  /**
   * pg's `ssl` option for this host. Its context is made no later than when pg asks for it, once the socket is connected; nobody
   * hears of an error there, so call {@link prepare} before.
   */
  ssl(host: string | undefined): VerifiedSsl {
    const context = () => this.#context(host)
    return Object.freeze({
      rejectUnauthorized: true,
      get secureContext() {
        return context()
      },
    })
  }

  /**
   * Makes the context for this host now, if it is not there yet.
   *
   * @throws {PoolOptionError} when an authority is no PEM. The file system's error when `sslrootcert` can't be read.
   */
  prepare(host: string | undefined): void {
    this.#context(host)
  }

  #context(host: string | undefined): SecureContext {
    const { ca, sslrootcert, lambdaCaFile = LAMBDA_CA_FILE } = this.#options
    const isGiven = ca !== undefined || (sslrootcert !== undefined && sslrootcert !== 'system')
    if (isGiven) return this.#made('given', () => authorities(ca, sslrootcert))
    if (sslrootcert === undefined && isRdsInstance(host)) {
      return this.#made('lambda', () => shipped(lambdaCaFile))
    }
    return this.#made('system', () => undefined)
  }

  #made(origin: 'given' | 'lambda' | 'system', find: () => (string | Buffer)[] | undefined): SecureContext {
    const known = this.#contexts.get(origin)
    if (known !== undefined) return known
    const ca = find()
    const { sslcert, sslkey } = this.#options
    const context = createSecureContext({
      ecdhCurve: CURVES,
      minVersion: 'TLSv1.2',
      ...(ca !== undefined && { ca }),
      ...(sslcert !== undefined && { cert: readFileSync(sslcert) }),
      ...(sslkey !== undefined && { key: readFileSync(sslkey) }),
    })
    this.#contexts.set(origin, context)
    return context
  }
}

/** Whether what is sent to this host stays on this machine: a loopback address, or the path of a Unix socket. pg's own default is. */
export function isLocalAddress(host: string | undefined): boolean {
  if (host === undefined || host === '' || host.startsWith('/') || host.startsWith('@')) return true
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/^::ffff:/, '')
  return name === '::1' || name === 'localhost' || (isIPv4(name) && name.startsWith('127.'))
}

function isRdsInstance(host: string | undefined): boolean {
  return host !== undefined && RDS_HOST.test(host) && !RDS_PROXY.test(host)
}

function authorities(ca: CertificateAuthorities | undefined, file: string | undefined): (string | Buffer)[] {
  const given = ca === undefined ? [] : [ca].flat().map((it) => checked(it, 'ca'))
  return file === undefined || file === 'system' ? given : [...given, checked(readFileSync(file), 'sslrootcert')]
}

/** Node.js passes over what it can't read, and would then trust nobody without a word of why. */
function checked(pem: string | Buffer, option: string): string | Buffer {
  if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem
  throw new PoolOptionError(option, `Expected \`${option}\` to be certificates as PEM, got something else`)
}

/** Nothing outside of Lambda. */
function shipped(file: string): (string | Buffer)[] | undefined {
  try {
    return [readFileSync(file)]
  } catch {
    return undefined
  }
}
