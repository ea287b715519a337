import { LambdaThrottledError } from '../errors.js'
import type { ManagedEnvironment } from './managed-environment.js'

/** A place of one call in an environment that takes several. */
export interface Place {
  readonly environment: Promise<ManagedEnvironment>
  /** The call is over. */
  leave(): void
}

interface Shared {
  readonly starting: Promise<ManagedEnvironment>
  environment: ManagedEnvironment | undefined
  /** Calls that are in it, from before its init on. */
  load: number
}

/**
 * Environments that take several calls at once. A call goes to the one with the fewest; where all are full, another one is started. (AWS
 * starts them by the load of their processors, ahead of calls, and turns calls away until they are there.)
 */
export class SharedEnvironments {
  readonly #all = new Set<Shared>()
  readonly #start: () => Promise<ManagedEnvironment>
  readonly #concurrency: number
  readonly #most: number

  /**
   * @param concurrency Most calls at once in one environment.
   * @param most Most environments.
   */
  constructor(start: () => Promise<ManagedEnvironment>, concurrency: number, most: number) {
    this.#start = start
    this.#concurrency = concurrency
    this.#most = most
  }

  /** @throws LambdaThrottledError when all environments are full, and there may be no more. */
  enter(): Place {
    const [least] = [...this.#all].sort((a, b) => a.load - b.load)
    const shared = least !== undefined && least.load < this.#concurrency ? least : this.add()
    shared.load++
    return { environment: shared.starting, leave: () => void shared.load-- }
  }

  /** One more environment. @throws LambdaThrottledError where there may be no more. */
  add(): Shared {
    if (this.#all.size >= this.#most) throw new LambdaThrottledError(this.#most)
    const shared: Shared = { starting: this.#start(), environment: undefined, load: 0 }
    this.#all.add(shared)
    shared.starting.then(
      (environment) => {
        shared.environment = environment
        // It may have ended at once.
        if (environment.state === 'ending') this.#all.delete(shared)
      },
      () => this.#all.delete(shared),
    )
    return shared
  }

  /** It is ending: no call goes there any more. */
  forget(environment: ManagedEnvironment): void {
    for (const shared of this.#all) if (shared.environment === environment) this.#all.delete(shared)
  }
}
