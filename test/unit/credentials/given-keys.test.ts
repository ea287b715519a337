import { inspect } from 'node:util'
import { fromEnv, fromHttp } from '@aws-sdk/credential-providers'
import { Signer } from '@aws-sdk/rds-signer'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { GivenKeys } from '../../../src/credentials/aws/given-keys'
import type { AwsKeys, AwsKeysProvider } from '../../../src/credentials/aws/keys'
import { rdsIam } from '../../../src/credentials/rds-iam'
import { noAwsVariables, useEnvironmentVariables } from '../../support/environment-variables'

const set = useEnvironmentVariables()
const marker = 'hunter2-marker'
const keys = { accessKeyId: 'AKIDGIVEN', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfi=' }
const host = 'orders.cluster-abc.eu-west-1.rds.amazonaws.com'
const asked = { fresh: false, signal: new AbortController().signal }

beforeEach(() => {
  set(noAwsVariables)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 1, 3, 4, 5, 6) })
})
afterEach(() => vi.useRealTimers())

const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000)

/** A provider that gives these in turn, and tells how it was asked. */
function provider(...given: readonly (AwsKeys | Error)[]) {
  const requests: unknown[] = []
  const rest = [...given]
  const provide: AwsKeysProvider = async (request) => {
    requests.push(request)
    const next = rest.length > 1 ? rest.shift() : rest[0]
    if (next === undefined || next instanceof Error) throw next
    return next
  }
  return { provide, requests }
}

describe('a token that is signed with `keys`', () => {
  it.each([
    ['a value', keys],
    ['a value of a session', { ...keys, sessionToken: 'a/b=c' }],
    ['a provider of the SDK', fromEnv()],
    ['a function', async () => keys],
  ])('is the one of rds-signer with the same: %s', async (_, given) => {
    set({ AWS_ACCESS_KEY_ID: 'AKIDENV', AWS_SECRET_ACCESS_KEY: 'secret' })
    const theirs = new Signer({ hostname: host, port: 5432, username: 'app', region: 'eu-west-1', credentials: given })
    const ours = await rdsIam({ host, user: 'app', keys: given })(asked)
    expect(ours.password).toBe(await theirs.getAuthToken())
  })

  it('goes before the keys of the function', async () => {
    set({ AWS_ACCESS_KEY_ID: 'AKIDENV', AWS_SECRET_ACCESS_KEY: 'secret' })
    expect((await rdsIam({ host, user: 'app', keys })(asked)).password).toContain('AKIDGIVEN')
  })
})

describe('keys that a provider gives', () => {
  it('are kept until shortly before they expire', async () => {
    const first = { ...keys, expiration: inMinutes(60) }
    const second = { ...keys, accessKeyId: 'AKIDNEXT', expiration: inMinutes(120) }
    const { provide, requests } = provider(first, second)
    const source = new GivenKeys(provide)
    expect([await source.keys(asked), await source.keys(asked)]).toEqual([first, first])
    expect(requests).toHaveLength(1)
    vi.setSystemTime(inMinutes(55))
    expect(await source.keys(asked)).toEqual(second)
    expect(requests).toEqual([{}, {}])
  })

  it('are asked for each time where they say no end', async () => {
    const { provide, requests } = provider(keys)
    const source = new GivenKeys(provide)
    await source.keys(asked)
    await source.keys(asked)
    expect(requests).toHaveLength(2)
  })

  it('are asked for once by all that need them at the same time', async () => {
    const { provide, requests } = provider(keys)
    const source = new GivenKeys(provide)
    await Promise.all(Array.from({ length: 50 }, () => source.keys(asked)))
    expect(requests).toHaveLength(1)
  })

  it('are asked for past every cache when something was refused, once', async () => {
    const { provide, requests } = provider({ ...keys, expiration: inMinutes(60) })
    const source = new GivenKeys(provide)
    await source.keys(asked)
    await Promise.all([source.keys({ fresh: true }), source.keys({ fresh: true })])
    expect(requests).toEqual([{}, { forceRefresh: true }])
  })

  it('are asked for again after the provider has failed', async () => {
    const source = new GivenKeys(provider(new Error('not yet'), keys).provide)
    await expect(source.keys(asked)).rejects.toMatchObject({ code: 'CREDENTIALS_UNAVAILABLE' })
    expect(await source.keys(asked)).toEqual(keys)
  })

  it.each([
    ['nothing', undefined, /Expected what `keys` gives to be AWS keys, got undefined/],
    ['half of them', { accessKeyId: marker }, /AWS keys whose `secretAccessKey` is a non-empty string, got object/],
    ['no token', { ...keys, sessionToken: 5 }, /AWS keys whose `sessionToken` is a string/],
    ['no moment', { ...keys, expiration: marker }, /AWS keys whose `expiration` is a Date/],
  ])('are refused when they are none: %s', async (_, given, message) => {
    const error = await failureOf(async () => given as never)
    expect(error).toMatchObject({ code: 'CREDENTIALS_KEYS_MISSING', message: expect.stringMatching(message) })
    expect(inspect(error)).not.toContain(marker)
  })

  it('are refused when they have expired', async () => {
    const error = await failureOf(async () => ({ ...keys, expiration: inMinutes(0) }))
    expect(error).toMatchObject({ code: 'CREDENTIALS_TOKEN_EXPIRED' })
  })
})

describe('a provider of keys that fails', () => {
  const answer = (name: string, status: number) =>
    Object.assign(new Error('as AWS says'), {
      name,
      $fault: 'client',
      $metadata: { httpStatusCode: status },
      $response: marker,
    })

  it.each([
    ['finds none', fromEnv(), 'CREDENTIALS_KEYS_MISSING', { name: 'CredentialsProviderError' }],
    [
      'may not have them',
      async () => Promise.reject(answer('AccessDenied', 403)),
      'CREDENTIALS_ACCESS_DENIED',
      { status: 403 },
    ],
    [
      'has expired keys itself',
      async () => Promise.reject(answer('ExpiredTokenException', 403)),
      'CREDENTIALS_TOKEN_EXPIRED',
      { status: 403 },
    ],
    [
      'is throttled',
      async () => Promise.reject(answer('ThrottlingException', 400)),
      'CREDENTIALS_UNAVAILABLE',
      { status: 400 },
    ],
  ])('has a code, the cause, and no secret: it %s', async (_, provide, code, cause) => {
    const error = await failureOf(provide)
    expect(error).toMatchObject({ name: 'CredentialsLookupError', code, cause })
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(marker)
  })

  it.each([
    ['an error', new Error(marker), '(Error)'],
    ['an error with a code', Object.assign(new Error(marker), { code: 'ECONNRESET' }), '(ECONNRESET)'],
    ['a text', marker, '(string)'],
  ])("and is a function of one's own is not quoted: %s", async (_, thrown, kind) => {
    const error = await failureOf(async () => Promise.reject(thrown))
    expect(error).toMatchObject({ code: 'CREDENTIALS_UNAVAILABLE', message: expect.stringContaining(kind) })
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(marker)
  })

  it('is told as it is where it throws before it gives a promise', async () => {
    const provide = () => fromHttp({ awsContainerCredentialsFullUri: 'http://keys.example.com/' })()
    expect(await failureOf(provide)).toMatchObject({ code: 'CREDENTIALS_KEYS_MISSING' })
  })
})

async function failureOf(provide: AwsKeysProvider): Promise<unknown> {
  return new GivenKeys(provide).keys(asked).then(
    () => expect.unreachable(),
    (error: unknown) => error,
  )
}
