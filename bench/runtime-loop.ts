import { randomUUID } from 'node:crypto'
import { dirname, join } from 'node:path'
import { RuntimeApi, type RuntimeError } from '../src/testing/api/runtime-api.js'
import { EnvironmentProcess } from '../src/testing/environment/process.js'
import { environmentVariables, identify } from '../src/testing/function-identity.js'
import { resolveOptions } from '../src/testing/options.js'

/**
 * One environment of the local Lambda that is never frozen: the runtime of `pg-thaw/testing` in a process of its own, which gets its
 * next event when it asks for it.
 */
export interface RuntimeLoop {
  /** Resolves when the runtime has asked for the next event. */
  call(event: object): Promise<Answer>
  [Symbol.asyncDispose](): Promise<void>
}

export interface Answer {
  readonly response: unknown
  /** From handing the event to the runtime until it asks for the next one. */
  readonly millis: number
}

interface Settle {
  resolve(): void
  reject(reason: unknown): void
}

export async function startRuntimeLoop(
  root: string,
  given: { module: string; env: Record<string, string> },
): Promise<RuntimeLoop> {
  const options = await resolveOptions(given)
  const identity = identify(options)
  let waiting: Settle | undefined
  let response: unknown
  const fail = (reason: RuntimeError | string) =>
    waiting?.reject(new Error(`a call failed: ${typeof reason === 'string' ? reason : reason.errorMessage}`))
  const next = () =>
    new Promise<void>((resolve, reject) => {
      waiting = { resolve, reject }
    })
  const api = await RuntimeApi.start(identity, {
    onInitDone: () => waiting?.resolve(),
    onInitError: fail,
    onResponse: (it) => {
      response = it
    },
    onError: fail,
    onInvocationDone: () => waiting?.resolve(),
  })
  const initialised = next()
  const environment = new EnvironmentProcess({
    command: options.nodePath,
    args: [join(root, 'dist', 'testing', 'runtime.js'), options.module, options.exportName],
    env: environmentVariables(identity, options, api.address),
    cwd: dirname(options.module),
    onLine: () => {},
  })
  void environment.exited.then(() => fail(environment.lastErrors.join('\n')))
  const close = async () => {
    environment.kill()
    await environment.exited
    await api.close()
  }
  await initialised.catch((error: unknown) => close().then(() => Promise.reject(error)))
  return {
    async call(event) {
      const done = next()
      const began = performance.now()
      const deadlineMillis = Date.now() + options.timeoutMillis
      api.deliver({ requestId: randomUUID(), payload: JSON.stringify(event), deadlineMillis })
      await done
      return { response, millis: performance.now() - began }
    },
    [Symbol.asyncDispose]: close,
  }
}
