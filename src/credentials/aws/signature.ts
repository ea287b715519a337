/*! Contains @smithy/signature-v4 and @smithy/core, copyright Amazon.com, Inc. or its affiliates, Apache License 2.0 (pg-thaw/dist/third-party-licenses.txt) */
import { buildQueryString } from '@smithy/core/protocols'
import { Hash } from '@smithy/core/serde'
import { SignatureV4 } from '@smithy/signature-v4'
import type { AwsKeys } from './keys.js'

/** For whom something is signed. */
export interface Signing {
  readonly keys: AwsKeys
  readonly service: string
  readonly region: string
}

/**
 * Signs a GET request to the root of a host in its query (Signature Version 4), and returns its address without the protocol.
 *
 * The signer is the one inside AWS's own SDK, bundled. From the start of a bundle to the first token it takes 5 ms of CPU and 13 kB; written
 * by hand for this alone it took 3 ms and 2 kB, which is no reason to have a signature of one's own. Others, measured beside it: aws4 4 ms,
 * aws4fetch 29 ms (WebCrypto), and the SDK's `Signer` 26 ms as part of the bundle (290 kB), 48 ms from its files, as Lambda has them.
 * `npm run bench -- --only token` measures it against the last two.
 */
export async function presign(
  host: string,
  query: Readonly<Record<string, string>>,
  expiresSeconds: number,
  signing: Signing,
): Promise<string> {
  const signed = await signer(signing).presign(
    { ...root(host), method: 'GET', headers: { host }, query: { ...query } },
    { expiresIn: expiresSeconds },
  )
  return `${host}/?${buildQueryString(signed.query ?? {})}`
}

/** Headers that sign a POST request to the root of a host, the signed ones included. */
export async function signedHeaders(
  host: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  signing: Signing,
): Promise<Record<string, string>> {
  const signed = await signer(signing).sign({ ...root(host), method: 'POST', headers: { ...headers, host }, body })
  return signed.headers
}

/** Of what is signed, only the header `host` counts. */
function root(host: string) {
  return { protocol: 'https:', hostname: host, path: '/' }
}

function signer({ keys, service, region }: Signing): SignatureV4 {
  const { accessKeyId, secretAccessKey, sessionToken } = keys
  const credentials = { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) }
  return new SignatureV4({ credentials, service, region, sha256: Hash.bind(null, 'sha256') })
}
