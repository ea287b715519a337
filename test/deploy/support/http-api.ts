import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { LocalLambda } from 'pg-thaw/testing'
import { type CompiledTemplate, ofType } from '../../serverless/support/compiled-template'

/** What a function answers to an HTTP API. */
interface Answer {
  readonly statusCode: number
  readonly headers?: Record<string, string>
  readonly body?: string
}

/** An HTTP API in front of one function, with the routes of a template. It checks no signature. */
export class HttpApi {
  readonly #routes: readonly string[]
  readonly #lambda: LocalLambda
  readonly #server = createServer((request, response) => void this.#serve(request, response))

  private constructor(template: CompiledTemplate, lambda: LocalLambda) {
    this.#routes = ofType(template, 'AWS::ApiGatewayV2::Route').map(([, { Properties }]) => Properties?.RouteKey)
    this.#lambda = lambda
  }

  static async start(template: CompiledTemplate, lambda: LocalLambda): Promise<HttpApi> {
    const api = new HttpApi(template, lambda)
    api.#server.listen(0, '127.0.0.1')
    await once(api.#server, 'listening')
    return api
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method = 'GET', url = '/' } = request
    const event = this.#event(method, new URL(url, this.url).pathname, body)
    if (event === undefined) {
      response.writeHead(404).end('{"message":"Not Found"}')
      return
    }
    const { outcome, response: answer, error } = await this.#lambda.invoke(event)
    const {
      statusCode,
      headers,
      body: text,
    } = outcome === 'response' ? (answer as Answer) : { statusCode: 502, headers: {}, body: JSON.stringify(error) }
    response.writeHead(statusCode, headers).end(text)
  }

  /** An event in the payload format 2.0, as far as functions look at it. */
  #event(method: string, rawPath: string, body: string): object | undefined {
    for (const routeKey of this.#routes) {
      const [verb, pattern = ''] = routeKey.split(' ')
      const names = [...pattern.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
      const values = new RegExp(`^${pattern.replaceAll(/\{\w+\}/g, '([^/]+)')}$`).exec(rawPath)?.slice(1)
      if (verb !== method || values === undefined) continue
      const pathParameters = Object.fromEntries(names.map((name, index) => [name, values[index]]))
      const common = { version: '2.0', routeKey, rawPath, pathParameters, isBase64Encoded: false }
      return { ...common, requestContext: { http: { method, path: rawPath } }, ...(body && { body }) }
    }
    return undefined
  }
}
