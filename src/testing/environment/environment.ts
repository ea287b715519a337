import { performance } from 'node:perf_hooks'
import { RuntimeApi } from '../api/runtime-api.js'
import type { Relay } from '../network/relay.js'
import { type EnvironmentContext, openRelay } from './context.js'
import { Host } from './host.js'
import { billedSince, exitError, type InvocationResult, killed, timeoutError } from './outcome.js'
import type { Exit } from './process.js'

interface RunningInvocation {
  readonly requestId: string
  readonly deliveredAt: number
  readonly timer: NodeJS.Timeout
  readonly settle: (result: InvocationResult) => void
  answer?: Omit<InvocationResult, 'billedMillis'>
}

type State =
  | { name: 'starting' }
  | { name: 'ready' }
  | { name: 'running'; invocation: RunningInvocation }
  | { name: 'freezing' }
  | { name: 'frozen' }
  | { name: 'over' }

/**
 * One execution environment, which has one event at a time, and is frozen between them.
 *
 * It is *starting* until the runtime and all extensions have polled: init is over, and it is *ready*. From there it
 * goes round: *running* while an event is out; *freezing* once everybody who had the event has polled again, until the
 * process has stopped; *frozen* until just before the next event. Only a ready one may skip the freeze, as on demand
 * the event is waiting already. It is *over* once it is told or forced to end (a timeout, the fleet's order), or has ended by itself.
 */
export class Environment extends Host<EnvironmentContext<Environment>> {
  #state: State = { name: 'starting' }
  #invocations = 0

  private constructor(context: EnvironmentContext<Environment>, api: RuntimeApi, relay: Relay | undefined) {
    super(context, api, relay)
    context.onStarted(this)
  }

  /** Creates an environment and starts its init. */
  static async create(context: EnvironmentContext<Environment>): Promise<Environment> {
    const relay = await openRelay(context)
    const api = await RuntimeApi.start(context.identity, {
      // Nobody can call before the process exists, and it is started by the constructor.
      onInitDone: () => environment.#initDone(),
      onInitError: (error) => void environment.failInit(error),
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

  /** The state as the outside sees it. */
  get state(): 'starting' | 'running' | 'frozen' | 'ending' {
    if (this.isEnding) return 'ending'
    switch (this.#state.name) {
      case 'starting':
      case 'ready':
        return 'starting'
      case 'running':
      case 'freezing':
        return 'running'
      case 'frozen':
        return 'frozen'
      case 'over':
        return 'ending'
      default:
        return this.#state satisfies never
    }
  }

  /** Runs one invocation in a ready or frozen environment; resolves when it is frozen again, or has ended. */
  invoke(requestId: string, payload: string): Promise<InvocationResult> {
    const { timeoutMillis } = this.context.options
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
      this.relay?.thaw()
      this.process.thaw()
      const timer = setTimeout(() => void this.#timedOut(), timeoutMillis)
      const invocation: RunningInvocation = { requestId, deliveredAt: performance.now(), timer, settle }
      this.#state = { name: 'running', invocation }
      this.#invocations++
      this.api.deliver({ requestId, payload, deadlineMillis: Date.now() + timeoutMillis })
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
    this.#state = { name: 'over' }
    if (this.extensions.length > 0) {
      this.relay?.thaw()
      this.process.thaw()
    }
    await this.terminate()
  }

  /** Ends the environment without a word, whatever it is doing. */
  async vanish(): Promise<void> {
    const state = this.#state
    if (state.name === 'running') clearTimeout(state.invocation.timer)
    await this.#kill()
    if (state.name === 'running') this.#crash(state.invocation, killed)
  }

  #initDone(): void {
    if (this.endInit()) this.#state = { name: 'ready' }
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
    this.relay?.freeze()
    this.#state = { name: 'frozen' }
  }

  async #timedOut(): Promise<void> {
    if (this.#state.name !== 'running') return
    const { invocation } = this.#state
    const billedMillis = billedSince(invocation.deliveredAt)
    const error = timeoutError(`RequestId: ${invocation.requestId} Error: Task`, this.context.options.timeoutMillis)
    const answer = invocation.answer ?? { answeredAt: performance.now() }
    await this.#kill()
    invocation.settle({ ...answer, outcome: 'timeout', error, billedMillis })
  }

  #kill(): Promise<void> {
    this.#state = { name: 'over' }
    return this.kill()
  }

  protected processEnded(exit: Exit): void {
    const state = this.#state
    this.#state = { name: 'over' }
    this.context.onEnded(this)
    if (state.name !== 'running') return
    clearTimeout(state.invocation.timer)
    this.#crash(state.invocation, exit)
  }

  #crash(invocation: RunningInvocation, exit: Exit): void {
    const error = exitError(exit, this.process.lastErrors)
    error.errorMessage = `RequestId: ${invocation.requestId} Error: ${error.errorMessage}`
    const answer = invocation.answer ?? { answeredAt: performance.now() }
    invocation.settle({ ...answer, outcome: 'crash', error, billedMillis: billedSince(invocation.deliveredAt) })
  }
}
