import { readFile } from 'node:fs/promises'
import { CredentialsLookupError } from '../errors.js'
import type { CredentialsRequest } from '../source/pool-credentials.js'
import { fieldsOf, httpRequest } from './http.js'
import { type AwsKeys, type KeySource, RENEW_AHEAD_MILLIS } from './keys.js'

const ENDPOINT_TIMEOUT_MILLIS = 2000
/** Where containers on AWS have their keys. The token that goes with the request is for nobody else. */
const CONTAINER_HOSTS = new Set([
  '169.254.170.2',
  '169.254.170.23',
  '[fd00:ec2::23]',
  'localhost',
  '127.0.0.1',
  '[::1]',
])

/**
 * The chain of a function's environment: AWS's variables, which Lambda sets, or the endpoint for container keys, which stands in for
 * them where an environment outlives its keys (Managed Instances, ECS). Everything else comes through `keys`.
 *
 * Reading variables needs no library. Asking the endpoint is done here, as `fromHttp` of the SDK would cost a cold start 10 ms of CPU and
 * each bundle 38 kB more, whether it has such an endpoint or not; loaded from its files where it is needed, 37 ms more (12, 22 and 48 ms from
 * the start of a bundle to the keys).
 */
export class KeyChain implements KeySource {
  #kept: { readonly keys: AwsKeys; readonly expiresAt: number } | undefined

  /**
   * @throws {CredentialsLookupError} `CREDENTIALS_KEYS_MISSING`, `CREDENTIALS_TOKEN_EXPIRED`, `CREDENTIALS_UNAVAILABLE`.
   */
  async keys(request: CredentialsRequest): Promise<AwsKeys> {
    const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN } = process.env
    if (AWS_ACCESS_KEY_ID && AWS_SECRET_ACCESS_KEY) {
      return {
        accessKeyId: AWS_ACCESS_KEY_ID,
        secretAccessKey: AWS_SECRET_ACCESS_KEY,
        sessionToken: AWS_SESSION_TOKEN || undefined,
      }
    }
    // The wall clock alone: it is the one that is right after a thaw, and the one that the keys expire by.
    const isUsable = this.#kept !== undefined && Date.now() < this.#kept.expiresAt - RENEW_AHEAD_MILLIS
    if (request.fresh || !isUsable) this.#kept = await fromContainer(request.signal)
    if (this.#kept === undefined) throw keysMissing()
    return this.#kept.keys
  }
}

async function fromContainer(signal: AbortSignal): Promise<{ keys: AwsKeys; expiresAt: number }> {
  const url = containerUrl()
  const token = await containerToken()
  const headers = token === undefined ? {} : { authorization: token }
  const answer = await httpRequest(url, { headers, signal, timeoutMillis: ENDPOINT_TIMEOUT_MILLIS }).catch((cause) => {
    throw new CredentialsLookupError('CREDENTIALS_UNAVAILABLE', 'The endpoint for AWS keys does not answer', { cause })
  })
  const { AccessKeyId, SecretAccessKey, Token, Expiration } = fieldsOf(answer.body)
  if (answer.status !== 200 || typeof AccessKeyId !== 'string' || typeof SecretAccessKey !== 'string') {
    const text = `The endpoint for AWS keys gives none (status ${answer.status})`
    throw new CredentialsLookupError('CREDENTIALS_UNAVAILABLE', text)
  }
  const expiresAt = typeof Expiration === 'string' ? Date.parse(Expiration) : Number.POSITIVE_INFINITY
  if (expiresAt <= Date.now()) {
    const text = `The AWS keys of this function expired at ${Expiration}`
    throw new CredentialsLookupError('CREDENTIALS_TOKEN_EXPIRED', text)
  }
  const sessionToken = typeof Token === 'string' ? Token : undefined
  return { keys: { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey, sessionToken }, expiresAt }
}

function containerUrl(): URL {
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: full, AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: relative } = process.env
  if (!full && !relative) throw keysMissing()
  const address = relative ? `http://169.254.170.2${relative}` : full
  const url = address !== undefined && URL.canParse(address) ? new URL(address) : undefined
  if (url === undefined || (url.protocol !== 'https:' && !CONTAINER_HOSTS.has(url.hostname))) {
    const text = 'Expected `AWS_CONTAINER_CREDENTIALS_FULL_URI` to be an https address, or one of a container host'
    throw new CredentialsLookupError('CREDENTIALS_KEYS_MISSING', text)
  }
  return url
}

async function containerToken(): Promise<string | undefined> {
  const { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file, AWS_CONTAINER_AUTHORIZATION_TOKEN: token } = process.env
  if (!file) return token || undefined
  return readFile(file, 'utf8').then(
    (text) => text.trim(),
    (cause) => {
      throw new CredentialsLookupError('CREDENTIALS_KEYS_MISSING', `The token file \`${file}\` can't be read`, {
        cause,
      })
    },
  )
}

function keysMissing(): CredentialsLookupError {
  const text =
    'No AWS keys: neither AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY nor AWS_CONTAINER_CREDENTIALS_FULL_URI is set; ' +
    'where they are elsewhere, give `keys`'
  return new CredentialsLookupError('CREDENTIALS_KEYS_MISSING', text)
}
