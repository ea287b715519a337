import { randomUUID } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { RuntimeError } from './api/runtime-api.js'
import type { EnvironmentContext } from './environment/context.js'
import { Environment } from './environment/environment.js'
import { ManagedEnvironment } from './environment/managed-environment.js'
import { SharedEnvironments } from './environment/shared-environments.js'
import { Watchdog } from './environment/watchdog.js'
import { LambdaThrottledError, LocalLambdaError } from './errors.js'
import { identify } from './function-identity.js'
import type { Relay, RelayFault } from './network/relay.js'
import { type LocalLambdaOptions, type ResolvedOptions, resolveOptions } from './options.js'

/** What one call of the function came to. */
export interface InvocationRecord {
  requestId: string
  environmentId: string
  /** First invocation of its environment. */
  cold: boolean
  /**
   * - `'response'`, `'error'`: what the handler came to.
   * - `'timeout'`: the environment was killed at the function's timeout.
   * - `'crash'`: the process ended during the invocation.
   * - `'init-error'`: init failed, or the process ended in it, or it took too long.
   *
   * After the last three the environment is gone. Not so where calls share it (`concurrency`): there the handler goes on after its
   * timeout, and a crash may be that of its worker thread alone.
   */
  outcome: 'response' | 'error' | 'timeout' | 'crash' | 'init-error'
  /**
   * Decoded JSON response when outcome is `'response'` (string for a streamed response). Also there when a timeout or
   * crash came after the response.
   */
  response?: unknown
  /** What the runtime reported otherwise. After a crash `stackTrace` has the last lines written to stderr. */
  error?: RuntimeError
  /** From the call until the response was there (or the failure in its place), including init when cold, ms. */
  latencyMillis: number
  /** From delivery of the event until runtime (and INVOKE extensions) polled again, rounded up to ms; init is not in it. */
  billedMillis: number
  /** Duration of init, ms; only when cold. */
  initMillis?: number
}

/** One environment of the fleet. */
export interface EnvironmentInfo {
  id: string
  pid: number
  /** `'idle'` is what an environment that never freezes (`concurrency`) is between its calls. */
  state: 'starting' | 'running' | 'frozen' | 'idle' | 'ending'
  /** Invocations so far, those that run included. */
  invocations: number
  /** Names of the registered extensions. */
  extensions: readonly string[]
}

/** What went through the relays of all environments. */
export interface NetworkStats {
  /** Connections that were opened so far. */
  connects: number
  /** Sockets to the database that are open now, those of vanished environments included. */
  openServerSides: number
}

/** A Lambda function on this machine: a fleet of environments, each a real process. Linux and macOS. */
export class LocalLambda {
  readonly #options: ResolvedOptions
  readonly #context: EnvironmentContext<Environment | ManagedEnvironment>
  readonly #watchdog = new Watchdog()
  readonly #environments = new Map<string, Environment | ManagedEnvironment>()
  /** Where calls share environments. */
  readonly #shared: SharedEnvironments | undefined
  /** Frozen and waiting for an event, the most recently used last. */
  readonly #idle = new Map<Environment, NodeJS.Timeout>()
  readonly #relays = new Set<Relay>()
  readonly #creating = new Set<Promise<unknown>>()
  #connectsOfClosedRelays = 0
  /** Environments that are not idle, from before their creation on: what concurrency is counted by. */
  #busy = 0
  #closing: Promise<void> | undefined

  private constructor(options: ResolvedOptions) {
    this.#options = options
    this.#context = {
      options,
      identity: identify(options),
      onRelay: (relay) => this.#addRelay(relay),
      onStarted: (environment) => {
        this.#environments.set(environment.id, environment)
        this.#watchdog.watch(environment.process.pid)
      },
      onEnded: (environment) => {
        if (environment instanceof Environment) this.#takeIdle(environment)
        else this.#shared?.forget(environment)
        this.#environments.delete(environment.id)
        this.#watchdog.forget(environment.process.pid)
      },
    }
    const { concurrency, reservedConcurrency } = options
    const start = () => this.#creation(ManagedEnvironment.create(this.#context))
    this.#shared =
      concurrency === undefined ? undefined : new SharedEnvironments(start, concurrency, reservedConcurrency)
  }

  /** @internal */
  static async start(options: LocalLambdaOptions): Promise<LocalLambda> {
    return new LocalLambda(await resolveOptions(options))
  }

  /**
   * Calls the function: the most recently used idle environment, else a new one; with `concurrency` the one with the fewest calls that has
   * room, else a new one. Resolves when the invocation is over and the environment is frozen (or gone), with the outcome, also of a
   * failure.
   * @param payload The event; anything JSON can say. Default null.
   * @throws LambdaThrottledError when `reservedConcurrency` environments are busy.
   * @throws LocalLambdaError `LAMBDA_CLOSED` after `close()`.
   * @throws TypeError when JSON can't say the payload.
   */
  async invoke(payload: unknown = null): Promise<InvocationRecord> {
    const event = JSON.stringify(payload) ?? 'null'
    const calledAt = performance.now()
    if (this.#shared === undefined) {
      return this.#whileBusy(async () => {
        const environment = this.#takeMostRecentlyUsed() ?? (await this.#create())
        const record = await this.#call(environment, event, calledAt)
        this.#addIdle(environment)
        return record
      })
    }
    this.#refuseIfClosed()
    const place = this.#shared.enter()
    try {
      return await this.#call(await place.environment, event, calledAt)
    } finally {
      place.leave()
    }
  }

  /**
   * Initialises environments ahead of their first call, as provisioned concurrency and Managed Instances do, and freezes them (the latter
   * never freeze).
   * @param count How many more. Each counts against `reservedConcurrency` while it starts.
   * @throws LambdaThrottledError, LocalLambdaError as `invoke()`; also when an init fails (`LAMBDA_INIT`).
   */
  async provision(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.#provision()))
  }

  async #provision(): Promise<void> {
    if (this.#shared !== undefined) {
      this.#refuseIfClosed()
      return initialised(await this.#shared.add().starting)
    }
    return this.#whileBusy(async () => {
      const environment = await this.#create()
      await initialised(environment)
      await environment.freeze()
      this.#addIdle(environment)
    })
  }

  /** Snapshot of all environments that exist. */
  get environments(): readonly EnvironmentInfo[] {
    return [...this.#environments.values()].map((environment) => ({
      id: environment.id,
      pid: environment.process.pid,
      state: environment.state,
      invocations: environment.invocations,
      extensions: environment.extensions,
    }))
  }

  /** Snapshot of the traffic with the database; all zero without `database`. */
  get network(): NetworkStats {
    let connects = this.#connectsOfClosedRelays
    let openServerSides = 0
    for (const relay of this.#relays) {
      connects += relay.connects
      openServerSides += relay.openServerSides
    }
    return { connects, openServerSides }
  }

  /**
   * Ends idle environments (all, or those of them that are named): with a registered extension SIGTERM, 500 ms, then
   * SIGKILL; without SIGKILL at once.
   */
  async scaleIn(environmentIds?: readonly string[]): Promise<void> {
    const chosen = this.#choose(environmentIds).filter((environment) =>
      environment instanceof Environment ? this.#takeIdle(environment) : environment.state === 'idle',
    )
    await Promise.all(chosen.map((environment) => environment.shutdown()))
  }

  /**
   * Ends environments (all, or those named) without a word, idle or not and whatever is registered, as when a host
   * fails. A call that runs there ends with outcome `'crash'`.
   */
  async vanish(environmentIds?: readonly string[]): Promise<void> {
    const chosen = this.#choose(environmentIds)
    for (const environment of chosen) if (environment instanceof Environment) this.#takeIdle(environment)
    await Promise.all(chosen.map((environment) => environment.vanish()))
  }

  /**
   * Has the network do this to every open connection of environments (all, or those named), frozen or not.
   * @returns how many connections it met.
   */
  strike(fault: RelayFault, environmentIds?: readonly string[]): number {
    return this.#choose(environmentIds).reduce((met, environment) => met + environment.strike(fault), 0)
  }

  /**
   * Ends everything without a word, also what is running, and closes the relays, including the server sides left open.
   * Idempotent.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** The same as {@link close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#creating)
    await this.vanish()
    await Promise.all([...this.#relays].map((relay) => relay.close()))
    await this.#watchdog.close()
  }

  async #whileBusy<T>(run: () => Promise<T>): Promise<T> {
    this.#refuseIfClosed()
    if (this.#busy >= this.#options.reservedConcurrency) {
      throw new LambdaThrottledError(this.#options.reservedConcurrency)
    }
    this.#busy++
    try {
      return await run()
    } finally {
      this.#busy--
    }
  }

  #refuseIfClosed(): void {
    if (this.#closing) throw new LocalLambdaError('LAMBDA_CLOSED', 'The local Lambda is closed')
  }

  /** One call in an environment that has room for it. */
  async #call(environment: Environment | ManagedEnvironment, event: string, calledAt: number) {
    const requestId = randomUUID()
    const init = await environment.initialised
    const cold = environment.invocations === 0
    const common = { requestId, environmentId: environment.id, cold, ...(cold && { initMillis: init.millis }) }
    if (init.error) {
      const latencyMillis = performance.now() - calledAt
      return { ...common, outcome: 'init-error', error: init.error, latencyMillis, billedMillis: 0 } as const
    }
    const { answeredAt, ...result } = await environment.invoke(requestId, event)
    return { ...common, ...result, latencyMillis: answeredAt - calledAt }
  }

  #create(): Promise<Environment> {
    return this.#creation(Environment.create(this.#context))
  }

  /** What is being created is waited for by `close()`. */
  async #creation<T>(creating: Promise<T>): Promise<T> {
    this.#creating.add(creating)
    try {
      return await creating
    } finally {
      this.#creating.delete(creating)
    }
  }

  #takeMostRecentlyUsed(): Environment | undefined {
    const environment = [...this.#idle.keys()].at(-1)
    if (environment) this.#takeIdle(environment)
    return environment
  }

  #takeIdle(environment: Environment): boolean {
    clearTimeout(this.#idle.get(environment))
    return this.#idle.delete(environment)
  }

  #addIdle(environment: Environment): void {
    if (environment.state !== 'frozen') return
    const timer = setTimeout(() => void this.scaleIn([environment.id]), this.#options.idleLifetimeMillis)
    timer.unref()
    this.#idle.set(environment, timer)
  }

  #choose(ids: readonly string[] | undefined): (Environment | ManagedEnvironment)[] {
    const all = [...this.#environments.values()]
    return ids === undefined ? all : all.filter((environment) => ids.includes(environment.id))
  }

  #addRelay(relay: Relay): void {
    // Those of earlier environments that have nothing open any more can go.
    for (const old of this.#relays) {
      if (!old.isFinished) continue
      this.#connectsOfClosedRelays += old.connects
      this.#relays.delete(old)
    }
    this.#relays.add(relay)
  }
}

/** @throws LocalLambdaError `LAMBDA_INIT` when its init fails. */
async function initialised(environment: Environment | ManagedEnvironment): Promise<void> {
  const { error } = await environment.initialised
  if (error) throw new LocalLambdaError('LAMBDA_INIT', `${error.errorType}: ${error.errorMessage}`)
}

/**
 * Starts a Lambda on this machine: one function, a fleet of environments, each a real child process that is frozen with
 * SIGSTOP between its invocations, or, with `concurrency`, takes many of them at once in worker threads, as Lambda Managed Instances do.
 * Its environments keep this process alive until `close()`, and never outlive it.
 *
 * What differs from AWS: a freeze takes effect within a millisecond of the last poll, a crash in init is not retried,
 * and the machine's clock, memory and processors are shared by all environments.
 * @throws LocalLambdaError `LAMBDA_OPTIONS` for options that can't work.
 */
export function startLambda(options: LocalLambdaOptions): Promise<LocalLambda> {
  return LocalLambda.start(options)
}
