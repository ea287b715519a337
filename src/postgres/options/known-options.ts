import { SOURCE } from '../connection/opening/credentials.js'
import { SESSION_SETTINGS } from '../connection/opening/foreign-session.js'
import { targetSessionAttrs } from '../connection/opening/hosts.js'
import { PROFILES } from '../connection/opening/profile.js'
import { USUAL_LEASE_MILLIS } from '../connection/session/lease.js'
import {
  expecting,
  isNumber,
  nonEmptyString,
  nonNegativeInteger,
  type OptionCheck,
  oneOf,
  positiveInteger,
  typed,
  usesLimit,
} from './option-checks.js'

const flag = typed('true or false', 'boolean')

const duration = (text: string, least?: number, most?: number): OptionCheck =>
  expecting(`a number of ${text}`, (it) => isNumber(it, least, most))

/** 0 means what the option says it means. */
const millis = duration('ms, 0 or more')

const reset = oneOf('rollback', 'clean', 'none')

export const targetOption: OptionCheck = oneOf(...Object.keys(PROFILES))

/** Names of options, what each may be and, of a single one that the pool goes by, its default: elsewhere, and on Lambda where it differs. */
export type Row = readonly [names: string, check: OptionCheck, elsewhere?: unknown, onLambda?: unknown]

/** Options in which 0 stands for no limit. */
export const LIMITS: readonly Row[] = [
  ['connectionTimeoutMillis', millis, 0, 10_000],
  ['idleTimeoutMillis', millis],
  ['maxLifetimeSeconds', duration('s, 0 or more'), 1800],
  ['maxUses', usesLimit, 0],
  // The server's own keepalives end a vanished client at about 300 s on RDS: a longer lease frees nothing. A session that ends between
  // two queries of one call is no use to anybody.
  [
    'leaseMillis',
    expecting('0 (none) or a number of ms, 100 to 300000', (it) => it === 0 || isNumber(it, 100, 300_000)),
    0,
    USUAL_LEASE_MILLIS,
  ],
]

/** What each option may be. */
export const KNOWN_OPTIONS: readonly Row[] = [
  ['max poolSize', expecting('a positive integer', (it) => it === Infinity || positiveInteger(it) === undefined)],
  ['min', nonNegativeInteger],
  ['maxWaiting', usesLimit, Infinity],
  // Lambda lets no invocation run for longer.
  ['deadlineMarginMillis', duration('ms, 0 to 900000', 0, 900_000)],
  ['lingerMillis', millis, 1000],
  ['resumeMillis', millis, 0],
  ['target_session_attrs', targetSessionAttrs],
  ['validationBypassMillis', millis, 500],
  [
    'prepare',
    expecting("'auto', false, or how often a text must have run before, 0 or more", (it) => {
      return it === 'auto' || it === false || nonNegativeInteger(it) === undefined
    }),
    'auto',
  ],
  ['preparedStatements', positiveInteger, 100],
  ['validationTimeoutMillis credentialsTtlMillis keepAliveInitialDelayMillis', millis],
  // A function alone lacks the machinery, which it has to bring along.
  [
    'credentials',
    expecting(
      'a provider such as `credentialsFrom(yourFunction)` of pg-thaw/credentials',
      (it) => typeof it === 'function' && SOURCE in it,
    ),
  ],
  // A word that pg does not know would be taken for plain `true`.
  [
    'ssl',
    expecting(
      "`'verify-full'`, `'no-verify'`, true, false or an object",
      (it) => !it || it === true || typeof it === 'object' || it === 'verify-full' || it === 'true',
    ),
  ],
  [
    'ca',
    expecting('certificates as PEM', (value) => {
      const all = [value].flat()
      return all.length > 0 && all.every((it) => typeof it === 'string' || Buffer.isBuffer(it))
    }),
  ],
  ['target', targetOption],
  ['pooling', oneOf('auto', 'always', 'never'), 'auto'],
  ['reset', (it) => (typeof it === 'function' ? undefined : reset(it) && `${reset(it)} or a function`), 'rollback'],
  ['leakDetection', flag, false],
  ['fanOut', flag, true],
  ['allowExitOnIdle', flag, true],
  ['validate keepAlive', flag],
  ['name', nonEmptyString],
  // pg reads everything else too, against a host called `base`. Variants that other libraries need, such as `postgresql+psycopg:`, are
  // all the same to it.
  [
    'connectionString',
    expecting(
      "postgres://… or a socket's path",
      (it) => typeof it === 'string' && /^(\/|(postgres|pg|socket)[\w+.-]*:)/i.test(it),
    ),
  ],
  ['onConnect verify Client creator Promise', typed('a function', 'function')],
  [
    'log',
    expecting("true, 'debug', 'info', 'warn' or a function", (it) => {
      return typeof it === 'function' || it === true || ['debug', 'info', 'warn'].includes(it as string)
    }),
  ],
  ['query_timeout', expecting('a number of ms, 0 or more, or false', (it) => it === false || isNumber(it))],
  // pg reads numbers out of texts, too, and takes an empty one for none.
  [
    'port',
    expecting('a port from 1 to 65535', (it) => {
      const isText = typeof it !== 'object'
      return (
        isText &&
        String(it)
          .split(',')
          .every((one) => it === '' || (/^\d{1,5}$/.test(one) && Number(one) < 65_536))
      )
    }),
  ],
  ['password', expecting('a string or a function', (it) => !it || typeof it === 'string' || typeof it === 'function')],
  // What the server or pg itself checks, and what pg-connection-string makes of a URL's parameters.
  [
    `${SESSION_SETTINGS.join(' ')} stream sslnegotiation application_name fallback_application_name client_encoding replication binary pipeline enableChannelBinding scramMaxIterations sslmode sslcert sslkey sslrootcert uselibpqcompat channel_binding`,
    () => undefined,
  ],
  ['user database host', expecting('a string', (it) => !it || typeof it === 'string')],
  ['types', typed('an object with `getTypeParser`', 'object', 'function')],
  ...LIMITS,
]
