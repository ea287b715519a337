import { AsyncLocalStorage } from 'node:async_hooks'
import { type Clock, elapsedMillis, type Instant, systemClock, type Timer } from '../pool/clock.js'
import { type Environment, environment, isOnLambda } from '../registry/environment.js'
import { Invocation, type TimedContext } from './invocation.js'
import { connectionsToKeep, type InitializationType, REMEMBERED_GAPS } from './keep-policy.js'

/** What is kept free before the function's timeout when its end has to wait for a rollback, ms. */
const END_MARGIN_MILLIS = 50

/**
 * What happens to the environment's pools when an invocation begins and ends. There is one manager per environment, and it works
 * on every pool that lives there, whichever copy of the library made it.
 *
 * The environment is *quiet* while no invocation is open, and Lambda freezes it then, for a millisecond or for minutes. The
 * invocation that ends the quiet wakes the pools, however short it was: connections have died in short freezes too, and asking
 * them costs nothing where the handler does anything else first, and a round trip where it does not. The invocation that ends
 * last leaves behind only what should survive the next freeze. Between invocations that overlap (Managed Instances, or a process
 * that is no Lambda) nothing happens.
 *
 * An invocation may never be ended: a durable function is suspended for good, a callback handler returns without calling back. On
 * Lambda, which runs one at a time, the next one therefore closes what is still open; elsewhere those past their deadline.
 */
export class PoolManager {
  readonly #environment: Environment
  readonly #clock: Clock
  readonly #initialization: InitializationType
  readonly #runsOneAtATime: boolean
  readonly #current = new AsyncLocalStorage<Invocation>()
  readonly #open = new Set<Invocation>()
  #invocations = 0
  readonly #gapsMillis: number[] = []
  #quietSince: Instant

  constructor(clock: Clock = systemClock, within: Environment = environment()) {
    this.#environment = within
    this.#clock = clock
    this.#initialization = (process.env.AWS_LAMBDA_INITIALIZATION_TYPE ?? 'on-demand') as InitializationType
    this.#runsOneAtATime = isOnLambda() && this.#initialization !== 'lambda-managed-instances'
    this.#quietSince = clock.now()
    within.currentInvocation = () => this.current
  }

  /**
   * The invocation that the caller belongs to. A socket keeps the async context of the invocation that dialled it, and so calls
   * back in one that may be over: then it is the only one that is open.
   */
  get current(): Invocation | undefined {
    if (this.isInside) return this.#current.getStore()
    return this.#open.size === 1 ? this.#open.values().next().value : undefined
  }

  /** Whether the caller runs in the async context of an open invocation. */
  get isInside(): boolean {
    const own = this.#current.getStore()
    return own !== undefined && this.#open.has(own)
  }

  /** Opens an invocation. Nothing here waits: what may be stale is validated while the handler runs. */
  begin(context?: TimedContext): Invocation {
    const invocation = new Invocation(this.#clock, context)
    this.#closeAbandoned()
    if (this.#open.size === 0) this.#endQuiet()
    this.#open.add(invocation)
    this.#invocations += 1
    return invocation
  }

  /** Runs `work` inside an invocation: what it acquires is bounded by the invocation's deadline. */
  run<T>(invocation: Invocation, work: () => T): T {
    return this.#current.run(invocation, work)
  }

  /**
   * Closes an invocation. When it was the last open one, checkouts that are still out are reclaimed and idle connections are
   * trimmed to what the keep policy says. Returns a promise only where a rollback is under way, which should not be frozen half
   * done; it resolves before the invocation's deadline.
   */
  end(invocation: Invocation): Promise<void> | undefined {
    if (!this.#open.delete(invocation) || this.#open.size > 0) return undefined
    this.#beginQuiet()
    this.#trim()
    const restoring = [...this.#environment.pools].filter((pool) => pool.isRestoring).map((pool) => pool.restored())
    return restoring.length === 0
      ? undefined
      : this.#trimOnceRestored(restoring, Math.max(0, invocation.remainingMillis() - END_MARGIN_MILLIS))
  }

  #closeAbandoned(): void {
    if (this.#open.size === 0) return
    for (const invocation of this.#open) {
      if (this.#runsOneAtATime || invocation.hasTimedOut) this.#open.delete(invocation)
    }
    if (this.#open.size === 0) this.#beginQuiet()
  }

  #beginQuiet(): void {
    this.#quietSince = this.#clock.now()
    for (const pool of this.#environment.pools) {
      pool.reclaim((invocation) => !this.#open.has(invocation as Invocation))
    }
  }

  #endQuiet(): void {
    // Before the first invocation the environment was being initialised: that is no gap between calls.
    if (this.#invocations > 0) {
      this.#gapsMillis.push(elapsedMillis(this.#quietSince, this.#clock.now()))
      if (this.#gapsMillis.length > REMEMBERED_GAPS) this.#gapsMillis.shift()
    }
    for (const pool of this.#environment.pools) pool.wake()
  }

  #trim(): void {
    for (const pool of this.#environment.pools) {
      const keep = connectionsToKeep({
        pooling: pool.pooling,
        min: pool.min,
        leaseMillis: pool.leaseMillis,
        initialization: this.#initialization,
        invocations: this.#invocations,
        gapsMillis: this.#gapsMillis,
      })
      pool.trim(keep)
    }
  }

  async #trimOnceRestored(restored: Promise<void>[], limitMillis: number): Promise<void> {
    let limit: Timer | undefined
    const passed = new Promise<void>((resolve) => {
      if (limitMillis !== Number.POSITIVE_INFINITY) limit = this.#clock.setTimer(limitMillis, resolve)
    })
    limit?.ref()
    await Promise.race([Promise.all(restored), passed])
    limit?.cancel()
    if (this.#open.size === 0) this.#trim()
  }
}

/** The environment's manager: the same one for every copy of the library. */
export function poolManager(): PoolManager {
  const within = environment()
  within.manager ??= new PoolManager()
  return within.manager as PoolManager
}
