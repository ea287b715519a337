import { PROFILES } from '../connection/profile.js'
import {
  boolean,
  callable,
  duration,
  either,
  nonEmptyString,
  nonNegativeInteger,
  type OptionCheck,
  oneOf,
  positiveInteger,
  text,
  usesLimit,
} from './option-checks.js'

/** The server's own keepalives end a vanished client at about this age on RDS: a longer lease frees nothing. */
const LONGEST_LEASE_MILLIS = 300_000

/** A session that ends between two queries of one call is no use to anybody. */
const SHORTEST_LEASE_MILLIS = 100

/** Lambda lets no invocation run for longer. */
const LONGEST_INVOCATION_MILLIS = 900_000

const anything: OptionCheck = () => undefined

export const targetOption: OptionCheck = oneOf(...Object.keys(PROFILES))

const leaseOption: OptionCheck = (value) =>
  value === 0 || (typeof value === 'number' && value >= SHORTEST_LEASE_MILLIS && value <= LONGEST_LEASE_MILLIS)
    ? undefined
    : `0 (none) or a number of ms, ${SHORTEST_LEASE_MILLIS} to ${LONGEST_LEASE_MILLIS}`

/** pg reads numbers out of texts, too, and takes an empty one for none. */
const portOption: OptionCheck = (value) =>
  value === '' || (/^\d{1,5}$/.test(String(value)) && Number(value) < 65_536) ? undefined : 'a port from 1 to 65535'

/** A word that pg does not know would be taken for plain `true`. */
const sslOption: OptionCheck = (value) =>
  typeof value !== 'string' || value === 'verify-full' || value === 'true'
    ? undefined
    : "`'verify-full'`, true, false or an object"

const authorities: OptionCheck = (value) => {
  const all = [value].flat()
  const isRight = all.length > 0 && all.every((it) => typeof it === 'string' || Buffer.isBuffer(it))
  return isRight ? undefined : 'certificates as PEM'
}

/** What each option may be. */
export const KNOWN_OPTIONS: Readonly<Record<string, OptionCheck>> = {
  max: positiveInteger,
  poolSize: positiveInteger,
  min: nonNegativeInteger,
  connectionTimeoutMillis: duration('ms'),
  idleTimeoutMillis: duration('ms'),
  maxLifetimeSeconds: duration('s'),
  maxUses: usesLimit,
  maxWaiting: usesLimit,
  leaseMillis: leaseOption,
  deadlineMarginMillis: duration('ms', LONGEST_INVOCATION_MILLIS),
  credentials: callable,
  credentialsTtlMillis: duration('ms'),
  ssl: sslOption,
  ca: authorities,
  target: targetOption,
  validate: boolean,
  validationBypassMillis: duration('ms'),
  validationTimeoutMillis: duration('ms'),
  pooling: oneOf('auto', 'always', 'never'),
  reset: either(oneOf('rollback', 'clean', 'none'), callable),
  leakDetection: boolean,
  name: nonEmptyString,
  fanOut: boolean,
  allowExitOnIdle: boolean,
  connectionString: nonEmptyString,
  onConnect: callable,
  verify: callable,
  log: callable,
  Client: callable,
  Promise: callable,
  keepAlive: boolean,
  keepAliveInitialDelayMillis: duration('ms'),
  query_timeout: either(duration('ms'), (value) => (value === false ? undefined : 'false')),
  port: portOption,
  password: either(text, callable),
  // What the server or pg itself checks.
  ...Object.fromEntries(
    [
      'user',
      'database',
      'host',
      'stream',
      'sslnegotiation',
      'statement_timeout',
      'lock_timeout',
      'idle_in_transaction_session_timeout',
      'application_name',
      'fallback_application_name',
      'types',
      'options',
      'client_encoding',
      'replication',
      'binary',
      'pipeline',
      'enableChannelBinding',
      'scramMaxIterations',
      // What pg-connection-string makes of a URL's parameters.
      'sslmode',
      'sslcert',
      'sslkey',
      'sslrootcert',
      'uselibpqcompat',
      'channel_binding',
    ].map((name) => [name, anything]),
  ),
}
