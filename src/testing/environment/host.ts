import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { RuntimeApi, RuntimeError } from '../api/runtime-api.js'
import type { Relay, RelayFault } from '../network/relay.js'
import { type EnvironmentContext, spawnRuntime } from './context.js'
import { exitError, type InitResult, timeoutError } from './outcome.js'
import type { EnvironmentProcess, Exit } from './process.js'

/** SIGTERM to SIGKILL, ms, with an internal extension. */
const shutdownMillis = 500

/**
 * What an environment is, however calls come to it: a process, its Runtime API, and its relay to the database; from the begin of its init
 * to its end.
 */
export abstract class Host<Context extends EnvironmentContext<never>> {
  readonly id: string = randomUUID()
  readonly process: EnvironmentProcess
  /** Settles when init is over; never rejects. */
  readonly initialised: Promise<InitResult>
  protected readonly context: Context
  protected readonly api: RuntimeApi
  protected readonly relay: Relay | undefined
  /** Settles when everything of it has ended. */
  readonly #ended: Promise<void>
  /** As long as it lasts. */
  #init: { readonly timer: NodeJS.Timeout; readonly settle: (error?: RuntimeError) => void } | undefined
  /** It is *ending* once it was told or forced to. */
  #phase: 'up' | 'ending' | 'ended' = 'up'

  /** Starts the process. */
  protected constructor(context: Context, api: RuntimeApi, relay: Relay | undefined) {
    this.context = context
    this.api = api
    this.relay = relay
    const startedAt = performance.now()
    const { initTimeoutMillis } = context.options
    const timer = setTimeout(() => void this.failInit(timeoutError('Init', initTimeoutMillis)), initTimeoutMillis)
    this.initialised = new Promise((resolve) => {
      const settle = (error?: RuntimeError) =>
        resolve({ millis: performance.now() - startedAt, ...(error && { error }) })
      this.#init = { timer, settle }
    })
    this.process = spawnRuntime(context, this.id, api.address, relay)
    this.#ended = this.process.exited.then((exit) => this.#processEnded(exit))
  }

  /** Names of the registered extensions. */
  get extensions(): readonly string[] {
    return this.api.extensions.names
  }

  /** Does this to its connections, and says how many there were. */
  strike(fault: RelayFault): number {
    const met = this.relay?.openServerSides ?? 0
    this.relay?.strike(fault)
    return met
  }

  /** What becomes of its calls when the process has ended, however that came about. */
  protected abstract processEnded(exit: Exit): void

  /** It was told or forced to end, or has ended by itself. */
  protected get isEnding(): boolean {
    return this.#phase !== 'up'
  }

  /** Init is over; false where the environment ends instead. */
  protected endInit(): boolean {
    if (this.isEnding) return false
    const init = this.#takeInit()
    init?.settle()
    return init !== undefined
  }

  /** Ends the environment, if it is still in its init, and says why. */
  protected async failInit(error: RuntimeError): Promise<void> {
    const init = this.#takeInit()
    if (init === undefined) return
    await this.kill()
    init.settle(error)
  }

  /** Ends it as AWS does: with a registered extension SIGTERM and the budget, else at once. */
  protected async terminate(): Promise<void> {
    if (this.extensions.length === 0) return this.kill()
    this.#phase = 'ending'
    this.process.terminate()
    const timer = setTimeout(() => void this.kill(), shutdownMillis)
    await this.#ended
    clearTimeout(timer)
  }

  /** Ends it without a word. */
  protected async kill(): Promise<void> {
    if (this.#phase !== 'ended') {
      this.#phase = 'ending'
      if (this.context.options.vanish === 'silent') this.relay?.vanish()
      this.process.kill()
    }
    await this.#ended
  }

  #takeInit() {
    const init = this.#init
    clearTimeout(init?.timer)
    this.#init = undefined
    return init
  }

  async #processEnded(exit: Exit): Promise<void> {
    this.#phase = 'ended'
    this.relay?.stopListening()
    this.processEnded(exit)
    await this.api.close()
    this.#takeInit()?.settle(exitError(exit, this.process.lastErrors))
  }
}
