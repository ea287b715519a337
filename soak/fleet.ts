import { setTimeout as pause } from 'node:timers/promises'
import type { LocalLambda, LocalLambdaOptions } from 'pg-thaw/testing'
import type { PoolOptions } from '../src/index'
import type { Random } from '../test/property/support/random'
import { type Entered, type Entry, tasks } from './entry'
import { startLambda } from './lambda'
import type { Site } from './site'

/** How long the server keeps an idle session of the functions, ms. */
export const leaseMillis = 1500

/** Longer than any fault lasts, so that none has a reason to fail a call that waits, ms. */
const timeoutMillis = 30_000

/** Between two calls of a caller, so long its environment is frozen if nobody else calls, ms. */
const shortestGapMillis = 5
const longestGapMillis = 60

/** Callers of one fleet, and so environments that are busy. */
const callers = 4

/** One call that is over. */
export interface Call {
  readonly entry: Entry
  readonly environment: string
  /** By `performance.now()`. */
  readonly began: number
  readonly ended: number
  /** What the function, or Lambda in its place, made of a failure. */
  readonly failed?: Required<Entered>['failed']
  /** Whether its environment was frozen then. */
  readonly isFrozen: boolean
}

/** Hands out keys, none twice. */
export interface Keys {
  next(): number
}

/** Some environments of the function, and callers that keep calling them. */
export class Fleet {
  readonly #lambda: LocalLambda
  readonly #keys: Keys
  readonly #random: Random
  readonly #onCall: (call: Call) => void
  readonly #underWay = new Set<Promise<void>>()
  #callers: Promise<unknown> = Promise.resolve()
  #isOver = false
  #held: Promise<void> | undefined

  private constructor(lambda: LocalLambda, keys: Keys, random: Random, onCall: (call: Call) => void) {
    this.#lambda = lambda
    this.#keys = keys
    this.#random = random
    this.#onCall = onCall
  }

  static async start(
    module: string,
    site: Site,
    pool: PoolOptions,
    lambda: Partial<LocalLambdaOptions>,
    keys: Keys,
    random: Random,
    onCall: (call: Call) => void,
  ): Promise<Fleet> {
    const { host, port } = site.name
    const { env, ...options } = lambda
    const started = await startLambda({
      module,
      database: { host, port },
      vanish: 'silent',
      timeoutMillis,
      initTimeoutMillis: timeoutMillis,
      env: {
        ...site.environment,
        POOL_OPTIONS: JSON.stringify({ leaseMillis, connectionTimeoutMillis: 20_000, ...pool }),
        ...env,
      },
      ...options,
    })
    return new Fleet(started, keys, random, onCall)
  }

  begin(): void {
    this.#callers = Promise.all(Array.from({ length: callers }, () => this.#keepCalling()))
  }

  /** No call begins until what is returned is called; resolves when all environments are frozen. */
  async hold(): Promise<() => void> {
    let go = () => {}
    this.#held = new Promise((resolve) => {
      go = resolve
    })
    await Promise.all(this.#underWay)
    return go
  }

  /** Calls more environments than the callers keep busy, all at once. */
  async burst(size: number): Promise<void> {
    await Promise.all(Array.from({ length: size }, () => this.#call()))
  }

  /** Some frozen environments, as many as there are up to `most`, end without a word. */
  async vanishSome(most: number): Promise<void> {
    const frozen = this.#lambda.environments.filter(({ state }) => state === 'frozen').slice(0, most)
    await this.#lambda.vanish(frozen.map(({ id }) => id))
  }

  /** Ends frozen environments, down to so many, in order. */
  async scaleIn(most: number): Promise<void> {
    const frozen = this.#lambda.environments.filter(({ state }) => state === 'frozen').slice(0, most)
    await this.#lambda.scaleIn(frozen.map(({ id }) => id))
  }

  /** Resolves when no call is under way, and none will be. */
  async stop(): Promise<void> {
    this.#isOver = true
    await this.#callers
  }

  /** All environments end without a word. What their network leaves at the server stays until {@link close}. */
  vanish(): Promise<void> {
    return this.#lambda.vanish()
  }

  async close(): Promise<void> {
    this.#isOver = true
    await this.#lambda.close()
  }

  async #keepCalling(): Promise<void> {
    for (;;) {
      await pause(this.#random.between(shortestGapMillis, longestGapMillis))
      await this.#held
      if (this.#isOver) return
      await this.#call()
    }
  }

  async #call(): Promise<void> {
    const call = this.#record()
    this.#underWay.add(call)
    await call
    this.#underWay.delete(call)
  }

  async #record(): Promise<void> {
    const entry: Entry = { does: this.#random.pick(tasks), keys: [this.#keys.next(), this.#keys.next()] }
    const began = performance.now()
    const { outcome, response, error, environmentId: environment } = await this.#lambda.invoke(entry)
    const isFrozen = outcome === 'response' || outcome === 'error'
    const common = { entry, environment, began, ended: performance.now(), isFrozen }
    const { failed } =
      outcome === 'response' ? (response as Entered) : { failed: ofLambda(outcome, error?.errorMessage) }
    this.#onCall(failed === undefined ? common : { ...common, failed })
  }
}

function ofLambda(outcome: string, message = ''): Required<Entered>['failed'] {
  return { code: outcome, phase: 'function', retry: 'none', message }
}
