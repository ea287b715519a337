import type { ResponseStream } from './response-stream.js'

const streaming = Symbol.for('aws.lambda.runtime.handler.streaming')
const highWaterMark = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')

/** What marks a handler as a streaming one. */
export interface StreamingMarks {
  [streaming]?: string
  [highWaterMark]?: number
}

/** Provides the global `awslambda` of AWS's runtime. */
export function provideAwslambda(): void {
  const awslambda = {
    /** Only marks the function: a wrapper has to copy the marks. */
    streamifyResponse<Handler extends StreamingMarks>(handler: Handler, options?: { highWaterMark?: number }): Handler {
      handler[streaming] = 'response'
      if (options?.highWaterMark !== undefined) handler[highWaterMark] = options.highWaterMark
      return handler
    },
    HttpResponseStream: {
      /** Status, headers and cookies go ahead of the body, with eight zero bytes between. */
      from(stream: ResponseStream, prelude: unknown): ResponseStream {
        stream.setContentType('application/vnd.awslambda.http-integration-response')
        stream.prelude = Buffer.concat([Buffer.from(JSON.stringify(prelude)), Buffer.alloc(8)])
        return stream
      },
    },
  }
  Object.assign(globalThis, { awslambda })
}

/** Whether the handler was marked by `awslambda.streamifyResponse`. */
export function isStreaming(handler: StreamingMarks): boolean {
  return handler[streaming] === 'response'
}

/** The buffer size that the mark asks for, bytes. */
export function highWaterMarkOf(handler: StreamingMarks): number | undefined {
  return handler[highWaterMark]
}
