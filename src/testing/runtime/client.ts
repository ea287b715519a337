import * as http from 'node:http'

/** An event, as the Runtime API hands it out. */
export interface Invocation {
  requestId: string
  /** Epoch ms. */
  deadlineMillis: number
  functionArn: string
  /** What X-Ray traces it by, if it is told. */
  traceId: string | undefined
  /** JSON. */
  payload: string
}

/** An error as it is reported to the Runtime API. */
export interface ReportedError {
  errorType: string
  errorMessage: string
  trace: string[]
}

// The function may patch the module, as tracing libraries do; the runtime's own traffic is none of theirs.
const send = http.request

/**
 * The runtime's connections to its Runtime API: agents of its own, so that nothing the function does to its own
 * sockets holds up the poll, and no timeout, because an answer may be a freeze away. All polls go through one connection, by whose end
 * the other side sees that of a worker; responses don't have to wait for it.
 */
export class RuntimeClient {
  readonly #host: string
  readonly #port: string
  readonly #polling = new http.Agent({ keepAlive: true, maxSockets: 1 })
  readonly #answering = new http.Agent({ keepAlive: true })

  /** @param address Host and port, as in AWS_LAMBDA_RUNTIME_API. */
  constructor(address: string) {
    const [host = '', port = ''] = address.split(':')
    this.#host = host
    this.#port = port
  }

  /** Waits for the next event. */
  async next(): Promise<Invocation> {
    const { headers, body } = await answerTo(this.#request('GET', 'invocation/next'), (request) => request.end())
    return {
      requestId: String(headers['lambda-runtime-aws-request-id']),
      deadlineMillis: Number(headers['lambda-runtime-deadline-ms']),
      functionArn: String(headers['lambda-runtime-invoked-function-arn']),
      traceId: headers['lambda-runtime-trace-id']?.toString(),
      payload: body,
    }
  }

  async respond(requestId: string, response: string): Promise<void> {
    await this.#post(`invocation/${requestId}/response`, response)
  }

  async fail(requestId: string, error: unknown): Promise<void> {
    await this.#post(`invocation/${requestId}/error`, JSON.stringify(toReportedError(error)))
  }

  async failInit(error: unknown): Promise<void> {
    await this.#post('init/error', JSON.stringify(toReportedError(error)))
  }

  /** Opens a streamed response; its end, or its failure, is told by {@link answered}. */
  stream(requestId: string): { request: http.ClientRequest; answered: Promise<void> } {
    const request = this.#request('POST', `invocation/${requestId}/response`, {
      'Content-Type': 'application/octet-stream',
      'Lambda-Runtime-Function-Response-Mode': 'streaming',
      'Transfer-Encoding': 'chunked',
      Trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
    })
    return { request, answered: answerTo(request, () => {}).then(() => {}) }
  }

  async #post(path: string, body: string): Promise<void> {
    const length = { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) }
    await answerTo(this.#request('POST', path, length), (request) => request.end(body))
  }

  #request(method: string, path: string, headers: http.OutgoingHttpHeaders = {}): http.ClientRequest {
    const { host, port } = { host: this.#host, port: this.#port }
    const agent = method === 'GET' ? this.#polling : this.#answering
    return send({ method, host, port, path: `/2018-06-01/runtime/${path}`, headers, agent })
  }
}

interface Answer {
  headers: http.IncomingHttpHeaders
  body: string
}

function answerTo(request: http.ClientRequest, start: (request: http.ClientRequest) => void): Promise<Answer> {
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('error', reject)
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        if (response.statusCode !== undefined && response.statusCode < 300) resolve({ headers: response.headers, body })
        else reject(new Error(`The Runtime API answered ${response.statusCode}: ${body}`))
      })
    })
    start(request)
  })
}

/** Anything may be thrown. */
export function toReportedError(error: unknown): ReportedError {
  if (error instanceof Error) {
    return { errorType: error.name, errorMessage: error.message, trace: error.stack?.split('\n') ?? [] }
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] }
}
