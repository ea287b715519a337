import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { RuntimeApi, type RuntimeError } from '../api/runtime-api.js'
import type { Relay, RelayFault } from '../network/relay.js'
import { type EnvironmentContext, openRelay, spawnRuntime } from './context.js'
import { shutdownMillis } from './environment.js'
import { billedSince, exitError, type InitResult, type InvocationResult, killed, timeoutError } from './outcome.js'
import type { EnvironmentProcess, Exit } from './process.js'

/** How a worker thread that ended is reported. */
const workerEnded: RuntimeError = { errorType: 'Runtime.ExitError', errorMessage: 'Runtime worker exited' }

interface RunningInvocation {
  readonly deliveredAt: number
  readonly timer: NodeJS.Timeout
  readonly settle: (result: InvocationResult) => void
}

type State =
  | { name: 'starting'; timer: NodeJS.Timeout; settle: (error?: RuntimeError) => void }
  | { name: 'serving' }
  | { name: 'ending' }
  | { name: 'ended' }

/**
 * One execution environment on Managed Instances: one process with worker threads, which takes many invocations at once and never
 * freezes.
 *
 * It is *starting* until one worker and all extensions have polled, and *serving* until its end. An invocation is over when it is
 * answered, when its worker ends, or at the function's timeout: then the caller hears so, while the handler goes on.
 */
export class ManagedEnvironment {
  readonly id: string = randomUUID()
  readonly process: EnvironmentProcess
  /** Settles when init is over; never rejects. */
  readonly initialised: Promise<InitResult>
  readonly #context: EnvironmentContext<ManagedEnvironment>
  readonly #api: RuntimeApi
  readonly #relay: Relay | undefined
  readonly #ended: Promise<void>
  readonly #running = new Map<string, RunningInvocation>()
  #state: State
  #invocations = 0

  private constructor(context: EnvironmentContext<ManagedEnvironment>, api: RuntimeApi, relay: Relay | undefined) {
    this.#context = context
    this.#api = api
    this.#relay = relay
    const startedAt = performance.now()
    let settle: (error?: RuntimeError) => void = () => {}
    this.initialised = new Promise((resolve) => {
      settle = (error) => resolve({ millis: performance.now() - startedAt, ...(error && { error }) })
    })
    const { initTimeoutMillis } = context.options
    const timer = setTimeout(() => void this.#initFailed(timeoutError('Init', initTimeoutMillis)), initTimeoutMillis)
    this.#state = { name: 'starting', timer, settle }
    this.process = spawnRuntime(context, this.id, api.address, relay)
    this.#ended = this.process.exited.then((exit) => this.#processEnded(exit))
    context.onStarted(this)
  }

  /** Creates an environment and starts its init. */
  static async create(context: EnvironmentContext<ManagedEnvironment>): Promise<ManagedEnvironment> {
    const relay = await openRelay(context)
    const listener = {
      // Nobody can call before the process exists, and it is started by the constructor.
      onInitDone: () => environment.#initDone(),
      onInitError: (error: RuntimeError) => void environment.#initFailed(error),
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

  get extensions(): readonly string[] {
    return this.#api.extensions.names
  }

  /** The state as the outside sees it. */
  get state(): 'starting' | 'running' | 'idle' | 'ending' {
    switch (this.#state.name) {
      case 'starting':
        return 'starting'
      case 'serving':
        return this.#running.size > 0 ? 'running' : 'idle'
      case 'ending':
      case 'ended':
        return 'ending'
      default:
        return this.#state satisfies never
    }
  }

  /** Runs an invocation beside those that are running; resolves when it is over. */
  invoke(requestId: string, payload: string): Promise<InvocationResult> {
    const { timeoutMillis } = this.#context.options
    return new Promise((settle) => {
      const deliveredAt = performance.now()
      if (this.#state.name !== 'serving') {
        // The fleet may end an environment at any time.
        const error = exitError(killed, this.process.lastErrors)
        settle({ outcome: 'crash', error, answeredAt: deliveredAt, billedMillis: 0 })
        return
      }
      const timer = setTimeout(() => this.#timedOut(requestId), timeoutMillis)
      this.#running.set(requestId, { deliveredAt, timer, settle })
      this.#invocations++
      this.#api.deliver({ requestId, payload, deadlineMillis: Date.now() + timeoutMillis })
    })
  }

  /** Ends an idle environment: with a registered extension SIGTERM and the budget, else at once. */
  async shutdown(): Promise<void> {
    if (this.state !== 'idle') return
    if (this.extensions.length === 0) return this.#kill()
    this.#state = { name: 'ending' }
    this.process.terminate()
    const timer = setTimeout(() => void this.#kill(), shutdownMillis)
    await this.#ended
    clearTimeout(timer)
  }

  /** Ends the environment without a word, whatever it is doing. */
  async vanish(): Promise<void> {
    const state = this.#state
    if (state.name === 'starting') clearTimeout(state.timer)
    await this.#kill()
    if (state.name === 'starting') state.settle(exitError(killed, this.process.lastErrors))
  }

  /** Does this to its connections, and says how many there were. */
  strike(fault: RelayFault): number {
    const met = this.#relay?.openServerSides ?? 0
    this.#relay?.strike(fault)
    return met
  }

  #initDone(): void {
    if (this.#state.name !== 'starting') return
    const { timer, settle } = this.#state
    clearTimeout(timer)
    this.#state = { name: 'serving' }
    settle()
  }

  async #initFailed(error: RuntimeError): Promise<void> {
    if (this.#state.name !== 'starting') return
    const { timer, settle } = this.#state
    clearTimeout(timer)
    await this.#kill()
    settle(error)
  }

  #timedOut(requestId: string): void {
    this.#api.giveUp(requestId)
    const { timeoutMillis } = this.#context.options
    const error = timeoutError(`RequestId: ${requestId} Error: Task`, timeoutMillis)
    this.#settle(requestId, { outcome: 'timeout', error })
  }

  #settle(requestId: string, result: Pick<InvocationResult, 'outcome' | 'response' | 'error'>): void {
    const running = this.#running.get(requestId)
    // The end of the process says more than that of its workers, which comes first.
    const isSaidLater = result.error === workerEnded && this.#state.name !== 'serving'
    if (running === undefined || isSaidLater) return
    this.#running.delete(requestId)
    clearTimeout(running.timer)
    running.settle({ ...result, answeredAt: performance.now(), billedMillis: billedSince(running.deliveredAt) })
  }

  async #kill(): Promise<void> {
    if (this.#state.name !== 'ended') {
      this.#state = { name: 'ending' }
      if (this.#context.options.vanish === 'silent') this.#relay?.vanish()
      this.process.kill()
    }
    await this.#ended
  }

  async #processEnded(exit: Exit): Promise<void> {
    const state = this.#state
    this.#state = { name: 'ended' }
    this.#context.onEnded(this)
    this.#relay?.stopListening()
    const error = exitError(exit, this.process.lastErrors)
    for (const requestId of [...this.#running.keys()]) {
      const errorMessage = `RequestId: ${requestId} Error: ${error.errorMessage}`
      this.#settle(requestId, { outcome: 'crash', error: { ...error, errorMessage } })
    }
    await this.#api.close()
    if (state.name === 'starting') {
      clearTimeout(state.timer)
      state.settle(error)
    }
  }
}
