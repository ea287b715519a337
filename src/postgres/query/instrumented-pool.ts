import pg from 'pg'
import type { Checkout } from '../../pool/slot.js'
import type { PgClient } from '../connection/pg-client.js'
import type { Borrowing } from './borrowing/borrowing.js'
import { lentClient } from './lent/lent-client.js'

type Release = (discard?: Error | boolean) => void
type Callback = (error: Error | undefined, client?: unknown, release?: Release) => void
type Acquire = () => Promise<Checkout<PgClient>>

/** Found once: every query asks whether it is watched. */
const WATCHED = pg.Pool.prototype

/**
 * Whether something watches pg's pools. Instrumentations such as OpenTelemetry's and Datadog's wrap `connect` and `end` on the prototype
 * of pg-pool's class; to be seen by them, a pool has to pass through there. The methods of a class have no `prototype`, the functions
 * that are put in their place have one.
 */
export function isInstrumented(): boolean {
  return 'prototype' in WATCHED.connect || 'prototype' in WATCHED.end
}

/**
 * Passes a pool's acquires through pg-pool's own `connect`, for those who watch it. pg-pool finds a pool that is never full and has
 * nothing idle, so it always asks for a new client, in the same tick; it gets what `acquire` lends.
 */
export class InstrumentedPool {
  readonly #pool: pg.Pool
  readonly #borrowing: () => Borrowing
  /** What was asked of pg-pool's `connect` and has not come back as a new client. */
  readonly #asked: Acquire[] = []
  /** The checkout behind each `release` that went through the watchers. */
  readonly #checkouts = new WeakMap<Release, Checkout<PgClient>>()

  constructor(pool: pg.Pool, borrowing: () => Borrowing) {
    this.#pool = pool
    this.#borrowing = borrowing
    // Not enumerable: they are pg-pool's side of this object, and nobody else's.
    Object.defineProperties(pool, {
      _isFull: { value: () => false },
      _pulseQueue: { value: () => {} },
      newClient: { value: ({ callback }: { readonly callback: Callback }) => this.#newClient(callback) },
    })
  }

  connect(acquire: Acquire): Promise<Checkout<PgClient>> {
    return new Promise((resolve, reject) => {
      this.#asked.push(acquire)
      WATCHED.connect.call(this.#pool, (error, _client, release) => {
        const checkout = this.#checkouts.get(release)
        if (checkout === undefined) reject(error)
        else resolve(checkout)
      })
    })
  }

  /** Tells the watchers that the pool is ending; ending it is not theirs. */
  end(): void {
    WATCHED.end.call(this.#pool, () => {})
  }

  #newClient(callback: Callback): void {
    this.#asked
      .shift()?.()
      .then(
        (checkout) => {
          const client = lentClient(checkout, this.#borrowing())
          this.#checkouts.set(client.release, checkout)
          callback(undefined, client, client.release)
        },
        (error: Error) => callback(error, undefined, () => {}),
      )
  }
}
