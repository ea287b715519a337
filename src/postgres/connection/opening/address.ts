import { PoolOptionError } from '../../../pool/errors.js'
import { oneOf, refuse } from '../../options/option-checks.js'
import type { PoolOptions } from '../../options/options.js'
import { type Host, hostsIn, parametersOf, type TargetSessionAttrs, targetSessionAttrs } from './hosts.js'
import { type VerifiedTls, verifiedTls } from './tls.js'

/** How a pool gets to its server, as far as that is not left to pg. */
export interface Address {
  /** Whether a connection string was to name the host, and is `undefined`: then pg tries `localhost`. */
  readonly isUnsaid: boolean
  /** For `ssl: 'verify-full'`, or a connection string or `PGSSLMODE` that says so. */
  readonly tls: VerifiedTls | undefined
  /** Where to go, in order; what they say goes before the options. */
  readonly hosts: readonly Host[]
  /** Which of their servers will do. */
  readonly targetSessionAttrs: TargetSessionAttrs
}

/** libpq's, and pg's own. */
const sslmode = oneOf('disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify')

/**
 * Reads it off the options. As in pg, a connection string goes before the others, but never down from `ssl: 'verify-full'`.
 *
 * @throws {PoolOptionError} for a `ca` that nobody would look at, and for an `sslmode` or a `PGSSLMODE` that is none.
 */
export function addressIn(options: PoolOptions): Address {
  const { connectionString, ca, host, credentials } = options
  const parameters = parametersOf(connectionString)
  // `sslmode` without a word of the options' own, and the variable without one of either, as in pg, which knows no authorities of RDS.
  const isUnsaid = options.ssl === undefined && !parameters.has('ssl')
  const inString = parameters.get('sslmode') || ''
  const variable = (isUnsaid && !inString && process.env.PGSSLMODE) || ''
  // Of what is none, pg makes verified TLS in a connection string, and plain text in the variable.
  refuse('sslmode', inString && sslmode(inString), inString)
  refuse('PGSSLMODE', variable && sslmode(variable), variable)
  const mode: unknown = options.ssl ?? (inString || variable)
  // To pg both are the same, and so is what it does for them, unless it is asked to do as libpq does.
  const isVerified = mode === 'verify-full' || (mode === 'verify-ca' && parameters.get('uselibpqcompat') !== 'true')
  if (ca && !isVerified) {
    throw new PoolOptionError('ca', "Expected `ca` to come with `ssl: 'verify-full'`")
  }
  // So that pg does not read the files too, on each connect, or says that there is no TLS.
  const left = isVerified
    ? connectionString?.replace(/(?<=[?&])ssl(mode|rootcert|cert|key)=[^&]*&?/g, '')
    : connectionString
  const name = 'target_session_attrs'
  const attrs = parameters.get(name) || options[name] || process.env.PGTARGETSESSIONATTRS || 'any'
  refuse(name, targetSessionAttrs(attrs), attrs)
  return {
    isUnsaid: 'connectionString' in options && !(connectionString || host || credentials || process.env.PGHOST),
    tls: isVerified ? verifiedTls({ ...options, ...Object.fromEntries(parameters), ca }) : undefined,
    hosts: hostsIn({ ...options, connectionString: left }).map(({ name, options: own }) => ({
      name,
      options: isVerified ? { ssl: true, connectionString: left, ...own } : own,
    })),
    targetSessionAttrs: attrs as TargetSessionAttrs,
  }
}
