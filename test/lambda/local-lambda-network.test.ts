import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type LocalLambda, type LocalLambdaOptions, startLambda } from 'pg-thaw/testing'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { children } from './fixtures/children.js'
import { type LineServer, startLineServer } from './fixtures/line-server.js'

const module = fileURLToPath(new URL('./fixtures/dials.mjs', import.meta.url))
const started: LocalLambda[] = []
let server: LineServer

beforeEach(async () => {
  server = await startLineServer()
})

afterEach(async () => {
  await Promise.all(started.splice(0).map((lambda) => lambda.close()))
  await server.close()
  expect(children()).toEqual([])
})

async function start(options: Partial<LocalLambdaOptions> = {}): Promise<LocalLambda> {
  const lambda = await startLambda({ module, database: { host: '127.0.0.1', port: server.port }, ...options })
  started.push(lambda)
  return lambda
}

const hello = { opens: true, sends: 'hello\n', awaits: '> hello' }
const again = { sends: 'again\n', awaits: '> again', millis: 300 }

it('reaches the database through PGHOST and PGPORT, and keeps its connection through a freeze', async () => {
  const lambda = await start()
  expect((await lambda.invoke(hello)).response).toMatchObject({ received: '> hello\n' })
  expect((await lambda.invoke(again)).response).toMatchObject({ received: '> hello\n> again\n', error: null })
  expect(lambda.network).toEqual({ connects: 1, openServerSides: 1 })
})

it('finds after the thaw what its kernel received during the freeze of a process', async () => {
  const lambda = await start({ freezeModel: 'process' })
  await lambda.invoke(hello)
  ;(await server.socket(0)).end('FATAL\n')
  expect((await lambda.invoke({ awaits: 'nothing' })).response).toEqual({
    received: '> hello\nFATAL\n',
    error: null,
    ended: true,
  })
})

it('finds nothing after the pause of a machine, and a reset when it writes', async () => {
  const lambda = await start({ freezeModel: 'paused-machine' })
  await lambda.invoke(hello)
  const remote = await server.socket(0)
  remote.end('FATAL\n')
  await expect.poll(() => lambda.network.openServerSides).toBe(0)
  const silent = { received: '> hello\n', error: null, ended: false }
  expect((await lambda.invoke({ awaits: 'FATAL', millis: 50 })).response).toEqual(silent)
  expect((await lambda.invoke(again)).response).toEqual({ received: '> hello\n', error: 'ECONNRESET', ended: false })
  expect((await lambda.invoke({ ...hello, name: 'b' })).response).toMatchObject({ received: '> hello\n' })
})

it('meets a reset, or no answer at all, when its flow was forgotten', async () => {
  const resets = await start({ freezeModel: 'reset' })
  await resets.invoke(hello)
  expect((await resets.invoke(again)).response).toMatchObject({ error: 'ECONNRESET' })
  const swallows = await start({ freezeModel: 'forgotten-flow' })
  await swallows.invoke(hello)
  expect((await swallows.invoke(again)).response).toEqual({ received: '> hello\n', error: null, ended: false })
  expect((await swallows.invoke({ ...hello, name: 'b' })).response).toMatchObject({ received: '> hello\n' })
})

it.each(['paused-machine', 'reset', 'forgotten-flow'] as const)(
  'says goodbye before the freeze, in model %s',
  async (freezeModel) => {
    const lambda = await start({ freezeModel })
    await lambda.invoke({ ...hello, says: 'goodbye' })
    await expect.poll(() => server.received[0]).toBe('hello\ngoodbye\n')
    await expect.poll(() => lambda.network.openServerSides).toBe(0)
  },
)

it('has the network strike the connections of an environment, and counts them', async () => {
  const lambda = await start()
  const { environmentId } = await lambda.invoke(hello)
  expect(lambda.strike('deaf', ['another'])).toBe(0)
  expect((await lambda.invoke(again)).response).toMatchObject({ received: '> hello\n> again\n' })
  expect(lambda.strike('deaf', [environmentId])).toBe(1)
  const unheard = { sends: 'lost\n', awaits: '> lost', millis: 300 }
  expect((await lambda.invoke(unheard)).response).toMatchObject({ received: '> hello\n> again\n', error: null })
  expect((await lambda.invoke({ ...hello, name: 'b' })).response).toMatchObject({ received: '> hello\n' })
})

it('leaves its sessions behind when it ends without a goodbye', async () => {
  const lambda = await start({ timeoutMillis: 200 })
  await lambda.invoke(hello)
  await lambda.vanish()
  await lambda.invoke(hello)
  await lambda.scaleIn()
  expect((await lambda.invoke({ ...hello, awaits: 'never', millis: 5_000 })).outcome).toBe('timeout')
  expect(lambda.environments).toEqual([])
  expect(server.sockets.map(({ destroyed, readableEnded }) => destroyed || readableEnded)).toEqual([
    false,
    false,
    false,
  ])
  expect(lambda.network).toEqual({ connects: 3, openServerSides: 3 })
  const closes = server.sockets.map((socket) => once(socket, 'close'))
  await lambda.close()
  await Promise.all(closes)
})

it('closes its sessions when one machine kills it, and when it ends by itself', async () => {
  const kernel = await start({ vanish: 'closed' })
  await kernel.invoke(hello)
  await kernel.vanish()
  await expect.poll(() => kernel.network.openServerSides).toBe(0)
  const lambda = await start({ vanish: 'silent' })
  expect((await lambda.invoke({ ...hello, exits: true })).outcome).toBe('crash')
  await expect.poll(() => lambda.network.openServerSides).toBe(0)
})
