import { inspect } from 'node:util'
import { flawOfKeys } from './aws/given-keys.js'
import { CredentialsLookupError } from './errors.js'

type Check = (value: unknown) => string | undefined

export const text: Check = (value) =>
  typeof value === 'string' && value.trim() !== '' ? undefined : 'a non-empty string'

export const port: Check = (value) =>
  Number.isInteger(value) && (value as number) > 0 && (value as number) < 65_536 ? undefined : 'a port from 1 to 65535'

export const callable: Check = (value) => (typeof value === 'function' ? undefined : 'a function')

export const client: Check = (value) =>
  typeof value === 'object' && value !== null && 'send' in value && typeof value.send === 'function'
    ? undefined
    : 'a client of @aws-sdk/client-secrets-manager'

export const awsKeys: Check = (value) => {
  const expected = typeof value === 'function' ? undefined : flawOfKeys(value)
  return expected && `a function, or ${expected}`
}

/**
 * Refuses options of a provider that are unknown, missing or have the wrong value, by name. `undefined` counts as not given.
 *
 * @throws {CredentialsLookupError} `CREDENTIALS_OPTION_INVALID`.
 */
export function checkOptions<T extends object>(
  provider: string,
  options: T,
  required: Readonly<Record<string, Check>>,
  optional: Readonly<Record<string, Check>>,
): void {
  if (typeof options !== 'object' || options === null) {
    throw refusal(`Expected the options of ${provider} to be an object, got ${typeof options}`)
  }
  const known = { ...required, ...optional }
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined
    if (check === undefined) {
      throw refusal(`Unknown option \`${name}\` of ${provider}; known are ${Object.keys(known).join(', ')}`)
    }
    if (value !== undefined) refuseUnless(check(value), name, value)
  }
  for (const [name, check] of Object.entries(required)) {
    const value: unknown = Reflect.get(options, name)
    refuseUnless(check(value), name, value)
  }
}

function refuseUnless(expected: string | undefined, name: string, value: unknown): void {
  if (expected === undefined) return
  // What is in an object is nobody's business: it may be keys that ended up in the wrong place.
  const isShown = name !== 'keys' && (typeof value === 'string' || typeof value === 'number')
  const got = isShown ? `${inspect(value)} (${typeof value})` : typeof value
  throw refusal(`Expected \`${name}\` to be ${expected}, got ${got}`)
}

function refusal(message: string): CredentialsLookupError {
  return new CredentialsLookupError('CREDENTIALS_OPTION_INVALID', message)
}
