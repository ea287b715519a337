import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { type LocalLambda, startLambda } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

const files = {
  'src/orders.js': `exports.handler = async (event) => ({ event, name: process.env.AWS_LAMBDA_FUNCTION_NAME !== undefined })
    exports.callback = (event, context, callback) => setTimeout(callback, 1, null, 'called back')
    exports.streaming = awslambda.streamifyResponse(async (event, stream) => { stream.write('a stream'); stream.end() })`,
  'src/slow.mjs': `await new Promise((resolve) => setTimeout(resolve, 20)); export const handler = async () => 'awaited'`,
  'src/broken.js': 'exports.handler = async () => {',
}

let root: string
const lambdas: LocalLambda[] = []

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'pg-thaw-entry-')))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
})
afterEach(() => Promise.all(lambdas.splice(0).map((lambda) => lambda.close())))
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A function whose handler is `node_modules/pg-thaw/dist/handler.handler`. */
async function invoke(handler: string | undefined, event?: unknown) {
  const env = { LAMBDA_TASK_ROOT: root, ...(handler !== undefined && { PG_THAW_HANDLER: handler }) }
  const lambda = await startLambda({ module: resolve('dist/handler.mjs'), env })
  lambdas.push(lambda)
  return lambda.invoke(event)
}

describe('a function that Lambda finds wrapped', () => {
  it.each([
    ['src/orders.handler', { event: 7, name: true }],
    ['src/orders.callback', 'called back'],
    ['src/orders.streaming', 'a stream'],
    ['src/slow.handler', 'awaited'],
  ])('answers as it does by itself: %s', async (handler, response) => {
    expect(await invoke(handler, 7)).toMatchObject({ outcome: 'response', response })
  })

  it.each([
    [undefined, 'HandlerError', 'PG_THAW_HANDLER is missing'],
    ['src/order.handler', 'HandlerError', 'src/order with .js, .mjs, .cjs'],
    ['src/orders.handle', 'HandlerError', 'src/orders.js, which exports handler, callback, streaming'],
    ['src/broken.handler', 'SyntaxError', 'Unexpected end of input'],
  ])('fails its init with what is wrong: %s', async (handler, errorType, message) => {
    const { outcome, error } = await invoke(handler)
    expect({ outcome, errorType: error?.errorType }).toEqual({ outcome: 'init-error', errorType })
    expect(error?.errorMessage).toContain(message)
  })
})
