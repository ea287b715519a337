import { highWaterMarkOf, isStreaming } from './awslambda.js'
import type { Invocation, RuntimeClient } from './client.js'
import { type Context, contextOf, setTraceVariable } from './context.js'
import { onEmptyLoop } from './empty-loop.js'
import { type BufferedHandler, type Callback, type Handler, majorWithoutCallbacks } from './load-handler.js'
import { ResponseStream } from './response-stream.js'

/** Runs the handler once, and reports what it came to. */
export async function runInvocation(client: RuntimeClient, handler: Handler, invocation: Invocation): Promise<void> {
  setTraceVariable(invocation)
  if (isStreaming(handler)) await runStreaming(client, handler, invocation)
  else await runBuffered(client, handler as BufferedHandler, invocation)
}

/**
 * The same beside other invocations. There is no callback, and a promise that never settles is not noticed: the event loop is not empty
 * while the worker polls.
 */
export async function runOverlapping(client: RuntimeClient, handler: Handler, invocation: Invocation): Promise<void> {
  if (isStreaming(handler)) return runStreaming(client, handler, invocation)
  const answer = async () => ({ response: await handler(JSON.parse(invocation.payload), contextOf(invocation)) })
  await report(client, invocation, await answer().catch((error: unknown) => ({ error })))
}

type Settled = { response: unknown } | { error: unknown }

async function runBuffered(client: RuntimeClient, handler: BufferedHandler, invocation: Invocation): Promise<void> {
  const settled = await settle(handler, JSON.parse(invocation.payload), contextOf(invocation))
  onEmptyLoop(undefined)
  await report(client, invocation, settled)
}

async function report(client: RuntimeClient, invocation: Invocation, settled: Settled): Promise<void> {
  if ('error' in settled) return client.fail(invocation.requestId, settled.error)
  let body: string
  try {
    body = JSON.stringify(settled.response ?? null) ?? 'null'
  } catch (error) {
    return client.fail(invocation.requestId, error)
  }
  await client.respond(invocation.requestId, body)
}

/**
 * Calls the handler and waits for what it settles with: its promise, its callback, or the end of everything that could
 * still settle it. Only a response by callback waits for the event loop to be empty.
 */
function settle(handler: BufferedHandler, event: unknown, context: Context): Promise<Settled> {
  return new Promise((resolve) => {
    const callback: Callback = (error, response) => {
      if (error !== undefined && error !== null) resolve({ error })
      else if (context.callbackWaitsForEmptyEventLoop) onEmptyLoop(() => resolve({ response }))
      else resolve({ response })
    }
    onEmptyLoop(() => resolve({ response: null }))
    try {
      const result = handler(event, context, callback)
      if (!isThenable(result)) return
      onEmptyLoop(() => resolve({ error: neverSettled() }))
      result.then(
        (response) => resolve({ response }),
        (error: unknown) => resolve({ error }),
      )
    } catch (error) {
      resolve({ error })
    }
  })
}

/** What is written after the first byte can't be taken back: a later failure travels behind the body. */
async function runStreaming(client: RuntimeClient, handler: Handler, invocation: Invocation): Promise<void> {
  const stream = new ResponseStream(client, invocation.requestId, highWaterMarkOf(handler))
  const context = contextOf(invocation)
  try {
    const finished = new Promise<void>((resolve, reject) => stream.once('finish', resolve).once('error', reject))
    finished.catch(() => {})
    await new Promise<void>((resolve, reject) => {
      const result = handler(JSON.parse(invocation.payload), stream, context)
      if (!isThenable(result)) throw new Error('Streaming does not support non-async handlers.')
      onEmptyLoop(() => reject(neverSettled()))
      result.then(() => resolve(), reject)
    })
    onEmptyLoop(undefined)
    if (!stream.writableEnded) throw new Error('Response stream is not finished.')
    await finished
  } catch (error) {
    onEmptyLoop(undefined)
    return stream.isOpen ? stream.fail(error) : client.fail(invocation.requestId, error)
  }
  const waits = Number.parseInt(process.versions.node, 10) < majorWithoutCallbacks
  if (waits && context.callbackWaitsForEmptyEventLoop) await new Promise<void>((resolve) => onEmptyLoop(resolve))
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return value instanceof Object && 'then' in value && typeof value.then === 'function'
}

function neverSettled(): Error {
  const message = 'The event loop is empty, and the promise of the handler has not settled: it never will.'
  return Object.assign(new Error(message), { name: 'Runtime.NodeJsExit' })
}
