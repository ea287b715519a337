import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { RuntimeApi, type RuntimeError } from '../api/runtime-api.js'
import type { Relay, RelayFault } from '../network/relay.js'
import { type EnvironmentContext, openRelay, spawnRuntime } from './context.js'
import { billedSince, exitError, type InitResult, type InvocationResult, killed, timeoutError } from './outcome.js'
import type { EnvironmentProcess, Exit } from './process.js'

/** SIGTERM to SIGKILL, ms, with an internal extension. */
export const shutdownMillis = 500

interface RunningInvocation {
  readonly requestId: string
  readonly deliveredAt: number
  readonly timer: NodeJS.Timeout
  readonly settle: (result: InvocationResult) => void
  answer?: Omit<InvocationResult, 'billedMillis'>
}

type State =
  | { name: 'starting'; timer: NodeJS.Timeout; settle: (error?: RuntimeError) => void }
  | { name: 'ready' }
  | { name: 'running'; invocation: RunningInvocation }
  | { name: 'freezing' }
  | { name: 'frozen' }
  | { name: 'ending' }
  | { name: 'ended' }

/**
 * One execution environment: one process, its Runtime API, and its relay to the database.
 *
 * It is *starting* until the runtime and all extensions have polled: init is over, and it is *ready*. From there it
 * goes round: *running* while an event is out; *freezing* once everybody who had the event has polled again, until the
 * process has stopped; *frozen* until just before the next event. Only a ready one may skip the freeze, as on demand
 * the event is waiting already. Every way out but one leads through *ending*, in which the process is told or forced
 * to end, to *ended*: a failed init, a timeout, the fleet's order. The one is a process that ends by itself.
 */
export class Environment {
  readonly id: string = randomUUID()
  readonly process: EnvironmentProcess
  /** Settles when init is over; never rejects. */
  readonly initialised: Promise<InitResult>
  readonly #context: EnvironmentContext<Environment>
  readonly #api: RuntimeApi
  readonly #relay: Relay | undefined
  readonly #ended: Promise<void>
  #state: State
  #invocations = 0

  private constructor(context: EnvironmentContext<Environment>, api: RuntimeApi, relay: Relay | undefined) {
    this.#context = context
    this.#api = api
    this.#relay = relay
    const startedAt = performance.now()
    let settle: (error?: RuntimeError) => void = () => {}
    this.initialised = new Promise((resolve) => {
      settle = (error) => resolve({ millis: performance.now() - startedAt, ...(error && { error }) })
    })
    const timer = setTimeout(() => this.#initTimedOut(), context.options.initTimeoutMillis)
    this.#state = { name: 'starting', timer, settle }
    this.process = spawnRuntime(context, this.id, api.address, relay)
    this.#ended = this.process.exited.then((exit) => this.#processEnded(exit))
    context.onStarted(this)
  }

  /** Creates an environment and starts its init. */
  static async create(context: EnvironmentContext<Environment>): Promise<Environment> {
    const relay = await openRelay(context)
    const api = await RuntimeApi.start(context.identity, {
      // Nobody can call before the process exists, and it is started by the constructor.
      onInitDone: () => environment.#initDone(),
      onInitError: (error) => void environment.#initFailed(error),
      onResponse: (_, response) => environment.#answered({ outcome: 'response', response }),
      onError: (_, error) => environment.#answered({ outcome: 'error', error }),
      onInvocationDone: () => void environment.#invocationDone(),
    })
    const environment = new Environment(context, api, relay)
    return environment
  }

  /** Invocations so far, the running one included. */
  get invocations(): number {
    return this.#invocations
  }

  get extensions(): readonly string[] {
    return this.#api.extensions.names
  }

  /** The state as the outside sees it. */
  get state(): 'starting' | 'running' | 'frozen' | 'ending' {
    switch (this.#state.name) {
      case 'starting':
      case 'ready':
        return 'starting'
      case 'running':
      case 'freezing':
        return 'running'
      case 'frozen':
        return 'frozen'
      case 'ending':
      case 'ended':
        return 'ending'
      default:
        return this.#state satisfies never
    }
  }

  /** Runs one invocation in a ready or frozen environment; resolves when it is frozen again, or has ended. */
  invoke(requestId: string, payload: string): Promise<InvocationResult> {
    const { timeoutMillis } = this.#context.options
    return new Promise((settle) => {
      if (this.#state.name !== 'ready' && this.#state.name !== 'frozen') {
        // The fleet may end an environment between its init and its first event.
        settle({
          outcome: 'crash',
          error: exitError(killed, this.process.lastErrors),
          answeredAt: performance.now(),
          billedMillis: 0,
        })
        return
      }
      this.#relay?.thaw()
      this.process.thaw()
      const timer = setTimeout(() => void this.#timedOut(), timeoutMillis)
      const invocation: RunningInvocation = { requestId, deliveredAt: performance.now(), timer, settle }
      this.#state = { name: 'running', invocation }
      this.#invocations++
      this.#api.deliver({ requestId, payload, deadlineMillis: Date.now() + timeoutMillis })
    })
  }

  /** Freezes a ready environment without having run it. */
  async freeze(): Promise<void> {
    if (this.#state.name !== 'ready') throw new Error(`bug: an environment was frozen in state ${this.#state.name}`)
    await this.#freeze()
  }

  /** Ends a frozen environment as AWS does: with a registered extension SIGTERM and the budget, else at once. */
  async shutdown(): Promise<void> {
    if (this.#state.name !== 'frozen') return
    if (this.extensions.length === 0) return this.#kill()
    this.#state = { name: 'ending' }
    this.#relay?.thaw()
    this.process.thaw()
    this.process.terminate()
    const timer = setTimeout(() => void this.#kill(), shutdownMillis)
    await this.#ended
    clearTimeout(timer)
  }

  /** Ends the environment without a word, whatever it is doing. */
  async vanish(): Promise<void> {
    const state = this.#state
    if (state.name === 'running') clearTimeout(state.invocation.timer)
    if (state.name === 'starting') clearTimeout(state.timer)
    await this.#kill()
    if (state.name === 'running') this.#crash(state.invocation, killed)
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
    this.#state = { name: 'ready' }
    settle()
  }

  async #initFailed(error: RuntimeError): Promise<void> {
    if (this.#state.name !== 'starting') return
    const { timer, settle } = this.#state
    clearTimeout(timer)
    await this.#kill()
    settle(error)
  }

  #initTimedOut(): void {
    void this.#initFailed(timeoutError('Init', this.#context.options.initTimeoutMillis))
  }

  #answered(answer: Pick<InvocationResult, 'outcome' | 'response' | 'error'>): void {
    if (this.#state.name === 'running') this.#state.invocation.answer = { ...answer, answeredAt: performance.now() }
  }

  async #invocationDone(): Promise<void> {
    if (this.#state.name !== 'running') return
    const { invocation } = this.#state
    if (invocation.answer === undefined) throw new Error('bug: an invocation was done without an answer')
    clearTimeout(invocation.timer)
    const result = { ...invocation.answer, billedMillis: billedSince(invocation.deliveredAt) }
    await this.#freeze()
    invocation.settle(result)
  }

  async #freeze(): Promise<void> {
    this.#state = { name: 'freezing' }
    await this.process.freeze()
    // Meanwhile it may have been ended.
    if ((this.#state as State).name !== 'freezing') return
    this.#relay?.freeze()
    this.#state = { name: 'frozen' }
  }

  async #timedOut(): Promise<void> {
    if (this.#state.name !== 'running') return
    const { invocation } = this.#state
    const billedMillis = billedSince(invocation.deliveredAt)
    const error = timeoutError(`RequestId: ${invocation.requestId} Error: Task`, this.#context.options.timeoutMillis)
    const answer = invocation.answer ?? { answeredAt: performance.now() }
    await this.#kill()
    invocation.settle({ ...answer, outcome: 'timeout', error, billedMillis })
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
    await this.#api.close()
    if (state.name === 'running') {
      clearTimeout(state.invocation.timer)
      this.#crash(state.invocation, exit)
    }
    if (state.name === 'starting') {
      clearTimeout(state.timer)
      state.settle(exitError(exit, this.process.lastErrors))
    }
  }

  #crash(invocation: RunningInvocation, exit: Exit): void {
    const error = exitError(exit, this.process.lastErrors)
    error.errorMessage = `RequestId: ${invocation.requestId} Error: ${error.errorMessage}`
    const answer = invocation.answer ?? { answeredAt: performance.now() }
    invocation.settle({ ...answer, outcome: 'crash', error, billedMillis: billedSince(invocation.deliveredAt) })
  }
}
