import { createHash, createHmac } from 'node:crypto'
import type { AwsKeys } from './aws-keys.js'

/** What is signed, and for whom. */
export interface Signing {
  readonly keys: AwsKeys
  readonly service: string
  readonly region: string
  /** Now, ms since the epoch. */
  readonly now: number
}

const ALGORITHM = 'AWS4-HMAC-SHA256'

/**
 * Signs a GET request in its query (Signature Version 4), and returns its address without the protocol.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
 */
export function presign(
  host: string,
  query: Readonly<Record<string, string>>,
  expiresSeconds: number,
  signing: Signing,
): string {
  const { keys } = signing
  const when = timestamp(signing.now)
  const scope = scopeOf(signing, when)
  const parameters: Record<string, string> = {
    ...query,
    'X-Amz-Algorithm': ALGORITHM,
    'X-Amz-Credential': `${keys.accessKeyId}/${scope}`,
    'X-Amz-Date': when,
    'X-Amz-Expires': String(expiresSeconds),
    'X-Amz-SignedHeaders': 'host',
  }
  if (keys.sessionToken !== undefined) parameters['X-Amz-Security-Token'] = keys.sessionToken
  const canonical = ['GET', '/', queryOf(parameters), `host:${host}`, '', 'host', sha256('')].join('\n')
  parameters['X-Amz-Signature'] = signatureOf(canonical, when, scope, signing)
  return `${host}/?${queryOf(parameters)}`
}

/** Headers that sign a POST request to the root of a host. */
export function signedHeaders(
  host: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  signing: Signing,
): Record<string, string> {
  const { keys } = signing
  const when = timestamp(signing.now)
  const scope = scopeOf(signing, when)
  const all: Record<string, string> = { ...headers, host, 'x-amz-date': when }
  if (keys.sessionToken !== undefined) all['x-amz-security-token'] = keys.sessionToken
  const names = Object.keys(all).sort()
  const signed = names.join(';')
  const lines = names.map((name) => `${name}:${all[name]?.trim()}`)
  const canonical = ['POST', '/', '', ...lines, '', signed, sha256(body)].join('\n')
  const signature = signatureOf(canonical, when, scope, signing)
  all.authorization = `${ALGORITHM} Credential=${keys.accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`
  return all
}

function signatureOf(canonical: string, when: string, scope: string, signing: Signing): string {
  const { keys, service, region } = signing
  const toSign = [ALGORITHM, when, scope, sha256(canonical)].join('\n')
  const parts = [when.slice(0, 8), region, service, 'aws4_request']
  const key = parts.reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${keys.secretAccessKey}`)
  return hmac(key, toSign).toString('hex')
}

function scopeOf({ region, service }: Signing, when: string): string {
  return `${when.slice(0, 8)}/${region}/${service}/aws4_request`
}

/** `20260131T235959Z` */
function timestamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19).replace(/[-:]/g, '')}Z`
}

function queryOf(parameters: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(parameters).map(
    ([name, value]) => [percentEncoded(name), percentEncoded(value)] as const,
  )
  pairs.sort(([a], [b]) => (a < b ? -1 : 1))
  return pairs.map(([name, value]) => `${name}=${value}`).join('&')
}

/** RFC 3986, which is stricter than `encodeURIComponent`. */
function percentEncoded(value: string): string {
  return encodeURIComponent(value).replace(/[!'()*]/g, (it) => `%${it.charCodeAt(0).toString(16).toUpperCase()}`)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}
