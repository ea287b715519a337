import type { Clock, Instant } from '../../pool/clock.js'
import type { Credentials, CredentialsProvider } from '../../postgres/connection/opening/credentials.js'
import { checkCredentials } from './check.js'
import { type Classify, type CredentialsError, providerFailed, providerTooSlow } from './credentials-error.js'

/** How a fetch ended. */
export type Landing =
  | { readonly how: 'landed'; readonly credentials: Credentials }
  | { readonly how: 'failed'; readonly error: CredentialsError }
  /** Another one took its place: what it may still bring is not wanted any more. */
  | { readonly how: 'superseded' }
  /** It is still under way, but the one who asked did not want to wait any longer. */
  | { readonly how: 'late' }

/** Whom a fetch asks, and what it needs for that. */
export interface FlightTerms {
  readonly provider: CredentialsProvider
  readonly clock: Clock
  readonly classify: Classify
}

/** One call of the provider, for whoever needs its result. It starts at once and ends once. */
export class CredentialFlight {
  readonly fresh: boolean
  readonly began: Instant
  readonly #landing: Promise<Landing>
  readonly #abort = new AbortController()
  readonly #clock: Clock
  #settle: (landing: Landing) => void = () => {}
  #isOpen = true

  /** `ended` is called before those who wait hear of it. */
  constructor(terms: FlightTerms, fresh: boolean, ended: (landing: Landing) => void) {
    const { clock } = terms
    this.fresh = fresh
    this.began = clock.now()
    this.#clock = clock
    this.#landing = new Promise((resolve) => {
      this.#settle = (landing) => {
        if (!this.#isOpen) return
        this.#isOpen = false
        try {
          if (landing.how !== 'superseded') ended(landing)
        } finally {
          resolve(landing)
        }
      }
    })
    void this.#fly(terms)
  }

  supersede(): void {
    this.#settle({ how: 'superseded' })
    this.abandon()
  }

  /** Tells the provider that it may stop. */
  abandon(): void {
    this.#abort.abort()
  }

  /**
   * Waits for the end of it, at most for `patienceMillis`.
   *
   * @throws {CredentialsError} `POOL_CREDENTIALS_TIMEOUT` when `signal` is aborted first; the fetch goes on for the others.
   */
  async landing(signal: AbortSignal, patienceMillis = Number.POSITIVE_INFINITY): Promise<Landing> {
    if (signal.aborted) throw providerTooSlow()
    const { promise, resolve, reject } = resolvers<Landing>()
    const leave = () => reject(providerTooSlow())
    signal.addEventListener('abort', leave, { once: true })
    const patience = Number.isFinite(patienceMillis)
      ? this.#clock.setTimer(patienceMillis, () => resolve({ how: 'late' }))
      : undefined
    void this.#landing.then(resolve)
    try {
      return await promise
    } finally {
      patience?.cancel()
      signal.removeEventListener('abort', leave)
    }
  }

  /** Never before this object is there for the one who asked: not even for a provider that throws at once. */
  async #fly({ provider, classify }: FlightTerms): Promise<void> {
    try {
      await undefined
      const given: unknown = await provider({ fresh: this.fresh, signal: this.#abort.signal })
      this.#settle({ how: 'landed', credentials: checkCredentials(given) })
    } catch (error) {
      this.#settle({ how: 'failed', error: providerFailed(error, classify) })
    }
  }
}

function resolvers<T>(): {
  promise: Promise<T>
  resolve: (value: T) => void
  reject: (error: unknown) => void
} {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}
