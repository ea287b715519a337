import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the service does instead of answering. */
export type Fault =
  | 'throttled'
  | 'internal-error'
  | 'access-denied'
  | 'expired-token'
  /** The connection is reset. */
  | 'reset'
  /** There is no answer at all, as long as the client waits. */
  | 'silence'
  /** The answer is right, and cut off in the middle of the secret. */
  | 'cut'

/** One request, as it came. */
export interface Call {
  readonly secretId: string
  readonly stage: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** What one version of a secret holds. */
export interface StoredVersion {
  readonly versionId: string
  readonly text?: string
  readonly binary?: Buffer
}

/** The four steps of a rotation, in order. Whatever is not given does nothing. */
export interface RotationSteps {
  /** First: what the new version will hold. */
  create(current: string): string
  /** Second: makes it true in the database. */
  set?(pending: string): Promise<void>
  /** Third: signs in with it. */
  test?(pending: string): Promise<void>
  /** Between the steps: the rotating function takes its time. */
  between?(step: 'created' | 'set' | 'tested'): Promise<void>
}

const labels = { current: 'AWSCURRENT', pending: 'AWSPENDING', previous: 'AWSPREVIOUS' }

class Secret {
  readonly arn: string
  readonly #versions = new Map<string, StoredVersion>()
  readonly #labels = new Map<string, string>()

  constructor(name: string) {
    this.arn = `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}-AbCdEf`
  }

  version(stage: string): StoredVersion | undefined {
    return this.#versions.get(this.#labels.get(stage) ?? '')
  }

  /** A new version gets the label, and takes it away from the one that had it. */
  put(stage: string, content: { text?: string; binary?: Buffer }): void {
    const version = { versionId: randomUUID(), ...content }
    this.#versions.set(version.versionId, version)
    this.move(stage, version.versionId)
  }

  move(stage: string, versionId: string): void {
    const before = this.#labels.get(stage)
    this.#labels.set(stage, versionId)
    // Of all labels this one comes and goes by itself.
    if (stage === labels.current && before !== undefined && before !== versionId)
      this.#labels.set(labels.previous, before)
  }

  unlabel(stage: string): void {
    this.#labels.delete(stage)
  }
}

/**
 * AWS Secrets Manager on this machine, as far as reading secrets and rotating them goes: spoken to over HTTP by the real client, with
 * the staging labels of the real one.
 */
export class SecretsManagerDouble {
  readonly calls: Call[] = []
  readonly #secrets = new Map<string, Secret>()
  readonly #server = createServer((request, response) => void this.#serve(request, response))
  #fault: { readonly kind: Fault; left: number } | undefined
  #slownessMillis = 0

  static async start(): Promise<SecretsManagerDouble> {
    const double = new SecretsManagerDouble()
    double.#server.listen(0, '127.0.0.1')
    await once(double.#server, 'listening')
    return double
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** What a function needs in its environment to find this instead of AWS. */
  get environment(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL_SECRETS_MANAGER: this.endpoint,
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI',
      AWS_SESSION_TOKEN: 'a session+token/=',
      AWS_EC2_METADATA_DISABLED: 'true',
    }
  }

  /** How often a version was asked for, whatever the answer. */
  count(stage = labels.current): number {
    return this.calls.filter((call) => call.stage === stage).length
  }

  /** Creates a secret, or gives it a new current version, without the steps of a rotation. */
  put(name: string, content: string | Buffer): void {
    const secret = this.#secrets.get(name) ?? new Secret(name)
    this.#secrets.set(name, secret)
    secret.put(labels.current, typeof content === 'string' ? { text: content } : { binary: content })
  }

  arn(name: string): string {
    return this.#secret(name).arn
  }

  version(secretId: string, stage: string): StoredVersion | undefined {
    return this.#find(secretId)?.version(stage)
  }

  /** Rotates a secret as Secrets Manager has its rotating functions do it. */
  async rotate(name: string, steps: RotationSteps): Promise<void> {
    const secret = this.#secret(name)
    const pending = steps.create(secret.version(labels.current)?.text ?? '')
    secret.put(labels.pending, { text: pending })
    await steps.between?.('created')
    await steps.set?.(pending)
    await steps.between?.('set')
    await steps.test?.(pending)
    await steps.between?.('tested')
    secret.move(labels.current, secret.version(labels.pending)?.versionId ?? '')
    secret.unlabel(labels.pending)
  }

  /** From now on, or for that many requests. */
  fail(kind: Fault, times = Number.POSITIVE_INFINITY): void {
    this.#fault = { kind, left: times }
  }

  /** Answers take so long from now on. */
  slowDown(millis: number): void {
    this.#slownessMillis = millis
  }

  recover(): void {
    this.#fault = undefined
    this.#slownessMillis = 0
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += chunk
    const { SecretId = '', VersionStage: stage = labels.current } = JSON.parse(body || '{}') as Record<string, string>
    this.calls.push({ secretId: SecretId, stage, headers: request.headers, body })
    const fault = this.#nextFault()
    if (this.#slownessMillis > 0) await new Promise((resolve) => setTimeout(resolve, this.#slownessMillis))
    if (fault !== undefined && fault !== 'cut') return misbehave(fault, request, response)
    if (request.headers['x-amz-target'] !== 'secretsmanager.GetSecretValue')
      return refuse(response, 400, 'UnknownOperationException')
    const version = this.version(SecretId, stage)
    if (version === undefined) return refuse(response, 400, 'ResourceNotFoundException')
    const text = JSON.stringify({
      ARN: this.#find(SecretId)?.arn,
      Name: SecretId,
      VersionId: version.versionId,
      VersionStages: [stage],
      CreatedDate: Date.now() / 1000,
      ...(version.text === undefined ? {} : { SecretString: version.text }),
      ...(version.binary === undefined ? {} : { SecretBinary: version.binary.toString('base64') }),
    })
    answer(response, 200, fault === 'cut' ? text.slice(0, -5) : text)
  }

  #nextFault(): Fault | undefined {
    if (this.#fault === undefined || this.#fault.left <= 0) return undefined
    this.#fault.left -= 1
    return this.#fault.kind
  }

  #secret(name: string): Secret {
    const secret = this.#secrets.get(name)
    if (secret === undefined) throw new Error(`bug: no secret named ${name}`)
    return secret
  }

  #find(secretId: string): Secret | undefined {
    return this.#secrets.get(secretId) ?? [...this.#secrets.values()].find(({ arn }) => arn === secretId)
  }
}

function misbehave(fault: Exclude<Fault, 'cut'>, request: IncomingMessage, response: ServerResponse): void {
  switch (fault) {
    case 'throttled':
      return refuse(response, 400, 'ThrottlingException')
    case 'internal-error':
      return refuse(response, 500, 'InternalServiceError')
    case 'access-denied':
      return refuse(response, 400, 'AccessDeniedException')
    case 'expired-token':
      return refuse(response, 400, 'ExpiredTokenException')
    case 'reset':
      request.socket.resetAndDestroy()
      return
    case 'silence':
      return
    default:
      fault satisfies never
  }
}

function refuse(response: ServerResponse, status: number, type: string): void {
  answer(response, status, JSON.stringify({ __type: type, message: `a text of ${type}` }), { 'x-amzn-errortype': type })
}

function answer(response: ServerResponse, status: number, body: string, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1', ...headers }).end(body)
}
