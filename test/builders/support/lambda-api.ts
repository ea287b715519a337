import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** As much of Lambda's own interface as the deployment of one function asks for: knows the function, and takes what comes. */
export class LambdaApi {
  readonly #server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const asked = body === '' ? {} : JSON.parse(body)
    if (request.url?.endsWith('/code')) this.zip = Buffer.from(asked.ZipFile, 'base64')
    if (request.url?.endsWith('/configuration')) Object.assign(this.#configuration, asked)
    const isQuestion = request.method === 'GET'
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(isQuestion ? { Configuration: this.#configuration } : this.#configuration))
  })
  readonly #configuration: Record<string, unknown> = {
    PackageType: 'Zip',
    State: 'Active',
    LastUpdateStatus: 'Successful',
  }
  /** The code that was deployed. */
  zip: Buffer | undefined

  static async start(): Promise<LambdaApi> {
    const api = new LambdaApi()
    api.#server.listen(0, '127.0.0.1')
    await once(api.#server, 'listening')
    return api
  }

  /** The settings that were deployed. */
  get settings(): Readonly<Record<string, unknown>> {
    return this.#configuration
  }

  /** What leads the AWS SDK here. */
  get environment(): Record<string, string> {
    const { port } = this.#server.address() as AddressInfo
    return {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI',
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }
}
