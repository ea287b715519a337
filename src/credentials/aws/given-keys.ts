import { types } from 'node:util'
import { CredentialsLookupError, type CredentialsLookupErrorCode } from '../errors.js'
import type { CredentialsRequest } from '../source/pool-credentials.js'
import { type AwsKeys, type AwsKeysProvider, type KeySource, RENEW_AHEAD_MILLIS } from './keys.js'
import { copyOfSdkError, isAnswer, type SdkError } from './sdk-error.js'
import { codeOfAnswer } from './service-failure.js'

/** What the SDK's providers throw where they found no keys. Both are by themselves no answer of a service. */
const FOUND_NONE = new Set(['CredentialsProviderError', 'TokenProviderError'])

/**
 * Keys that the user gives, or a provider that does. Not all of the SDK's providers keep what they got (`fromTemporaryCredentials` asks AWS
 * each time), so they are kept here for as long as they say that they are good, and asked for once by all connections that need them.
 */
export class GivenKeys implements KeySource {
  readonly #provider: AwsKeysProvider
  #kept: AwsKeys | undefined
  #asked: { readonly isFresh: boolean; readonly keys: Promise<AwsKeys> } | undefined

  constructor(given: AwsKeys | AwsKeysProvider) {
    this.#provider = typeof given === 'function' ? given : async () => given
  }

  /**
   * @throws {CredentialsLookupError} `CREDENTIALS_KEYS_MISSING`, `CREDENTIALS_TOKEN_EXPIRED`, `CREDENTIALS_ACCESS_DENIED`,
   * `CREDENTIALS_UNAVAILABLE`.
   */
  async keys({ fresh }: Pick<CredentialsRequest, 'fresh'>): Promise<AwsKeys> {
    if (!fresh && this.#kept !== undefined && millisLeft(this.#kept) > RENEW_AHEAD_MILLIS) return this.#kept
    // What was asked for before the refusal may be what was refused.
    if (this.#asked === undefined || (fresh && !this.#asked.isFresh)) {
      const asked = { isFresh: fresh, keys: this.#ask(fresh) }
      this.#asked = asked
      const over = () => {
        if (this.#asked === asked) this.#asked = undefined
      }
      asked.keys.then(over, over)
    }
    return this.#asked.keys
  }

  async #ask(fresh: boolean): Promise<AwsKeys> {
    let given: unknown
    try {
      given = await this.#provider(fresh ? { forceRefresh: true } : {})
    } catch (error) {
      throw failure(error)
    }
    const keys = checked(given)
    if (millisLeft(keys) <= 0) {
      const text = `The AWS keys that \`keys\` gave expired at ${keys.expiration?.toISOString()}`
      throw new CredentialsLookupError('CREDENTIALS_TOKEN_EXPIRED', text)
    }
    this.#kept = keys.expiration && keys
    return keys
  }
}

/** By the wall clock alone: it is the one that is right after a thaw, and the one that the keys expire by. */
function millisLeft({ expiration }: AwsKeys): number {
  return expiration === undefined ? Number.POSITIVE_INFINITY : expiration.getTime() - Date.now()
}

/** What keys should be and these are not: the same for those that are given and for those that a provider gives. */
export function flawOfKeys(given: unknown): string | undefined {
  if (typeof given !== 'object' || given === null) return 'AWS keys'
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = given as Readonly<Record<string, unknown>>
  for (const [name, value] of Object.entries({ accessKeyId, secretAccessKey })) {
    if (typeof value !== 'string' || value === '') return `AWS keys whose \`${name}\` is a non-empty string`
  }
  if (sessionToken !== undefined && typeof sessionToken !== 'string') {
    return 'AWS keys whose `sessionToken` is a string'
  }
  const isMoment = expiration instanceof Date && !Number.isNaN(expiration.getTime())
  return expiration === undefined || isMoment ? undefined : 'AWS keys whose `expiration` is a Date'
}

/** The text never has the value: it may be a key that ended up in the wrong place. */
function checked(given: unknown): AwsKeys {
  const expected = flawOfKeys(given)
  if (expected === undefined) return given as AwsKeys
  const text = `Expected what \`keys\` gives to be ${expected}, got ${given === null ? 'null' : typeof given}`
  throw new CredentialsLookupError('CREDENTIALS_KEYS_MISSING', text)
}

/** What a function of one's own throws may quote a key, so only its kind goes on; the SDK's say what is wrong with the configuration. */
function failure(error: unknown): CredentialsLookupError {
  if (error instanceof CredentialsLookupError) return error
  if (!types.isNativeError(error)) return withoutKeys('CREDENTIALS_UNAVAILABLE', typeof error)
  const { name: type, $metadata } = error as SdkError
  if (FOUND_NONE.has(type)) return withoutKeys('CREDENTIALS_KEYS_MISSING', type, copyOfSdkError(error))
  if (!isAnswer(error)) return withoutKeys('CREDENTIALS_UNAVAILABLE', codeOf(error) ?? type)
  const status = $metadata?.httpStatusCode
  return withoutKeys(codeOfAnswer({ type, status }), `${type}, ${status}`, copyOfSdkError(error))
}

function withoutKeys(code: CredentialsLookupErrorCode, why: string, cause?: Error): CredentialsLookupError {
  return new CredentialsLookupError(code, `\`keys\` gave no AWS keys (${why})`, cause && { cause })
}

function codeOf(error: SdkError): string | undefined {
  return typeof error.code === 'string' ? error.code : undefined
}
