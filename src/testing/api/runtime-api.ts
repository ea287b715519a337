import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { FunctionIdentity } from '../function-identity.js'
import { Extensions } from './extensions.js'

/** An error as a runtime reports it. */
export interface RuntimeError {
  errorType: string
  errorMessage: string
  stackTrace?: readonly string[]
}

/** An event on its way to the runtime. */
export interface InvocationEvent {
  requestId: string
  /** JSON. */
  payload: string
  /** When the invocation must be over, epoch ms. */
  deadlineMillis: number
}

/** What the runtime and the extensions of an environment tell it. */
export interface RuntimeApiListener {
  /** The runtime (or the first of its workers) and every registered extension have asked for their first event. */
  onInitDone(): void
  onInitError(error: RuntimeError): void
  onResponse(requestId: string, response: unknown): void
  onError(requestId: string, error: RuntimeError): void
  /** One at a time: the runtime and every extension that hears of invocations have asked for the next event. Else: it was answered. */
  onInvocationDone(requestId: string): void
  /** The worker that had this event is gone without an answer. Only where there are several at once. */
  onInvocationLost?(requestId: string): void
}

/** An event that is out. */
interface Running {
  /** Who has it. */
  readonly socket: Socket | null
  isAnswered: boolean
}

const runtimePath = '/2018-06-01/runtime'
const extensionPath = '/2020-01-01/extension'

/**
 * AWS's Runtime API and Extensions API for one environment, on a port of its own.
 *
 * Both are long polls: an answer is held back until there is an event. An invocation is over, and the environment may
 * freeze, when everybody who had the event polls again. A frozen client can't answer for itself, so no poll times out.
 *
 * Where several events may be out at once, as on Managed Instances, each worker polls by itself and whenever it likes, and an invocation
 * is over when it is answered. What answers later than that is heard, and dropped.
 */
export class RuntimeApi {
  readonly extensions: Extensions
  readonly #identity: FunctionIdentity
  readonly #listener: RuntimeApiListener
  readonly #isConcurrent: boolean
  readonly #server: Server
  readonly #running = new Map<string, Running>()
  /** Of the runtime, or of each of its workers; the longest first. */
  readonly #polls: ServerResponse[] = []
  /** Events that came while every worker was too busy to poll. */
  readonly #waiting: InvocationEvent[] = []
  #phase: 'init' | 'serving' | 'failed' = 'init'

  private constructor(identity: FunctionIdentity, listener: RuntimeApiListener, isConcurrent: boolean) {
    this.#identity = identity
    this.#listener = listener
    this.#isConcurrent = isConcurrent
    this.extensions = new Extensions(!isConcurrent)
    this.#server = createServer((request, response) => {
      // Fails when the client is gone in the middle of its request; the end of its process says so too.
      this.#route(request, response).catch(() => response.destroy())
    })
    this.#server.requestTimeout = 0
    this.#server.headersTimeout = 0
    this.#server.keepAliveTimeout = 0
    this.#server.timeout = 0
    this.#server.on('connection', (socket) => socket.once('close', () => this.#gone(socket)))
  }

  /** Starts to listen on a free port of 127.0.0.1; `isConcurrent` where several events may be out at once. */
  static async start(
    identity: FunctionIdentity,
    listener: RuntimeApiListener,
    isConcurrent = false,
  ): Promise<RuntimeApi> {
    const api = new RuntimeApi(identity, listener, isConcurrent)
    await new Promise<void>((resolve, reject) => {
      api.#server.once('error', reject).listen(0, '127.0.0.1', resolve)
    })
    return api
  }

  /** Host and port, as in AWS_LAMBDA_RUNTIME_API. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Hands an event to the runtime, and tells the extensions that hear of invocations. */
  deliver(event: InvocationEvent): void {
    const isFree = this.#isConcurrent || this.#running.size === 0
    if (this.#phase !== 'serving' || !isFree) throw new Error(`bug: an event was delivered in phase ${this.#phase}`)
    for (const extension of this.extensions) {
      if (!extension.hearsInvokes) continue
      const poll = extension.poll
      extension.poll = undefined
      const { requestId, deadlineMillis: deadlineMs } = event
      const told = { eventType: 'INVOKE', deadlineMs, requestId, invokedFunctionArn: this.#identity.arn }
      if (poll !== undefined) answer(poll, 200, told, { 'Lambda-Extension-Event-Identifier': requestId })
    }
    this.#waiting.push(event)
    this.#handOut()
  }

  /** Nobody waits for its answer any more; who has the event may go on with it. */
  giveUp(requestId: string): void {
    this.#running.delete(requestId)
  }

  /** Idempotent. */
  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = `${request.method} ${request.url?.split('?', 1)[0]}`
    switch (route) {
      case `GET ${runtimePath}/invocation/next`:
        this.#runtimeNext(response)
        return
      case `POST ${runtimePath}/init/error`:
      case `POST ${extensionPath}/init/error`:
        return this.#initError(await bodyOf(request), response)
      case `POST ${extensionPath}/register`:
        return this.#register(request, await bodyOf(request), response)
      case `GET ${extensionPath}/event/next`:
        return this.#extensionNext(request, response)
      case `POST ${extensionPath}/exit/error`:
        return answer(response, 202, { status: 'OK' })
    }
    const [, requestId, verb] = /^POST \/2018-06-01\/runtime\/invocation\/([^/]+)\/(response|error)$/.exec(route) ?? []
    if (requestId === undefined) return answer(response, 404, refusal('NotFound', route))
    return this.#settle(requestId, verb === 'response', request, response)
  }

  #runtimeNext(response: ServerResponse): void {
    const hasUnanswered = [...this.#running.values()].some(({ isAnswered }) => !isAnswered)
    if (hasUnanswered && !this.#isConcurrent) {
      return answer(response, 403, refusal('InvalidStateTransition', 'The event before has no response yet'))
    }
    this.extensions.closeRegistration()
    this.#polls.push(response)
    response.once('close', () => {
      const index = this.#polls.indexOf(response)
      if (index >= 0) this.#polls.splice(index, 1)
    })
    this.#handOut()
    this.#advance()
  }

  /** Events to those who ask for one. */
  #handOut(): void {
    while (this.#waiting.length > 0 && this.#polls.length > 0) {
      const event = this.#waiting.shift() as InvocationEvent
      const poll = this.#polls.shift() as ServerResponse
      this.#running.set(event.requestId, { socket: poll.socket, isAnswered: false })
      poll.writeHead(200, {
        'Content-Type': 'application/json',
        'Lambda-Runtime-Aws-Request-Id': event.requestId,
        'Lambda-Runtime-Deadline-Ms': String(event.deadlineMillis),
        'Lambda-Runtime-Invoked-Function-Arn': this.#identity.arn,
        'Lambda-Runtime-Trace-Id': traceId(),
      })
      poll.end(event.payload)
    }
  }

  /** The end of a worker: it polls on one connection, as long as it lives. */
  #gone(socket: Socket): void {
    if (!this.#isConcurrent) return
    for (const [requestId, running] of this.#running) {
      if (running.socket !== socket) continue
      this.#running.delete(requestId)
      this.#listener.onInvocationLost?.(requestId)
    }
  }

  #extensionNext(request: IncomingMessage, response: ServerResponse): void {
    const extension = this.extensions.find(header(request, 'lambda-extension-identifier'))
    if (extension === undefined) {
      return answer(response, 403, refusal('Extension.UnknownExtensionIdentifier', 'Unknown extension identifier'))
    }
    extension.poll = response
    response.once('close', () => {
      if (extension.poll === response) extension.poll = undefined
    })
    this.#advance()
  }

  #register(request: IncomingMessage, body: Buffer, response: ServerResponse): void {
    const parsed = parseObject(body)
    const result = this.extensions.register(header(request, 'lambda-extension-name'), parsed.events)
    if ('errorType' in result) return answer(response, 403, result)
    const { name: functionName, version: functionVersion, handler } = this.#identity
    answer(response, 200, { functionName, functionVersion, handler }, { 'Lambda-Extension-Identifier': result.id })
  }

  #initError(body: Buffer, response: ServerResponse): void {
    if (this.#phase !== 'init') return answer(response, 403, refusal('InvalidStateTransition', 'Init is over'))
    answer(response, 202, { status: 'OK' })
    this.#phase = 'failed'
    this.#listener.onInitError(toRuntimeError(parseObject(body)))
  }

  async #settle(
    requestId: string,
    isResponse: boolean,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const body = await bodyOf(request)
    const running = this.#running.get(requestId)
    if (running === undefined) {
      if (this.#isConcurrent) return answer(response, 202, { status: 'OK' })
      return answer(response, 400, refusal('InvalidRequestID', 'Invalid request ID'))
    }
    if (running.isAnswered) return answer(response, 403, refusal('InvalidStateTransition', 'Answered already'))
    running.isAnswered = true
    const midstream = request.trailers['lambda-runtime-function-error-body']
    const fail = (error: Record<string, unknown>) => this.#listener.onError(requestId, toRuntimeError(error))
    if (midstream !== undefined) fail(parseObject(Buffer.from(midstream, 'base64')))
    else if (!isResponse) fail(parseObject(body))
    else if (header(request, 'lambda-runtime-function-response-mode') === 'streaming') {
      this.#listener.onResponse(requestId, body.toString())
    } else this.#listener.onResponse(requestId, parse(body))
    answer(response, 202, { status: 'OK' })
    if (this.#isConcurrent) this.#done(requestId)
  }

  /** Somebody polled: is everybody there whom this phase waits for? */
  #advance(): void {
    if (this.#polls.length === 0) return
    const extensions = [...this.extensions]
    switch (this.#phase) {
      case 'init':
        if (!extensions.every((extension) => extension.poll !== undefined)) return
        this.#phase = 'serving'
        this.#listener.onInitDone()
        return
      case 'serving':
        if (this.#isConcurrent) return
        if (!extensions.every((extension) => !extension.hearsInvokes || extension.poll !== undefined)) return
        for (const requestId of this.#running.keys()) this.#done(requestId)
        return
      case 'failed':
        return
      default:
        this.#phase satisfies never
    }
  }

  #done(requestId: string): void {
    this.#running.delete(requestId)
    this.#listener.onInvocationDone(requestId)
  }
}

/** As X-Ray writes it, of a call that is not sampled. */
function traceId(): string {
  const seconds = Math.floor(Date.now() / 1000).toString(16)
  return `Root=1-${seconds}-${randomBytes(12).toString('hex')};Parent=${randomBytes(8).toString('hex')};Sampled=0`
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function header(request: IncomingMessage, name: string): string {
  return String(request.headers[name] ?? '')
}

/** What is no JSON is taken as text. */
function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return body.toString()
  }
}

function parseObject(body: Buffer): Record<string, unknown> {
  const parsed = parse(body)
  return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {}
}

function toRuntimeError(reported: Record<string, unknown>): RuntimeError {
  // Node.js runtimes call the stack `trace`, most others `stackTrace`.
  const stack = reported.stackTrace ?? reported.trace
  return {
    errorType: String(reported.errorType ?? 'Unknown'),
    errorMessage: String(reported.errorMessage ?? ''),
    ...(Array.isArray(stack) && { stackTrace: stack.map(String) }),
  }
}

function refusal(errorType: string, errorMessage: string) {
  return { errorType, errorMessage }
}

function answer(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body))
}
