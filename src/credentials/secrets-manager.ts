import { types } from 'node:util'
import { GivenKeys } from './aws/given-keys.js'
import type { AwsKeys, AwsKeysProvider } from './aws/keys.js'
import { ownRegion, regionMissing, regionOfArn } from './aws/region.js'
import { copyOfSdkError, isAnswer, type SdkError } from './aws/sdk-error.js'
import { serviceFailure } from './aws/service-failure.js'
import { CredentialsLookupError } from './errors.js'
import { awsKeys, callable, checkOptions, client as isClient, text } from './options.js'
import { rotatingSecret, type SecretVersion } from './rotating-secret.js'
import type { Credentials, PoolCredentials } from './source/pool-credentials.js'

export * from './exports.js'

/** What {@link secretsManager} uses of a client of `@aws-sdk/client-secrets-manager`. */
export interface SecretsManagerClientLike {
  send(...request: never[]): Promise<unknown>
}

/** Options of {@link secretsManager}. */
export interface SecretsManagerOptions {
  /** Name or ARN of the secret. */
  secretId: string
  /** Default: the region in the ARN, else AWS_REGION, else what the SDK finds. */
  region?: string | undefined
  /** Which version to read, by its staging label. Default AWSCURRENT, and AWSPENDING where a rotation is half done. */
  versionStage?: string | undefined
  /** User of a secret that names none: one that is nothing but the password, for instance. */
  user?: string | undefined
  /** Reads a secret of another shape than JSON with `username`, `password`, `host`, `port`, `dbname`. */
  parse?: ((secret: string) => Credentials | Promise<Credentials>) | undefined
  /** A client of your own, from the same package. Its timeouts are yours too. Default: one is made when it is first needed. */
  client?: SecretsManagerClientLike | undefined
  /** Keys of AWS, or what gives them: any credential provider of the SDK. Default: what the SDK finds. Not with a `client`. */
  keys?: AwsKeys | AwsKeysProvider | undefined
}

type Sdk = typeof import('@aws-sdk/client-secrets-manager')

/** With three attempts, what hangs is over before a connection timeout of 10 s. */
const CONNECT_TIMEOUT_MILLIS = 1000
const REQUEST_TIMEOUT_MILLIS = 2000

/**
 * Credentials from a secret in AWS Secrets Manager, through the AWS SDK: `npm install @aws-sdk/client-secrets-manager`. The SDK is
 * loaded at the first dial.
 *
 * @throws {CredentialsLookupError} `CREDENTIALS_OPTION_INVALID`; when called, any other {@link CredentialsLookupErrorCode}.
 *
 * @example
 * ```ts
 * import { secretsManager } from 'pg-thaw/secrets-manager'
 *
 * const credentials = secretsManager({ secretId: 'orders/database' })
 * ```
 */
export function secretsManager(options: SecretsManagerOptions): PoolCredentials {
  checkOptions(
    'secretsManager',
    options,
    { secretId: text },
    { region: text, versionStage: text, user: text, parse: callable, client: isClient, keys: awsKeys },
  )
  if (options.client !== undefined && options.keys !== undefined) {
    const text = 'Expected `keys` to come without a `client`, which has its own'
    throw new CredentialsLookupError('CREDENTIALS_OPTION_INVALID', text)
  }
  const given = { ...options }
  let connected: Promise<Connected> | undefined
  return rotatingSecret(given, async (stage, { signal }) => {
    connected ??= connect(given)
    const { client, sdk } = await connected.catch((error: unknown) => {
      connected = undefined
      throw error
    })
    return read(client, sdk, given.secretId, stage, signal)
  })
}

interface Connected {
  readonly sdk: Sdk
  readonly client: SecretsManagerClientLike
}

async function connect({ secretId, region, client, keys }: SecretsManagerOptions): Promise<Connected> {
  const sdk = await loadSdk(secretId)
  if (client !== undefined) return { sdk, client }
  const known = region ?? regionOfArn(secretId) ?? ownRegion()
  // A connection that was kept open through a freeze would be dead after it, and one request in minutes gains nothing from it.
  const agent = { keepAlive: false, maxSockets: Number.POSITIVE_INFINITY }
  const own = new sdk.SecretsManagerClient({
    ...(known !== undefined && { region: known }),
    ...(keys !== undefined && { credentials: providerOf(keys) }),
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MILLIS,
      requestTimeout: REQUEST_TIMEOUT_MILLIS,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
  })
  // What the SDK says of a region that it did not find has no code.
  await own.config.region().catch(() => {
    throw regionMissing(`the secret \`${secretId}\``)
  })
  return { sdk, client: own as unknown as SecretsManagerClientLike }
}

function providerOf(given: AwsKeys | AwsKeysProvider) {
  const source = new GivenKeys(given)
  return async () => {
    const { accessKeyId, secretAccessKey, sessionToken, expiration } = await source.keys({ fresh: false })
    return { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }), ...(expiration && { expiration }) }
  }
}

async function loadSdk(secretId: string): Promise<Sdk> {
  try {
    return await import('@aws-sdk/client-secrets-manager')
  } catch (cause) {
    const name = '@aws-sdk/client-secrets-manager'
    const text = `Reading the secret \`${secretId}\` needs the package ${name}: npm install ${name}`
    throw new CredentialsLookupError('CREDENTIALS_PACKAGE_MISSING', text, { cause })
  }
}

async function read(
  client: SecretsManagerClientLike,
  sdk: Sdk,
  secretId: string,
  stage: string,
  signal: AbortSignal,
): Promise<SecretVersion> {
  const command = new sdk.GetSecretValueCommand({ SecretId: secretId, VersionStage: stage })
  const send = client.send as (request: object, options: object) => Promise<unknown>
  const answer = await send.call(client, command, { abortSignal: signal }).catch((error: unknown) => {
    throw failure(secretId, error)
  })
  const { SecretString, VersionId } = (answer ?? {}) as { SecretString?: string; VersionId?: string }
  return { text: SecretString, versionId: VersionId }
}

function failure(secretId: string, error: unknown): CredentialsLookupError {
  if (error instanceof CredentialsLookupError) return error
  if (!types.isNativeError(error)) return serviceFailure(secretId, { type: undefined, status: undefined })
  const { $metadata, code, name } = error as SdkError
  if (name === 'CredentialsProviderError') {
    const text = `The AWS SDK found no keys to read the secret \`${secretId}\` with`
    return new CredentialsLookupError('CREDENTIALS_KEYS_MISSING', text, { cause: copyOfSdkError(error) })
  }
  if (isAnswer(error)) {
    return serviceFailure(secretId, { type: name, status: $metadata?.httpStatusCode }, copyOfSdkError(error))
  }
  // A socket's error has a code. What has none may be the SDK's about an answer that it could not read, and quote it.
  if (typeof code !== 'string') return serviceFailure(secretId, { type: name, status: undefined })
  return serviceFailure(secretId, { type: code, status: undefined }, copyOfSdkError(error))
}
