import { fileURLToPath } from 'node:url'
import {
  LambdaThrottledError,
  type LocalLambda,
  type LocalLambdaOptions,
  type LogLine,
  startLambda,
} from 'pg-thaw/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { children, processState } from './fixtures/children.js'

const started: LocalLambda[] = []

async function start(options: Partial<LocalLambdaOptions> = {}, fixture = 'acts.mjs'): Promise<LocalLambda> {
  const module = fileURLToPath(new URL(`./fixtures/${fixture}`, import.meta.url))
  const env = { AWS_LAMBDA_NODEJS_WORKER_COUNT: '2', ...options.env }
  const lambda = await startLambda({ module, concurrency: 4, ...options, env })
  started.push(lambda)
  return lambda
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((lambda) => lambda.close()))
  expect(children()).toEqual([])
})

describe('an environment of Managed Instances', () => {
  it('is told so, and how many calls it may have at once', async () => {
    const lambda = await start({ env: { STAGE: 'test' } })
    expect((await lambda.invoke({ act: 'env' })).response).toMatchObject({
      STAGE: 'test',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'lambda-managed-instances',
      AWS_LAMBDA_MAX_CONCURRENCY: '4',
      AWS_LAMBDA_NODEJS_WORKER_COUNT: '2',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '2048',
      AWS_LAMBDA_FUNCTION_NAME: 'acts',
    })
  })

  it('runs calls at the same time, in worker threads with several each', async () => {
    const lambda = await start()
    const calls = Array.from({ length: 4 }, () => lambda.invoke({ act: 'sleep', millis: 300 }))
    await expect.poll(() => lambda.environments[0]?.invocations, { timeout: 10_000 }).toBe(4)
    expect(lambda.environments).toMatchObject([{ state: 'running', invocations: 4 }])
    expect((await Promise.all(calls)).map(({ outcome }) => outcome)).toEqual(Array(4).fill('response'))
    expect(lambda.environments).toMatchObject([{ state: 'idle', invocations: 4 }])
    const threads = await Promise.all(Array.from({ length: 4 }, () => lambda.invoke({ act: 'thread' })))
    expect(new Set(threads.map(({ response }) => response)).size).toBeLessThanOrEqual(2)
    expect(threads.map(({ response }) => response)).not.toContain(0)
  })

  it('takes 8 workers unless it is told how many', async () => {
    const module = fileURLToPath(new URL('./fixtures/acts.mjs', import.meta.url))
    const lambda = await startLambda({ module, concurrency: 64 })
    started.push(lambda)
    const seen = new Set<unknown>()
    // The first is there before the last.
    const ask = async () => {
      const calls = Array.from({ length: 16 }, () => lambda.invoke({ act: 'thread' }))
      for (const { response } of await Promise.all(calls)) seen.add(response)
      return seen.size
    }
    await expect.poll(ask, { timeout: 15_000 }).toBe(8)
  })

  it('never freezes', async () => {
    const lambda = await start()
    await lambda.invoke()
    const [environment] = lambda.environments
    expect(environment?.state).toBe('idle')
    expect(processState(environment?.pid ?? 0)).not.toBe('T')
  })

  it('is cold at its first call only, however many wait for its init', async () => {
    const lambda = await start()
    const records = await Promise.all(Array.from({ length: 4 }, () => lambda.invoke()))
    expect(records.filter(({ cold }) => cold)).toHaveLength(1)
    expect(new Set(records.map(({ environmentId }) => environmentId)).size).toBe(1)
    expect((await lambda.invoke()).cold).toBe(false)
  })

  it('gets another one beside it where it is full, and calls are turned away where there may be no more', async () => {
    const lambda = await start({ concurrency: 2, reservedConcurrency: 2 })
    const calls = Array.from({ length: 4 }, () => lambda.invoke({ act: 'sleep', millis: 1000 }))
    await expect(lambda.invoke()).rejects.toThrow(LambdaThrottledError)
    await Promise.all(calls)
    expect(lambda.environments).toMatchObject([{ invocations: 2 }, { invocations: 2 }])
    expect((await lambda.invoke()).outcome).toBe('response')
  })

  it('is initialised ahead of calls where that is asked for', async () => {
    const lambda = await start({ reservedConcurrency: 2 })
    await lambda.provision(2)
    expect(lambda.environments).toMatchObject([
      { state: 'idle', invocations: 0 },
      { state: 'idle', invocations: 0 },
    ])
    await expect(lambda.provision(1)).rejects.toThrow(LambdaThrottledError)
  })

  it('survives the timeout of a call, whose handler goes on while others run', async () => {
    const lines: LogLine[] = []
    const lambda = await start({ timeoutMillis: 1000, onLog: (line) => lines.push(line) })
    const slow = lambda.invoke({ act: 'late', millis: 1500, text: 'still there' })
    const quick = lambda.invoke({ act: 'sleep', millis: 10 })
    expect(await quick).toMatchObject({ outcome: 'response' })
    expect(await slow).toMatchObject({
      outcome: 'timeout',
      error: { errorType: 'Sandbox.Timedout', errorMessage: expect.stringMatching(/timed out after 1.00 seconds/) },
    })
    await expect.poll(() => lines.map(({ text }) => text), { timeout: 10_000 }).toContain('still there')
    expect((await lambda.invoke({ act: 'echo' })).outcome).toBe('response')
    expect(lambda.environments).toHaveLength(1)
  })

  it('reports errors of a call as those of that call', async () => {
    const lambda = await start()
    const [failed, fine] = await Promise.all([lambda.invoke({ act: 'fail' }), lambda.invoke({ hello: 'there' })])
    expect(failed).toMatchObject({ outcome: 'error', error: { errorType: 'TypeError', errorMessage: 'told to' } })
    expect(fine).toMatchObject({ outcome: 'response', response: { hello: 'there' } })
  })

  it('loses a worker that ends, with the calls it had, and goes on with the others', async () => {
    const lambda = await start()
    await lambda.invoke()
    const crash = await lambda.invoke({ act: 'exit', code: 1 })
    expect(crash).toMatchObject({ outcome: 'crash', error: { errorType: 'Runtime.ExitError' } })
    expect(await lambda.invoke({ hello: 'there' })).toMatchObject({ outcome: 'response', cold: false })
  })

  it('ends with its last worker', async () => {
    const lambda = await start({ env: { AWS_LAMBDA_NODEJS_WORKER_COUNT: '1' } })
    const { environmentId } = await lambda.invoke()
    expect(await lambda.invoke({ act: 'exit', code: 1 })).toMatchObject({ outcome: 'crash' })
    await expect.poll(() => lambda.environments.length, { timeout: 10_000 }).toBe(0)
    const next = await lambda.invoke()
    expect(next).toMatchObject({ outcome: 'response', cold: true })
    expect(next.environmentId).not.toBe(environmentId)
  })

  it.each([
    ['init-throws.mjs', 'SyntaxError'],
    ['callback.cjs', 'Runtime.CallbackHandlerDeprecated'],
  ])('whose init fails answers all who wait for it with that (%s)', async (fixture, errorType) => {
    const lambda = await start({}, fixture)
    const records = await Promise.all([lambda.invoke(), lambda.invoke()])
    for (const record of records) expect(record).toMatchObject({ outcome: 'init-error', error: { errorType } })
    expect(lambda.environments).toEqual([])
    await expect(lambda.provision(1)).rejects.toMatchObject({ code: 'LAMBDA_INIT' })
  })

  it('streams beside other calls', async () => {
    const lambda = await start({}, 'streaming.mjs')
    const records = await Promise.all([lambda.invoke({}), lambda.invoke({})])
    for (const { outcome, response } of records) expect([outcome, typeof response]).toEqual(['response', 'string'])
  })

  it('passes on what its workers print, line by line', async () => {
    const lines: LogLine[] = []
    const lambda = await start({ onLog: (line) => lines.push(line) })
    const prints = ['one\ntwo\n', 'three\n'].map((text) => lambda.invoke({ act: 'print', text }))
    await Promise.all(prints)
    await expect.poll(() => lines.map(({ text }) => text).sort(), { timeout: 10_000 }).toEqual(['one', 'three', 'two'])
    expect(new Set(lines.map(({ environmentId }) => environmentId))).toEqual(
      new Set(lambda.environments.map(({ id }) => id)),
    )
  })

  it('is left alone by scaling in while it has a call, and ends where it has none', async () => {
    const lambda = await start({ concurrency: 1 })
    await lambda.provision(1)
    const running = lambda.invoke({ act: 'sleep', millis: 500 })
    await expect.poll(() => lambda.environments.map(({ state }) => state)).toEqual(['running'])
    await lambda.scaleIn()
    expect(await running).toMatchObject({ outcome: 'response' })
    await lambda.scaleIn()
    expect(lambda.environments).toEqual([])
    expect(await lambda.invoke()).toMatchObject({ outcome: 'response', cold: true })
  })

  it('takes all its calls along when it vanishes', async () => {
    const lambda = await start()
    await lambda.provision(1)
    const calls = Array.from({ length: 3 }, () => lambda.invoke({ act: 'never' }))
    await expect.poll(() => lambda.environments[0]?.invocations).toBe(3)
    await lambda.vanish()
    for (const record of await Promise.all(calls)) {
      expect(record).toMatchObject({ outcome: 'crash', error: { errorMessage: expect.stringMatching(/SIGKILL$/) } })
    }
    expect(lambda.environments).toEqual([])
  })

  it('refuses extensions that would hear of every call, and takes those that hear of none', async () => {
    const extensions = [
      ['all', ['INVOKE']],
      ['none', []],
    ]
    const env = { AWS_LAMBDA_NODEJS_WORKER_COUNT: '1', EXTENSIONS: JSON.stringify(extensions) }
    const lambda = await start({ env }, 'extension.mjs')
    const { response } = await lambda.invoke()
    expect(response).toMatchObject({
      answers: [
        [403, 'Extension.InvalidEventType'],
        [200, null],
      ],
    })
    expect(lambda.environments).toMatchObject([{ extensions: ['none'] }])
    await lambda.scaleIn()
    expect(lambda.environments).toEqual([])
  })
})
