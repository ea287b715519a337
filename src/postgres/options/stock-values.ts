import type { PoolOptions } from './options.js'
import { copyOptions } from './secrets.js'

type Reading = (value: unknown) => unknown

const isOff = (it: unknown) => it === 0 || it === '' || it === false

/** Numbers come as text too, out of environment variables for instance. */
const number: Reading = (it) => {
  const isText = typeof it === 'string' && it.trim() !== '' && !Number.isNaN(Number(it))
  return isText || typeof it === 'bigint' ? Number(it) : it
}
const numberOrDefault: Reading = (it) => (isOff(it) ? undefined : number(it))
const numberOrNone: Reading = (it) => (isOff(it) ? 0 : number(it))
/** An endless time limit is none; a timer of Node.js would take it for 1 ms. */
const limitOrNone: Reading = (it) => (number(it) === Infinity ? 0 : numberOrNone(it))
const truthy: Reading = (it) => (it === undefined || it === null ? it : Boolean(it))
const unlessFalsy: Reading = (it) => it || undefined

/** How pg and pg-pool read what they take in more forms than one; names of several stand in one text. */
const READINGS: readonly (readonly [names: string, reading: Reading])[] = [
  ['max poolSize', numberOrDefault],
  ['min maxUses', numberOrNone],
  ['connectionTimeoutMillis maxLifetimeSeconds query_timeout', limitOrNone],
  ['idleTimeoutMillis', (it) => (it === null ? 0 : limitOrNone(it))],
  [
    'maxWaiting leaseMillis deadlineMarginMillis lingerMillis validationBypassMillis validationTimeoutMillis credentialsTtlMillis resumeMillis keepAliveInitialDelayMillis',
    number,
  ],
  ['allowExitOnIdle keepAlive', truthy],
  ['log Client Promise onConnect verify connectionString', unlessFalsy],
  // Only text can be sent.
  ['password', (it) => (typeof it === 'number' || typeof it === 'bigint' ? String(it || '') : it)],
  ['ssl', (it) => (it === 'no-verify' ? { rejectUnauthorized: false } : it)],
]

/**
 * A copy of options in which each value has the form that stock `pg.Pool` would have taken it for. What it can't take for anything is
 * left as it is, to be refused.
 *
 * @throws {PoolOptionError} when they are no object.
 */
export function readOptions(options: object): PoolOptions {
  const read = copyOptions(options) as Record<string, unknown>
  for (const [names, reading] of READINGS) {
    for (const name of names.split(' ')) if (name in read) read[name] = reading(read[name])
  }
  return read as PoolOptions
}
