import { setTimeout as pause } from 'node:timers/promises'
import { fieldsOf, type HttpAnswer, httpRequest } from './aws/http.js'
import { keySource } from './aws/key-source.js'
import type { AwsKeys, AwsKeysProvider } from './aws/keys.js'
import { serviceFailure } from './aws/service-failure.js'
import { askService } from './aws/service-request.js'
import { CredentialsLookupError } from './errors.js'
import { awsKeys, callable, checkOptions, text } from './options.js'
import { rotatingSecret, type SecretVersion } from './rotating-secret.js'
import type { Credentials, CredentialsRequest, PoolCredentials } from './source/pool-credentials.js'

export * from './exports.js'

/** Options of {@link secretsExtension}. */
export interface SecretsExtensionOptions {
  /** Name or ARN of the secret. */
  secretId: string
  /** Region of Secrets Manager when it is asked past the extension. Default: the region in the ARN, else AWS_REGION. */
  region?: string | undefined
  /** Which version to read, by its staging label. Default AWSCURRENT, and AWSPENDING where a rotation is half done. */
  versionStage?: string | undefined
  /** User of a secret that names none: one that is nothing but the password, for instance. */
  user?: string | undefined
  /** Reads a secret of another shape than JSON with `username`, `password`, `host`, `port`, `dbname`. */
  parse?: ((secret: string) => Credentials | Promise<Credentials>) | undefined
  /** Keys of AWS for Secrets Manager itself, or what gives them: any credential provider of its SDK. Default: those of the function. */
  keys?: AwsKeys | AwsKeysProvider | undefined
}

/** It answers from its memory or from Secrets Manager. */
const ANSWER_TIMEOUT_MILLIS = 3000
/** While the environment is initialised the extension is not ready, or does not even listen: 1.5 s in all. */
const READY_PAUSES_MILLIS = [50, 100, 200, 400, 750]

/**
 * Credentials from a secret, through the AWS Parameters and Secrets Lambda extension, a layer that keeps secrets in its memory. No
 * AWS SDK is loaded.
 *
 * The extension may go on answering with what it read up to five minutes ago (`SECRETS_MANAGER_TTL`). So when the server refuses
 * what it gave, and it has nothing newer, Secrets Manager is asked directly, with the keys of the function.
 *
 * @throws {CredentialsLookupError} `CREDENTIALS_OPTION_INVALID`; when called: `CREDENTIALS_SECRET_INVALID`,
 * `CREDENTIALS_SECRET_NOT_FOUND`, `CREDENTIALS_ACCESS_DENIED`, `CREDENTIALS_TOKEN_EXPIRED`, `CREDENTIALS_UNAVAILABLE`.
 */
export function secretsExtension(options: SecretsExtensionOptions): PoolCredentials {
  const optional = { region: text, versionStage: text, user: text, parse: callable, keys: awsKeys }
  checkOptions('secretsExtension', options, { secretId: text }, optional)
  const given = { ...options }
  const extension = new Extension(given.secretId)
  const source = keySource(given.keys)
  return rotatingSecret(given, async (stage, request) => {
    if (!request.fresh) return extension.read(stage, request)
    try {
      return await askService(given, stage, source, request)
    } catch (error) {
      if (error instanceof CredentialsLookupError && error.code === 'CREDENTIALS_SECRET_NOT_FOUND') throw error
      // There is no way to Secrets Manager but the extension's: what that gives is all there is.
      return extension.read(stage, request)
    }
  })
}

class Extension {
  readonly #secretId: string
  /** Whether it has ever answered as it should: from then on an error is an error. */
  #wasReady = false

  constructor(secretId: string) {
    this.#secretId = secretId
  }

  async read(stage: string, { fresh, signal }: CredentialsRequest): Promise<SecretVersion> {
    const query = new URLSearchParams({ secretId: this.#secretId, versionStage: stage })
    if (fresh) query.set('refreshNow', 'true')
    const { status, body } = await this.#ask(query, signal)
    const { SecretString, VersionId, __type } = fieldsOf(body)
    const type = typeof __type === 'string' ? __type.replace(/^.*#/, '') : undefined
    if (status !== 200) throw this.#failure(status, type)
    return {
      text: typeof SecretString === 'string' ? SecretString : undefined,
      versionId: typeof VersionId === 'string' ? VersionId : undefined,
    }
  }

  async #ask(query: URLSearchParams, signal: AbortSignal): Promise<HttpAnswer> {
    const { PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: port = 2773, AWS_SESSION_TOKEN: token } = process.env
    const url = new URL(`http://localhost:${port}/secretsmanager/get?${query}`)
    const headers: Record<string, string> = token ? { 'x-aws-parameters-secrets-token': token } : {}
    for (let attempt = 0; ; attempt += 1) {
      const answer = await httpRequest(url, { headers, signal, timeoutMillis: ANSWER_TIMEOUT_MILLIS }).catch(
        (error: Error) => error,
      )
      const millis = READY_PAUSES_MILLIS[attempt]
      if (millis !== undefined && this.#mayNotBeReady(answer)) {
        await pause(millis, undefined, { signal })
        continue
      }
      if (!('status' in answer)) throw this.#noAnswer(answer)
      this.#wasReady ||= answer.status === 200
      return answer
    }
  }

  /** It says so by a status that it has for other things too. */
  #mayNotBeReady(answer: HttpAnswer | Error): boolean {
    if (this.#wasReady) return false
    if (!('status' in answer)) return 'code' in answer && answer.code === 'ECONNREFUSED'
    return answer.status === 400 && fieldsOf(answer.body).__type === undefined
  }

  #noAnswer(cause: Error): CredentialsLookupError {
    const text = `${this.#noSecret} (no answer): is its layer part of the function?`
    return new CredentialsLookupError('CREDENTIALS_UNAVAILABLE', text, { cause })
  }

  #failure(status: number, type: string | undefined): CredentialsLookupError {
    if (type !== undefined || status !== 400) return serviceFailure(this.#secretId, { type, status })
    // One status for both.
    const text = `${this.#noSecret} (400): it is not ready during init, or the function may not read the secret`
    return new CredentialsLookupError('CREDENTIALS_UNAVAILABLE', text)
  }

  get #noSecret(): string {
    return `The Parameters and Secrets extension did not give the secret \`${this.#secretId}\``
  }
}
