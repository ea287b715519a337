import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { HandlerError, loadHandler } from '../../../src/lambda/faces/load-handler'
import { environment } from '../../../src/registry/environment'

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming')

const files = {
  'package.json': '{}',
  'orders.js': `exports.handler = async (event) => [event, require('node:path').basename(__filename)]`,
  'src/a/b.cjs': `module.exports = { nested: { handler: async () => 'b.cjs' } }`,
  'src/orders.mjs': `await null; export const handler = async () => 'orders.mjs'; export const list = []`,
  'module/package.json': '{ "type": "module" }',
  'module/orders.js': `export default { handler: async () => import.meta.url.slice(-9) }`,
  'module/node_modules/other/orders.js': `exports.handler = async () => typeof module`,
  'streaming.js': `exports.handler = async (event, stream, context) => stream
    exports.handler[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'response'`,
  'both.js': `exports.handler = async () => 'both.js'`,
  'both.mjs': `export const handler = async () => 'both.mjs'`,
  'nothing.js': '',
  'broken.js': 'exports.handler = async () => {',
  'broken.mjs': 'export const handler = async () => {',
  'throws.js': `throw new Error('of the module')`,
  'needs.js': `require('./missing.js')`,
}

let root: string

beforeAll(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'pg-thaw-handler-')))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), text)
  }
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

const load = (PG_THAW_HANDLER?: string) => loadHandler({ LAMBDA_TASK_ROOT: root, PG_THAW_HANDLER })

async function failureOf(named?: string): Promise<Error> {
  return load(named).then(
    () => expect.unreachable(),
    (error) => error,
  )
}

describe('the handler that PG_THAW_HANDLER names', () => {
  it('is the function there, wrapped', async () => {
    const handler = await load('orders.handler')
    expect(await handler('event')).toEqual(['event', 'orders.js'])
    const inside = vi.fn(() => environment().currentInvocation?.())
    vi.stubGlobal('look', inside)
    writeFileSync(join(root, 'looking.js'), 'exports.handler = async () => void look()')
    await (await load('looking.handler'))()
    expect(inside.mock.results[0]?.value).toBeDefined()
    vi.unstubAllGlobals()
  })

  it.each([
    ['src/a/b.nested.handler', 'b.cjs'],
    ['./src/a/b.nested.handler', 'b.cjs'],
    ['src/orders.handler', 'orders.mjs'],
    ['module/orders.default.handler', 'orders.js'],
    ['module/node_modules/other/orders.handler', 'object'],
    ['both.handler', 'both.js'],
  ])('is found as Lambda finds it: %s', async (named, answer) => {
    expect(await (await load(named))()).toBe(answer)
  })

  it('may be an absolute path', async () => {
    expect(await (await load(`${root}/src/orders.handler`))()).toBe('orders.mjs')
  })

  it('is in the folder of the process, where Lambda names none', async () => {
    const cwd = vi.spyOn(process, 'cwd').mockReturnValue(root)
    expect(await (await loadHandler({ PG_THAW_HANDLER: 'src/orders.handler' }))()).toBe('orders.mjs')
    cwd.mockRestore()
  })

  it('keeps its length and the marks of streaming, which Lambda looks at', async () => {
    const handler = await load('streaming.handler')
    expect([handler.length, Reflect.get(handler, STREAMING)]).toEqual([3, 'response'])
  })
})

describe('an error says what was looked for, and where:', () => {
  it.each([
    [undefined, 'PG_THAW_HANDLER is missing: expected the path of a module'],
    ['', 'PG_THAW_HANDLER is ``: expected the path of a module'],
    ['orders', 'PG_THAW_HANDLER is `orders`: expected the path of a module'],
    ['src/.handler', 'PG_THAW_HANDLER is `src/.handler`: expected the path of a module'],
    ['src/order.handler', 'PG_THAW_HANDLER is `src/order.handler`: found no ROOT/src/order with .js, .mjs, .cjs'],
    [
      'orders.handle',
      'PG_THAW_HANDLER is `orders.handle`: found no function `handle` in ROOT/orders.js, which exports handler',
    ],
    ['src/a/b.nested.handle.more', 'found no function `nested.handle.more` in ROOT/src/a/b.cjs, which exports nested'],
    ['src/orders.list', 'found no function `list` in ROOT/src/orders.mjs, which exports handler, list'],
    ['nothing.handler', 'found no function `handler` in ROOT/nothing.js, which exports nothing'],
  ])('%s', async (named, message) => {
    const error = await failureOf(named)
    expect(error).toBeInstanceOf(HandlerError)
    expect(error).toMatchObject({ name: 'HandlerError', code: 'PG_THAW_HANDLER' })
    expect(error.message).toContain(message.replace('ROOT', root))
  })

  it.each([
    ['broken.handler', /Unexpected|Invalid/],
    ['throws.handler', /of the module/],
    ['needs.handler', /missing\.js/],
  ])("unless it is the module's own: %s", async (named, message) => {
    const error = await failureOf(named)
    expect(error.message).toMatch(message)
    expect(error).not.toBeInstanceOf(HandlerError)
  })
})
