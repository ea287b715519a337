import type { SecretVersion } from '../rotating-secret.js'
import type { CredentialsRequest } from '../source/pool-credentials.js'
import { fieldsOf, httpRequest } from './http.js'
import type { KeySource } from './keys.js'
import { ownRegion, regionMissing, regionOfArn } from './region.js'
import { serviceFailure } from './service-failure.js'
import { signedHeaders } from './signature.js'

const TIMEOUT_MILLIS = 3000

/**
 * Reads one version of a secret from Secrets Manager itself, without its SDK's client.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 */
export async function askService(
  { secretId, region: given }: { readonly secretId: string; readonly region?: string | undefined },
  stage: string,
  source: KeySource,
  request: CredentialsRequest,
): Promise<SecretVersion> {
  const region = given ?? regionOfArn(secretId) ?? ownRegion()
  if (region === undefined) throw regionMissing(`the secret \`${secretId}\``)
  const keys = await source.keys(request)
  const url = endpoint(region)
  const body = JSON.stringify({ SecretId: secretId, VersionStage: stage })
  const wanted = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': 'secretsmanager.GetSecretValue' }
  const headers = await signedHeaders(url.host, wanted, body, { keys, service: 'secretsmanager', region })
  const { signal } = request
  const sent = httpRequest(url, { method: 'POST', headers, body, signal, timeoutMillis: TIMEOUT_MILLIS })
  const answer = await sent.catch((cause) => {
    throw serviceFailure(secretId, { type: undefined, status: undefined }, cause)
  })
  const { SecretString, VersionId, __type } = fieldsOf(answer.body)
  if (answer.status !== 200) {
    const type = typeof __type === 'string' ? __type.replace(/^.*#/, '') : undefined
    throw serviceFailure(secretId, { type, status: answer.status })
  }
  return {
    text: typeof SecretString === 'string' ? SecretString : undefined,
    versionId: typeof VersionId === 'string' ? VersionId : undefined,
  }
}

function endpoint(region: string): URL {
  const { AWS_ENDPOINT_URL_SECRETS_MANAGER: ours, AWS_ENDPOINT_URL: everyones } = process.env
  if (ours || everyones) return new URL(ours || everyones || '')
  const suffix = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com'
  return new URL(`https://secretsmanager.${region}.${suffix}`)
}
