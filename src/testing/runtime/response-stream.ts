import type { ClientRequest } from 'node:http'
import { Writable } from 'node:stream'
import { type RuntimeClient, toReportedError } from './client.js'

/** The stream a streaming handler writes to. The response is opened by the first byte, or by the end. */
export class ResponseStream extends Writable {
  /** What goes ahead of the first byte. */
  prelude: Buffer | undefined
  readonly #open: () => ReturnType<RuntimeClient['stream']>
  #response: { request: ClientRequest; answered: Promise<void> } | undefined
  #contentType: string | undefined

  constructor(client: RuntimeClient, requestId: string, highWaterMark: number | undefined) {
    super({ decodeStrings: true, ...(highWaterMark !== undefined && { highWaterMark }) })
    this.#open = () => client.stream(requestId)
  }

  /** @throws Error once something was written. */
  setContentType(contentType: string): void {
    if (this.#response) throw new Error('Cannot set content-type, too late.')
    this.#contentType = contentType
  }

  /** Something of the response is on its way already. */
  get isOpen(): boolean {
    return this.#response !== undefined
  }

  /** Ends a response that is on its way with an error. */
  async fail(error: unknown): Promise<void> {
    const { request, answered } = this.#opened()
    const reported = toReportedError(error)
    request.addTrailers({
      'Lambda-Runtime-Function-Error-Type': reported.errorType,
      'Lambda-Runtime-Function-Error-Body': Buffer.from(JSON.stringify(reported)).toString('base64'),
    })
    request.end()
    await answered
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#opened().request.write(chunk, (error) => done(error))
  }

  override _final(done: (error?: Error | null) => void): void {
    const { request, answered } = this.#opened()
    request.end()
    answered.then(() => done(), done)
  }

  #opened(): { request: ClientRequest; answered: Promise<void> } {
    if (this.#response) return this.#response
    this.#response = this.#open()
    // Heard by whoever ends the stream; until then nobody may be listening.
    this.#response.answered.catch(() => {})
    if (this.#contentType !== undefined) this.#response.request.setHeader('Content-Type', this.#contentType)
    if (this.prelude) this.#response.request.write(this.prelude)
    return this.#response
  }
}
