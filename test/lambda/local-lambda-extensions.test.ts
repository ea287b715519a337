import { fileURLToPath } from 'node:url'
import { type LocalLambda, startLambda } from 'pg-thaw/testing'
import { afterEach, expect, it } from 'vitest'
import { children } from './fixtures/children.js'

const module = fileURLToPath(new URL('./fixtures/extension.mjs', import.meta.url))
const started: LocalLambda[] = []
const printed: string[] = []

async function start(extensions: [name: string, events: string[]][], env: Record<string, string> = {}) {
  const lambda = await startLambda({
    module,
    env: { EXTENSIONS: JSON.stringify(extensions), ...env },
    initTimeoutMillis: 1_000,
    onLog: ({ text }) => printed.push(text),
  })
  started.push(lambda)
  return lambda
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((lambda) => lambda.close()))
  printed.length = 0
  expect(children()).toEqual([])
})

it('registers extensions by the rules', async () => {
  const lambda = await start([
    ['quiet', []],
    ['quiet', []],
    ['final', ['SHUTDOWN']],
    ['odd', ['LUNCH']],
    ['', []],
    ...Array.from({ length: 10 }, (_, index): [string, string[]] => [`more-${index}`, []]),
  ])
  const { response, outcome } = await lambda.invoke()
  expect(outcome).toBe('response')
  const { answers } = response as { answers: unknown[] }
  expect(answers.slice(0, 5)).toEqual([
    [200, null],
    [403, 'Extension.InvalidExtensionState'],
    [403, 'Extension.InvalidEventType'],
    [403, 'Extension.InvalidEventType'],
    [403, 'Extension.InvalidExtensionName'],
  ])
  expect(answers.slice(5)).toEqual([
    ...Array.from({ length: 9 }, () => [200, null]),
    [403, 'Extension.TooManyExtensions'],
  ])
  expect(lambda.environments[0]?.extensions).toHaveLength(10)
})

it('closes registration when the runtime asks for its first event', async () => {
  const lambda = await start([])
  expect((await lambda.invoke({ registersLate: true })).response).toBe('Extension.RegistrationClosed')
})

it('does not finish init before every extension has polled', async () => {
  const lambda = await start([['silent', []]], { EXTENSION_NEVER_POLLS: '1' })
  expect(await lambda.invoke()).toMatchObject({ outcome: 'init-error', error: { errorType: 'Sandbox.Timedout' } })
})

it('tells an extension of each invocation, and holds it open until the extension polls again', async () => {
  const lambda = await start([['listener', ['INVOKE']]], { EXTENSION_WORKS_MILLIS: '120' })
  const first = await lambda.invoke()
  expect(first.billedMillis).toBeGreaterThanOrEqual(115)
  // The client has its response before that.
  expect(first.latencyMillis - (first.initMillis ?? 0)).toBeLessThan(100)
  const second = await lambda.invoke()
  const { heard } = second.response as { heard: Record<string, unknown>[] }
  expect(heard[0]).toMatchObject({ eventType: 'INVOKE', requestId: first.requestId })
})

it('does not wait for an extension without events, and does not tell it anything', async () => {
  const lambda = await start([['quiet', []]], { EXTENSION_WORKS_MILLIS: '1000' })
  expect((await lambda.invoke()).billedMillis).toBeLessThan(500)
  expect((await lambda.invoke()).response).toMatchObject({ heard: [] })
})

it('sends SIGTERM to an environment with an extension before its end', async () => {
  const lambda = await start([['quiet', []]])
  await lambda.invoke()
  await lambda.scaleIn()
  expect(printed).toEqual(['SIGTERM'])
  expect(lambda.environments).toEqual([])
})

it('kills an environment that is still there 500 ms after its SIGTERM', async () => {
  const lambda = await start([['quiet', []]], { IGNORES_SIGTERM: '1' })
  await lambda.invoke()
  const from = performance.now()
  await lambda.scaleIn()
  expect(performance.now() - from).toBeGreaterThanOrEqual(495)
  expect(performance.now() - from).toBeLessThan(2_000)
  expect(printed).toEqual(['SIGTERM'])
})

it('kills an environment without an extension at once', async () => {
  const lambda = await start([])
  await lambda.invoke()
  await lambda.scaleIn()
  expect(printed).toEqual([])
  expect(lambda.environments).toEqual([])
})

it('gives no SIGTERM when an environment vanishes', async () => {
  const lambda = await start([['quiet', []]])
  await lambda.invoke()
  await lambda.vanish()
  expect(printed).toEqual([])
})
