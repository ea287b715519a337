import type { Credentials } from '../../postgres/connection/opening/credentials.js'
import { CredentialsError } from './credentials-error.js'

const STRINGS = ['user', 'password', 'host', 'database'] as const
/** What secrets call these, for whoever hands one on as it is. */
const MISNAMED = { username: 'user', dbname: 'database' } as const

/**
 * What a provider gave, checked, copied and frozen. The password is behind a getter that is not enumerable, so that it stays out of
 * `util.inspect` (with `showHidden` too), JSON and spreads.
 *
 * @throws {CredentialsError} `POOL_CREDENTIALS_INVALID`, which names the field and never its value.
 */
export function checkCredentials(given: unknown): Credentials {
  if (typeof given !== 'object' || given === null)
    throw wrong('what the credentials provider gives', 'an object', given)
  const fields = given as Readonly<Record<string, unknown>>
  for (const name of STRINGS) check(fields, name, 'a string', (value) => typeof value === 'string')
  check(fields, 'port', 'a port from 1 to 65535', (it) => Number.isInteger(it) && Number(it) > 0 && Number(it) < 65_536)
  check(fields, 'expiresAt', 'a moment in ms', (it) => typeof it === 'number' && !Number.isNaN(it))
  check(fields, 'requiresEncryption', 'true or false', (value) => typeof value === 'boolean')
  for (const [name, ours] of Object.entries(MISNAMED)) {
    if (isGiven(fields[name]) && !isGiven(fields[ours])) {
      throw invalid(`The credentials provider gives \`${name}\`; the pool knows it as \`${ours}\``)
    }
  }
  const { user, password, host, port, database, expiresAt, requiresEncryption } = given as Credentials
  const copy = { user, host, port, database, expiresAt, requiresEncryption }
  return Object.freeze(Object.defineProperty(copy, 'password', { get: () => password ?? undefined })) as Credentials
}

/** Whether a server would see no difference. */
export function areSameCredentials(a: Credentials, b: Credentials): boolean {
  return a.password === b.password && leadToSameSession(a, b)
}

/** Whether a connection that was dialled with the one is as good as one dialled with the other: a password matters at the dial only. */
export function leadToSameSession(a: Credentials, b: Credentials): boolean {
  return a.user === b.user && a.host === b.host && a.port === b.port && a.database === b.database
}

function check(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  expected: string,
  isRight: (value: unknown) => boolean,
): void {
  const value = fields[name]
  if (isGiven(value) && !isRight(value)) throw wrong(`\`${name}\` from the credentials provider`, expected, value)
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null
}

function wrong(what: string, expected: string, value: unknown): CredentialsError {
  return invalid(`Expected ${what} to be ${expected}, got ${value === null ? 'null' : typeof value}`)
}

function invalid(text: string): CredentialsError {
  return new CredentialsError('POOL_CREDENTIALS_INVALID', 'permanent', text)
}
