import pg, { type QueryResult } from 'pg'
import { PoolError } from '../../pool/errors.js'
import type { ResourcePool } from '../../pool/resource-pool.js'
import type { Checkout } from '../../pool/slot.js'
import { type Environment, environment } from '../../registry/environment.js'
import { reportLoss } from '../connection/loss.js'
import type { PgClient } from '../connection/pg-client.js'
import type { Borrower } from './borrower.js'
import type { Borrowing } from './borrowing.js'
import { FanOut, type FanOutTerms, type SharedLoan } from './fan-out.js'
import { type LentClient, PLAIN } from './lent-client.js'
import { endsSession, explained, neverRan, tellRetry } from './retry.js'
import { isShareable } from './shareable.js'
import { serialised } from './values.js'

/** How often a query that certainly never ran, or may run twice, is tried again. */
const MOST_RERUNS = 2

/** One query that was asked of the pool. */
export interface Ask {
  readonly text: unknown
  readonly values: unknown
  readonly borrower: Borrower | undefined
  readonly reruns: number
}

/**
 * Runs single queries, each on a connection of its own, or on one that it shares ({@link FanOut}).
 *
 * On a warm, fit, idle connection that is one checkout, one write, one answer and one release, and nothing beside them that the
 * caller does not see. Everything else (an invocation, a signal, watchers, sharing, waiting) takes the longer way.
 */
export class Queries {
  readonly #pool: ResourcePool<PgClient>
  readonly #borrowing: Borrowing
  readonly #fanOut: FanOut | undefined
  readonly #isPlain: boolean
  readonly #unrefsIdle: boolean
  readonly #environment: Environment = environment()

  /** Without terms of sharing nobody shares. `isPlain` where nobody wants to know of a query before it is sent. */
  constructor(borrowing: Borrowing, fanOut: FanOutTerms | undefined, isPlain: boolean) {
    this.#pool = borrowing.pool
    this.#borrowing = borrowing
    this.#unrefsIdle = borrowing.unrefsIdle
    this.#fanOut = fanOut && new FanOut(borrowing, fanOut, (checkout, ask, loan) => this.send(checkout, ask, loan))
    this.#isPlain = isPlain
  }

  /** Queries that joined others on their connection. */
  get joins(): number {
    return this.#fanOut?.joins ?? 0
  }

  run(text: unknown, values: unknown): Promise<QueryResult> {
    // As in `Borrowing.isPlain` and `isInstrumented`, but without a call: it runs at every query.
    const isPlain = this.#isPlain && typeof text === 'string' && values === undefined
    if (isPlain && this.#environment.currentInvocation === undefined && !('prototype' in pg.Pool.prototype.connect)) {
      const ask = { text, values, borrower: undefined, reruns: MOST_RERUNS }
      const checkout = this.#fanOut === undefined ? this.#pool.tryAcquire() : undefined
      return checkout === undefined ? this.#place(ask) : this.send(checkout, ask)
    }
    return this.#ask(text, values)
  }

  /** Sends it on a connection that it has for itself, or as one of several. */
  send(checkout: Checkout<PgClient>, ask: Ask, loan?: SharedLoan): Promise<QueryResult> {
    const client = checkout.resource
    return new Promise((resolve) => {
      let isOver = false
      const settled = (error: Error | null | undefined, result?: QueryResult) => {
        // pg may call back twice, for instance when a value can't be serialised.
        if (isOver) return
        isOver = true
        // Whoever was cut off has heard of that already.
        const isOut = checkout.state === 'open'
        // The server says it in its answer; the socket only a moment later.
        if (error && isOut && endsSession(error)) reportLoss(client, error)
        if (loan !== undefined) this.#fanOut?.done(loan, ask, !error)
        else if (isOut) {
          if (this.#unrefsIdle) client.unref?.()
          this.#pool.release(checkout, false, !error)
        }
        if (error) resolve(this.#failed(client, error, ask))
        else resolve(result as QueryResult)
      }
      if (ask.borrower !== undefined) ask.borrower.hasBegun = true
      if (loan === undefined && this.#unrefsIdle) client.ref?.()
      try {
        // With a callback, as pg.Pool does: cursors and instrumentations depend on it.
        const plain = (client as LentClient)[PLAIN]
        if (plain === undefined) client.query(ask.text as string, ask.values as unknown[], settled)
        else plain(ask.text, ask.values, settled)
      } catch (error) {
        settled(error as Error)
      }
    })
  }

  #ask(text: unknown, given: unknown): Promise<QueryResult> {
    return this.#borrowing.run(signalOf(text), this.run, 'asks', (borrower) => {
      try {
        const [sent, values] = serialised(text, given)
        return this.#place({ text: sent, values, borrower, reruns: MOST_RERUNS })
      } catch (error) {
        return explained(error)
      }
    })
  }

  #place(ask: Ask): Promise<QueryResult> {
    if (this.#fanOut !== undefined && isShareable(ask.text)) return this.#fanOut.run(ask)
    return this.#borrowing.checkOut(ask.borrower, (checkout) => this.send(checkout, ask))
  }

  async #failed(client: PgClient, error: unknown, ask: Ask): Promise<QueryResult> {
    const wasLost = endsSession(error) || client._queryable === false
    const mayAgain = ask.reruns > 0 && !ask.borrower?.isOver
    if (mayAgain && mayRerun(ask.text, error, wasLost)) return this.#place({ ...ask, reruns: ask.reruns - 1 })
    tellRetry(error, wasLost)
    return explained(error)
  }
}

/** Submittables are used up by their first run; and what the pool itself has ended is over. */
function mayRerun(text: unknown, error: unknown, wasLost: boolean): boolean {
  if (error instanceof PoolError) return false
  if (typeof text === 'object' && text !== null && 'submit' in text) return false
  return neverRan(error) || (wasLost && isIdempotent(text))
}

function isIdempotent(text: unknown): boolean {
  return typeof text === 'object' && text !== null && 'idempotent' in text && text.idempotent === true
}

/** Whether it is one is looked at by whoever borrows with it. */
function signalOf(text: unknown): AbortSignal | undefined {
  const isGiven = typeof text === 'object' && text !== null && 'signal' in text
  return isGiven ? ((text.signal ?? undefined) as AbortSignal | undefined) : undefined
}
