import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SecretsManagerDouble, StoredVersion } from './secrets-manager'

/** The Parameters and Secrets Lambda extension on this machine, with a memory that it goes on answering from. */
export class SecretsExtensionDouble {
  /** Queries of all requests, as they came. */
  readonly queries: URLSearchParams[] = []
  readonly #service: SecretsManagerDouble
  readonly #memory = new Map<string, StoredVersion>()
  readonly #server = createServer((request, response) => this.#serve(request, response))
  #unreadyRequests = 0
  #refusal: { readonly status: number; readonly body: string } | undefined

  private constructor(service: SecretsManagerDouble) {
    this.#service = service
  }

  /** `port` 0 for any. */
  static async start(service: SecretsManagerDouble, port = 0): Promise<SecretsExtensionDouble> {
    const double = new SecretsExtensionDouble(service)
    double.#server.listen(port, 'localhost')
    await once(double.#server, 'listening')
    return double
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** So many of the next requests find it as it is while an environment is initialised. */
  unreadyFor(requests: number): void {
    this.#unreadyRequests = requests
  }

  /** Answers so from now on. */
  refuse(status: number, body: string): void {
    this.#refusal = { status, body }
  }

  /** What it remembers has become too old. */
  forget(): void {
    this.#memory.clear()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://localhost')
    this.queries.push(url.searchParams)
    if (this.#unreadyRequests > 0) {
      this.#unreadyRequests -= 1
      response.writeHead(400).end('not ready to serve traffic, please wait')
    } else if (this.#refusal !== undefined) {
      response.writeHead(this.#refusal.status).end(this.#refusal.body)
    } else if (request.headers['x-aws-parameters-secrets-token'] !== process.env.AWS_SESSION_TOKEN) {
      response.writeHead(401).end('unauthorized')
    } else {
      this.#answer(url.searchParams, response)
    }
  }

  #answer(query: URLSearchParams, response: ServerResponse): void {
    const secretId = query.get('secretId') ?? ''
    const stage = query.get('versionStage') ?? 'AWSCURRENT'
    const key = `${secretId} ${stage}`
    const version = this.#memory.get(key) ?? this.#service.version(secretId, stage)
    if (version === undefined) {
      response.writeHead(400).end('an unexpected error occurred while executing request')
      return
    }
    this.#memory.set(key, version)
    const { versionId, text } = version
    response.writeHead(200).end(JSON.stringify({ Name: secretId, VersionId: versionId, SecretString: text }))
  }
}
