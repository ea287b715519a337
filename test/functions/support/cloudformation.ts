import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One answer that a custom resource gave. */
export interface ResourceAnswer {
  readonly method: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: Readonly<Record<string, unknown>>
}

/** CloudFormation as a custom resource sees it: asks for something, and waits for the answer at an address. */
export class CloudFormationDouble {
  readonly answers: ResourceAnswer[] = []
  /** How many answers are refused from now on. */
  refusals = 0
  #requests = 0
  readonly #server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    this.answers.push({ method: request.method, headers: request.headers, body: JSON.parse(text) })
    response.writeHead(this.refusals-- > 0 ? 503 : 200).end()
  })

  static async start(): Promise<CloudFormationDouble> {
    const double = new CloudFormationDouble()
    double.#server.listen(0, '127.0.0.1')
    await once(double.#server, 'listening')
    return double
  }

  request(RequestType: 'Create' | 'Update' | 'Delete'): Record<string, unknown> {
    this.#requests += 1
    return {
      RequestType,
      ResponseURL: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/answer?signature=secret`,
      StackId: 'arn:aws:cloudformation:eu-central-1:123456789012:stack/orders/1',
      RequestId: `request ${this.#requests}`,
      LogicalResourceId: 'Migration',
      ResourceType: 'Custom::Migration',
      ResourceProperties: { Deployment: String(this.#requests) },
    }
  }

  async close(): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }
}
