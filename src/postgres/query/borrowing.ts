import type { Checkout } from '../../pool/checkout.js'
import { systemClock } from '../../pool/clock.js'
import { PoolError, type Retry } from '../../pool/errors.js'
import type { ResourcePool } from '../../pool/resource-pool.js'
import { type CurrentInvocation, type Environment, environment } from '../../registry/environment.js'
import type { CredentialSource } from '../connection/credential-source.js'
import { giveUp, type PgClient } from '../connection/pg-client.js'
import { wrongValue } from '../options/option-checks.js'
import type { ResolvedOptions } from '../options/options.js'
import { Borrower } from './borrower.js'
import { Deadlines } from './deadlines.js'
import { type InstrumentedPool, isInstrumented } from './instrumented-pool.js'

/**
 * How connections are borrowed: each within the deadline of the invocation that asks, and until that, or a signal, cuts its borrower off.
 */
export class Borrowing {
  readonly deadlines: Deadlines
  readonly #pool: ResourcePool<PgClient>
  readonly #instrumented: InstrumentedPool
  readonly #credentials: CredentialSource | undefined
  readonly #options: ResolvedOptions
  readonly #environment: Environment = environment()

  constructor(
    pool: ResourcePool<PgClient>,
    instrumented: InstrumentedPool,
    credentials: CredentialSource | undefined,
    options: ResolvedOptions,
  ) {
    this.#pool = pool
    this.#instrumented = instrumented
    this.#credentials = credentials
    this.#options = options
    this.deadlines = new Deadlines(systemClock, options.deadlineMarginMillis, (invocation) =>
      this.#cutOff(
        (it) => it.invocation === invocation,
        () => deadlineError('unknown'),
      ),
    )
  }

  /** Nothing outside of an invocation, as long as nobody asks for stacks or may abort it. */
  borrower(signal?: AbortSignal): Borrower | undefined {
    const invocation = this.#invocation()
    if (invocation !== undefined) this.deadlines.watch(invocation)
    const { leakDetection } = this.#options
    const isPlain = invocation === undefined && !leakDetection && signal === undefined
    return isPlain ? undefined : new Borrower(invocation, leakDetection)
  }

  /** Without a promise where a connection can be lent as it is. */
  checkOut(
    borrower: Borrower | undefined,
    share: boolean,
    signal: AbortSignal | undefined,
  ): Checkout<PgClient> | Promise<Checkout<PgClient>> {
    if (borrower?.invocation !== undefined && this.deadlines.hasPassed(borrower.invocation)) {
      return Promise.reject(deadlineError('safe'))
    }
    if (signal !== undefined && !(signal instanceof AbortSignal)) {
      return Promise.reject(wrongValue('signal', 'an AbortSignal', signal))
    }
    this.#credentials?.refreshAhead()
    if (isInstrumented() && !this.#pool.ended)
      return this.#instrumented.connect(() => this.#acquire(borrower, share, signal))
    const checkout = signal?.aborted ? undefined : this.#pool.tryAcquire(borrower, share)
    return checkout ?? this.#acquire(borrower, share, signal)
  }

  /** While `work` is under way, the signal cuts its borrower off. */
  abortable<T>(work: Promise<T>, borrower: Borrower | undefined, signal: AbortSignal | undefined): Promise<T> {
    if (signal === undefined) return work
    const abort = () => {
      const { reason: cause } = signal
      this.#cutOff(
        (it) => it === borrower,
        () => new PoolError('POOL_QUERY_ABORTED', 'the query was aborted', { cause, retry: 'unknown' }),
      )
    }
    // Perhaps since it was last asked.
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    return work.finally(() => signal.removeEventListener('abort', abort))
  }

  /** How long the invocation in which this is asked has, ms. */
  remainingMillis(): number {
    const invocation = this.#invocation()
    return invocation === undefined ? Number.POSITIVE_INFINITY : this.deadlines.remainingMillis(invocation)
  }

  /**
   * Ends what borrowers are doing, at once: their queries are rejected and cancelled on the server, their connections closed. Where
   * others use the connection at the same time, theirs are left alone, and the query is only rejected. Each hears of it in an error of
   * its own, which says who asked.
   */
  #cutOff(whom: (borrower: Borrower) => boolean, failure: () => PoolError): void {
    const cut = new Set<Borrower>()
    const isMeant = (label: unknown) => {
      if (!(label instanceof Borrower) || !whom(label)) return false
      cut.add(label)
      return true
    }
    const reclaimed = this.#pool.reclaim(isMeant, 'leave')
    for (const borrower of cut) borrower.cutOff(failure())
    // The socket closes only once the server has been asked to cancel: a pooler forgets whose query it was when its client is gone. Where
    // the network is down that is too late for a rollback that the borrower sends after its query.
    for (const { resource } of reclaimed) giveUp(resource, failure())
  }

  #acquire(
    borrower: Borrower | undefined,
    share: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Checkout<PgClient>> {
    const timeoutMillis = Math.min(this.#options.connectionTimeoutMillis, this.remainingMillis())
    return this.#pool.acquire({ timeoutMillis, signal, share, label: borrower })
  }

  #invocation(): CurrentInvocation | undefined {
    return this.#environment.currentInvocation?.()
  }
}

function deadlineError(retry: Retry): PoolError {
  const text = 'the invocation is about to be timed out: what was asked of the database is cut off'
  return new PoolError('POOL_QUERY_TIMEOUT', text, { retry })
}
