import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Version {
  readonly id: string
  readonly username: string
  readonly password: string
}

/** AWS Secrets Manager on this machine, as far as the functions read secrets with its client. */
export class SecretStore {
  readonly #versions = new Map<string, Version>()
  readonly #server = createServer((request, response) => {
    serve(request, response, this.#versions).catch(() => response.destroy())
  })

  static async start(): Promise<SecretStore> {
    const store = new SecretStore()
    store.#server.listen(0, '127.0.0.1')
    await once(store.#server, 'listening')
    return store
  }

  /** What a function needs in its environment to find this instead of AWS. */
  get environment(): Record<string, string> {
    return {
      AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      AWS_REGION: 'us-east-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_EC2_METADATA_DISABLED: 'true',
      // Which Node.js the SDK will want one day is no news of the functions.
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    }
  }

  /** Stores who signs in, in place of who did before. */
  put(name: string, username: string, password: string): void {
    this.#versions.set(name, { id: randomUUID(), username, password })
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }
}

/** A password that nobody has to type. */
export function newPassword(): string {
  return randomBytes(24).toString('base64url')
}

/** There is the current version alone: a rotation is never half done here. */
async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  versions: ReadonlyMap<string, Version>,
): Promise<void> {
  let body = ''
  for await (const chunk of request) body += chunk
  const { SecretId = '', VersionStage = 'AWSCURRENT' } = JSON.parse(body || '{}') as Record<string, string>
  const version = VersionStage === 'AWSCURRENT' ? versions.get(SecretId) : undefined
  const headers = { 'content-type': 'application/x-amz-json-1.1' }
  if (version === undefined) {
    response.writeHead(400, headers).end(JSON.stringify({ __type: 'ResourceNotFoundException' }))
    return
  }
  const { id: VersionId, ...credentials } = version
  const answer = { Name: SecretId, VersionId, VersionStages: [VersionStage], SecretString: JSON.stringify(credentials) }
  response.writeHead(200, headers).end(JSON.stringify(answer))
}
