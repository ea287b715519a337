import { performance } from 'node:perf_hooks'
import { RuntimeApi, type RuntimeError } from '../api/runtime-api.js'
import type { Relay } from '../network/relay.js'
import { type EnvironmentContext, openRelay } from './context.js'
import { Host } from './host.js'
import { billedSince, exitError, type InvocationResult, killed, timeoutError } from './outcome.js'
import type { Exit } from './process.js'

/** How a worker thread that ended is reported. */
const workerEnded: RuntimeError = { errorType: 'Runtime.ExitError', errorMessage: 'Runtime worker exited' }

interface RunningInvocation {
  readonly deliveredAt: number
  readonly timer: NodeJS.Timeout
  readonly settle: (result: InvocationResult) => void
}

/**
 * One execution environment on Managed Instances: one process with worker threads, which takes many invocations at once and never
 * freezes.
 *
 * It is *starting* until one worker and all extensions have polled, and *serving* until its end. An invocation is over when it is
 * answered, when its worker ends, or at the function's timeout: then the caller hears so, while the handler goes on.
 */
export class ManagedEnvironment extends Host<EnvironmentContext<ManagedEnvironment>> {
  readonly #running = new Map<string, RunningInvocation>()
  #isServing = false
  #invocations = 0

  private constructor(context: EnvironmentContext<ManagedEnvironment>, api: RuntimeApi, relay: Relay | undefined) {
    super(context, api, relay)
    context.onStarted(this)
  }

  /** Creates an environment and starts its init. */
  static async create(context: EnvironmentContext<ManagedEnvironment>): Promise<ManagedEnvironment> {
    const relay = await openRelay(context)
    const listener = {
      // Nobody can call before the process exists, and it is started by the constructor.
      onInitDone: () => environment.#initDone(),
      onInitError: (error: RuntimeError) => void environment.failInit(error),
      onResponse: (id: string, response: unknown) => environment.#settle(id, { outcome: 'response', response }),
      onError: (id: string, error: RuntimeError) => environment.#settle(id, { outcome: 'error', error }),
      onInvocationDone: () => {},
      onInvocationLost: (id: string) => environment.#settle(id, { outcome: 'crash', error: workerEnded }),
    }
    const api = await RuntimeApi.start(context.identity, listener, true)
    const environment = new ManagedEnvironment(context, api, relay)
    return environment
  }

  /** Invocations so far, the running ones included. */
  get invocations(): number {
    return this.#invocations
  }

  /** The state as the outside sees it. */
  get state(): 'starting' | 'running' | 'idle' | 'ending' {
    if (this.isEnding) return 'ending'
    if (!this.#isServing) return 'starting'
    return this.#running.size > 0 ? 'running' : 'idle'
  }

  /** Runs an invocation beside those that are running; resolves when it is over. */
  invoke(requestId: string, payload: string): Promise<InvocationResult> {
    const { timeoutMillis } = this.context.options
    return new Promise((settle) => {
      const deliveredAt = performance.now()
      if (!this.#isServing || this.isEnding) {
        // The fleet may end an environment at any time.
        const error = exitError(killed, this.process.lastErrors)
        settle({ outcome: 'crash', error, answeredAt: deliveredAt, billedMillis: 0 })
        return
      }
      const timer = setTimeout(() => this.#timedOut(requestId), timeoutMillis)
      this.#running.set(requestId, { deliveredAt, timer, settle })
      this.#invocations++
      this.api.deliver({ requestId, payload, deadlineMillis: Date.now() + timeoutMillis })
    })
  }

  /** Ends an idle environment: with a registered extension SIGTERM and the budget, else at once. */
  async shutdown(): Promise<void> {
    if (this.state === 'idle') await this.terminate()
  }

  /** Ends the environment without a word, whatever it is doing. */
  vanish(): Promise<void> {
    return this.kill()
  }

  #initDone(): void {
    if (this.endInit()) this.#isServing = true
  }

  #timedOut(requestId: string): void {
    this.api.giveUp(requestId)
    const { timeoutMillis } = this.context.options
    const error = timeoutError(`RequestId: ${requestId} Error: Task`, timeoutMillis)
    this.#settle(requestId, { outcome: 'timeout', error })
  }

  #settle(requestId: string, result: Pick<InvocationResult, 'outcome' | 'response' | 'error'>): void {
    const running = this.#running.get(requestId)
    // The end of the process says more than that of its workers, which comes first.
    const isSaidLater = result.error === workerEnded && this.isEnding
    if (running === undefined || isSaidLater) return
    this.#running.delete(requestId)
    clearTimeout(running.timer)
    running.settle({ ...result, answeredAt: performance.now(), billedMillis: billedSince(running.deliveredAt) })
  }

  protected processEnded(exit: Exit): void {
    this.context.onEnded(this)
    const error = exitError(exit, this.process.lastErrors)
    for (const requestId of [...this.#running.keys()]) {
      const errorMessage = `RequestId: ${requestId} Error: ${error.errorMessage}`
      this.#settle(requestId, { outcome: 'crash', error: { ...error, errorMessage } })
    }
  }
}
