import { fileURLToPath } from 'node:url'
import {
  type InvocationRecord,
  LambdaThrottledError,
  type LocalLambda,
  type LocalLambdaOptions,
  type LogLine,
  startLambda,
} from 'pg-thaw/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { children, processState } from './fixtures/children.js'

const started: LocalLambda[] = []

async function start(fixture: string, options: Partial<LocalLambdaOptions> = {}): Promise<LocalLambda> {
  const module = fileURLToPath(new URL(`./fixtures/${fixture}`, import.meta.url))
  const lambda = await startLambda({ module, ...options })
  started.push(lambda)
  return lambda
}

afterEach(async () => {
  await Promise.all(started.splice(0).map((lambda) => lambda.close()))
  expect(children()).toEqual([])
})

describe('an environment', () => {
  it('is cold at its first call and warm at any later one', async () => {
    const lambda = await start('acts.mjs')
    const first = await lambda.invoke({ hello: 'there' })
    const second = await lambda.invoke()
    expect(first).toMatchObject({ outcome: 'response', cold: true, response: { hello: 'there' } })
    expect(first.initMillis).toBeGreaterThan(0)
    expect(first.latencyMillis).toBeGreaterThan(first.initMillis ?? 0)
    expect(second).toMatchObject({
      outcome: 'response',
      cold: false,
      environmentId: first.environmentId,
      response: null,
    })
    expect(second.initMillis).toBeUndefined()
    expect(second.requestId).not.toBe(first.requestId)
  })

  it('stands still between calls, while the clock goes on', async () => {
    const lambda = await start('acts.mjs')
    const before = (await lambda.invoke({ act: 'ticks' })).response as number
    const [environment] = lambda.environments
    expect(environment?.state).toBe('frozen')
    expect(processState(environment?.pid ?? 0)).toBe('T')
    const clock = (await lambda.invoke({ act: 'now' })).response as number
    await new Promise((resolve) => setTimeout(resolve, 400))
    const after = (await lambda.invoke({ act: 'ticks' })).response as number
    // 400 ms would be 80 ticks; the calls themselves run for a few.
    expect(after - before).toBeLessThan(40)
    expect(((await lambda.invoke({ act: 'now' })).response as number) - clock).toBeGreaterThanOrEqual(399)
  })

  it('sees the variables of AWS and its own, and nothing of this process', async () => {
    process.env.PGPASSWORD = 'leaks'
    try {
      const lambda = await start('acts.mjs', { env: { STAGE: 'test' }, initializationType: 'provisioned-concurrency' })
      const env = (await lambda.invoke({ act: 'env' })).response as Record<string, string>
      expect(env).toMatchObject({
        STAGE: 'test',
        AWS_LAMBDA_FUNCTION_NAME: 'acts',
        AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
        AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
        AWS_LAMBDA_INITIALIZATION_TYPE: 'provisioned-concurrency',
        AWS_EXECUTION_ENV: `AWS_Lambda_nodejs${process.versions.node.split('.')[0]}.x`,
        AWS_REGION: 'us-east-1',
        _HANDLER: 'acts.handler',
        AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/acts',
      })
      expect(env.AWS_LAMBDA_RUNTIME_API).toMatch(/^127\.0\.0\.1:\d+$/)
      expect(Object.keys(env).filter((key) => key.startsWith('PG') || key.startsWith('npm_'))).toEqual([])
    } finally {
      delete process.env.PGPASSWORD
    }
  })

  it('hands its handler a context with the deadline', async () => {
    const lambda = await start('acts.mjs', { timeoutMillis: 700 })
    const record = await lambda.invoke({ act: 'context' })
    const context = record.response as Record<string, unknown>
    expect(context).toMatchObject({
      awsRequestId: record.requestId,
      functionName: 'acts',
      functionVersion: '$LATEST',
      invokedFunctionArn: expect.stringMatching(/^arn:aws:lambda:.*:function:acts$/),
      memoryLimitInMB: '128',
      callbackWaitsForEmptyEventLoop: true,
    })
    expect(context.left).toBeGreaterThan(500)
    expect(context.left).toBeLessThanOrEqual(700)
  })

  it('passes on what it prints, line by line', async () => {
    const lines: LogLine[] = []
    const lambda = await start('acts.mjs', { onLog: (line) => lines.push(line) })
    const { environmentId } = await lambda.invoke({ act: 'print', text: 'one\ntwo\n' })
    await lambda.close()
    expect(lines).toEqual([
      { environmentId, stream: 'stdout', text: 'one' },
      { environmentId, stream: 'stdout', text: 'two' },
    ])
  })

  it('is initialised ahead of its first call when it is provisioned', async () => {
    const lambda = await start('acts.mjs')
    await lambda.provision(2)
    expect(lambda.environments.map(({ state, invocations }) => [state, invocations])).toEqual([
      ['frozen', 0],
      ['frozen', 0],
    ])
    const record = await lambda.invoke()
    expect(record.cold).toBe(true)
    expect(record.latencyMillis).toBeLessThan(record.initMillis ?? 0)
  })
})

describe('a failure', () => {
  it('of the handler leaves the environment warm', async () => {
    const lambda = await start('acts.mjs')
    const failed = await lambda.invoke({ act: 'fail' })
    expect(failed).toMatchObject({ outcome: 'error', error: { errorType: 'TypeError', errorMessage: 'told to' } })
    expect(failed.error?.stackTrace?.join()).toContain('acts.mjs')
    expect(await lambda.invoke()).toMatchObject({ cold: false, environmentId: failed.environmentId })
  })

  it('to answer in time kills the environment, and the next call is cold', async () => {
    const lambda = await start('acts.mjs', { timeoutMillis: 150 })
    const late = await lambda.invoke({ act: 'sleep', millis: 5_000 })
    expect(late).toMatchObject({ outcome: 'timeout', error: { errorType: 'Sandbox.Timedout' } })
    expect(late.error?.errorMessage).toContain('Task timed out after 0.15 seconds')
    expect(late.billedMillis).toBeGreaterThanOrEqual(150)
    expect(late.billedMillis).toBeLessThan(1_000)
    expect(lambda.environments).toEqual([])
    expect(await lambda.invoke()).toMatchObject({ cold: true, outcome: 'response' })
  })

  it('of the process is a crash, and the next call is cold', async () => {
    const lambda = await start('acts.mjs')
    const crashed = await lambda.invoke({ act: 'exit', code: 7 })
    expect(crashed).toMatchObject({ outcome: 'crash', error: { errorType: 'Runtime.ExitError' } })
    expect(crashed.error?.errorMessage).toContain('exit status 7')
    expect(await lambda.invoke()).toMatchObject({ cold: true, outcome: 'response' })
  })

  it('that nobody handles ends the process', async () => {
    const lambda = await start('acts.mjs')
    const crashed = await lambda.invoke({ act: 'reject' })
    expect(crashed.outcome).toBe('crash')
    expect(crashed.error?.stackTrace?.join('\n')).toContain('nobody listens')
  })

  it('to settle at all is an error once the event loop is empty', async () => {
    const lambda = await start('acts.mjs')
    const record = await lambda.invoke({ act: 'never' })
    expect(record).toMatchObject({ outcome: 'error', error: { errorType: 'Runtime.NodeJsExit' } })
    expect(await lambda.invoke()).toMatchObject({ cold: false, outcome: 'response' })
  })

  it('in init is told with its cause, and leaves no environment', async () => {
    const lambda = await start('init-throws.mjs')
    const record = await lambda.invoke()
    expect(record).toMatchObject({
      outcome: 'init-error',
      cold: true,
      error: { errorType: 'SyntaxError', errorMessage: 'not today' },
    })
    expect(lambda.environments).toEqual([])
  })

  it('in init may be a process that ends, or one that takes too long', async () => {
    const exits = await start('init-exits.mjs')
    expect((await exits.invoke()).error?.errorMessage).toContain('exit status 3')
    const hangs = await start('init-hangs.mjs', { initTimeoutMillis: 200 })
    expect(await hangs.invoke()).toMatchObject({ outcome: 'init-error', error: { errorType: 'Sandbox.Timedout' } })
    const missing = await start('acts.mjs', { exportName: 'nothing' })
    expect((await missing.invoke()).error?.errorType).toBe('Runtime.HandlerNotFound')
    await expect(missing.provision(1)).rejects.toMatchObject({ code: 'LAMBDA_INIT' })
  })
})

/** AWS's runtime for Node.js 24 has no callbacks any more. */
const takesCallbacks = Number.parseInt(process.versions.node, 10) < 24

describe('a handler', () => {
  const mayAnswer = async () => {
    const lambda = await start('callback.cjs')
    const atOnce = await lambda.invoke({ waits: false })
    expect(atOnce).toMatchObject({ outcome: 'response', response: { echoed: { waits: false } } })
    expect(atOnce.billedMillis).toBeLessThan(120)
    const later = await lambda.invoke({ waits: true })
    expect(later.outcome).toBe('response')
    expect(later.billedMillis).toBeGreaterThanOrEqual(140)
    expect(await lambda.invoke({ fails: true })).toMatchObject({ outcome: 'error', error: { errorType: 'RangeError' } })
    expect(await lambda.invoke({ forgets: true })).toMatchObject({ outcome: 'response', response: null })
  }
  const mayNot = async () => {
    const lambda = await start('callback.cjs')
    expect(await lambda.invoke({})).toMatchObject({
      outcome: 'init-error',
      error: { errorType: 'Runtime.CallbackHandlerDeprecated' },
    })
  }

  // nodejs24.x knows none.
  if (takesCallbacks) it('may answer by callback, at once or when the event loop is empty', mayAnswer)
  else it('can not answer by callback', mayNot)

  it('may stream its response', async () => {
    const lambda = await start('streaming.mjs')
    expect(await lambda.invoke({})).toMatchObject({ outcome: 'response', response: 'one two three' })
    const withPrelude = await lambda.invoke({ prelude: true })
    expect(withPrelude.response).toBe(`{"statusCode":201}${'\0'.repeat(8)}one two three`)
    for (const event of [{ failsBefore: true }, { failsAmid: true }]) {
      expect(await lambda.invoke(event)).toMatchObject({ outcome: 'error', error: { errorType: 'Error' } })
    }
    expect(await lambda.invoke({})).toMatchObject({ cold: false, response: 'one two three' })
  })

  it('may be CommonJS in a .js file, as its package says', async () => {
    const lambda = await start('module-type.js')
    expect((await lambda.invoke()).response).toBe('function')
  })
})

describe('a fleet', () => {
  it('grows with concurrent calls, and prefers the environment used last', async () => {
    const lambda = await start('acts.mjs')
    const burst: InvocationRecord[] = []
    // In the order in which they come back: a call is over when its environment is frozen.
    const running = [20, 200, 90].map((millis) => lambda.invoke({ act: 'sleep', millis }).then((it) => burst.push(it)))
    await Promise.all(running)
    expect(new Set(burst.map(({ environmentId }) => environmentId)).size).toBe(3)
    expect(burst.every(({ cold }) => cold)).toBe(true)
    const next = await lambda.invoke()
    expect(next.environmentId).toBe(burst.at(-1)?.environmentId)
    expect((await lambda.invoke()).environmentId).toBe(next.environmentId)
    expect(lambda.environments).toHaveLength(3)
  })

  it('throttles beyond its reserved concurrency, and recovers', async () => {
    const lambda = await start('acts.mjs', { reservedConcurrency: 2 })
    const running = [1, 2].map(() => lambda.invoke({ act: 'sleep', millis: 100 }))
    const throttled = lambda.invoke()
    await expect(throttled).rejects.toBeInstanceOf(LambdaThrottledError)
    await expect(throttled).rejects.toMatchObject({ code: 'LAMBDA_THROTTLED', reservedConcurrency: 2 })
    await Promise.all(running)
    expect((await lambda.invoke()).outcome).toBe('response')
  })

  it('gives up environments that are idle for too long', async () => {
    const lambda = await start('acts.mjs', { idleLifetimeMillis: 150 })
    const first = await lambda.invoke()
    const second = await lambda.invoke()
    expect(second.environmentId).toBe(first.environmentId)
    await expect.poll(() => lambda.environments, { timeout: 5_000 }).toEqual([])
    expect((await lambda.invoke()).cold).toBe(true)
  })

  it('loses named environments or all, and a running call is told', async () => {
    const lambda = await start('acts.mjs', { timeoutMillis: 10_000 })
    await lambda.provision(2)
    const [first, second] = lambda.environments
    await lambda.vanish([first?.id ?? ''])
    expect(lambda.environments.map(({ id }) => id)).toEqual([second?.id])
    const running = lambda.invoke({ act: 'sleep', millis: 8_000 })
    await expect.poll(() => lambda.environments[0]?.state).toBe('running')
    // Scaling in is for idle ones.
    await lambda.scaleIn()
    expect(lambda.environments).toHaveLength(1)
    await lambda.vanish()
    expect(await running).toMatchObject({ outcome: 'crash', environmentId: second?.id })
  })

  it('notices a frozen environment that somebody else killed', async () => {
    const lambda = await start('acts.mjs')
    await lambda.invoke()
    process.kill(lambda.environments[0]?.pid ?? 0, 'SIGKILL')
    await expect.poll(() => lambda.environments, { timeout: 5_000 }).toEqual([])
    expect((await lambda.invoke()).cold).toBe(true)
  })

  it('refuses calls after its close, which ends what is running and may be repeated', async () => {
    const lambda = await start('acts.mjs', { timeoutMillis: 10_000 })
    const running = lambda.invoke({ act: 'sleep', millis: 8_000 })
    await Promise.all([lambda.close(), lambda.close()])
    expect((await running).outcome).toMatch(/crash|init-error/)
    await expect(lambda.invoke()).rejects.toMatchObject({ code: 'LAMBDA_CLOSED' })
  })
})
