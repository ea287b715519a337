import pg, { type QueryConfig, type QueryResult } from 'pg'
import { PoolError } from '../../pool/errors.js'
import type { ResourcePool } from '../../pool/resource-pool.js'
import type { Checkout } from '../../pool/slot.js'
import { type Environment, environment } from '../../registry/environment.js'
import type { PgClient } from '../connection/pg-client.js'
import { isFaulty } from '../connection/session/fault.js'
import { reportLoss } from '../connection/session/loss.js'
import { PooledQuery } from '../connection/statements/pooled-query.js'
import type { Borrower } from './borrowing/borrower.js'
import type { Borrowing, Proof } from './borrowing/borrowing.js'
import { FanOut, type FanOutTerms, type SharedLoan } from './fan-out.js'
import { type LentClient, PLAIN } from './lent/lent-client.js'
import { endsSession, explained, isRefusedBySession, neverRan, tellRetry } from './retry.js'
import { isPlainStatement, isPreparable, isShareable, mayRunTwice } from './texts.js'
import { arePlain, serialised } from './values.js'

/** How often a query that certainly never ran, or may run twice, is tried again. */
const MOST_RERUNS = 2

/** One query that was asked of the pool. */
export interface Ask {
  readonly text: unknown
  readonly values: unknown
  readonly borrower: Borrower | undefined
  readonly reruns: number
}

/** What queries may do in a pool. */
export interface QueryTerms {
  /** Without terms of sharing nobody shares. */
  readonly fanOut: FanOutTerms | undefined
  /** Whether nobody wants to know of a query before it is sent. */
  readonly isPlain: boolean
  /** Whether clients are pg's own: then what is sent can be composed. */
  readonly composes: boolean
  /** Whether statements are prepared. */
  readonly prepares: boolean
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
  readonly #terms: QueryTerms
  /** Whether any query may share, and not only those that have to wait in a crowd. */
  readonly #mayShare: boolean
  readonly #unrefsIdle: boolean
  readonly #environment: Environment = environment()

  constructor(borrowing: Borrowing, terms: QueryTerms) {
    this.#pool = borrowing.pool
    this.#borrowing = borrowing
    this.#unrefsIdle = borrowing.unrefsIdle
    this.#terms = terms
    const { fanOut } = terms
    this.#mayShare = fanOut !== undefined && mayAnyShare(fanOut)
    this.#fanOut = fanOut && new FanOut(borrowing, fanOut, this)
  }

  /** Queries that joined others on their connection. */
  get joins(): number {
    return this.#fanOut?.joins ?? 0
  }

  run(text: unknown, values: unknown): Promise<QueryResult> {
    // As in `Borrowing.isPlain` and `isInstrumented`, but without a call: it runs at every query.
    const isPlain = this.#terms.isPlain && typeof text === 'string' && (values === undefined || arePlain(values))
    const isOutside = this.#environment.currentInvocation === undefined && !this.#borrowing.mayBeUnwrapped
    if (isPlain && isOutside && !('prototype' in pg.Pool.prototype.connect)) {
      const ask = { text, values, borrower: undefined, reruns: MOST_RERUNS }
      const checkout = this.#mayShare ? undefined : this.#pool.tryAcquire()
      return checkout === undefined ? this.#place(ask) : this.send(checkout, ask)
    }
    return this.#ask(text, values)
  }

  /** Whether it may go out on a connection that may be dead, with a ping ahead of it. */
  proves(ask: Ask): boolean {
    return this.#terms.composes && mayRunTwice(ask.text)
  }

  /** Sends it on a connection that it has for itself, or as one of several; with a ping ahead where the connection is to be proved. */
  send(checkout: Checkout<PgClient>, ask: Ask, loan?: SharedLoan, proof?: Proof): Promise<QueryResult> {
    const client = checkout.resource
    return new Promise((resolve) => {
      let isOver = false
      const settled = (error: Error | null | undefined, result?: QueryResult) => {
        // pg may call back twice, for instance when a value can't be serialised.
        if (isOver) return
        isOver = true
        if (proof !== undefined) error ? proof.failed(error) : proof.answered()
        // Whoever was cut off has heard of that already.
        const isOut = checkout.state === 'open'
        // The server says it in its answer; the socket only a moment later.
        if (error && isOut && endsSession(error)) reportLoss(client, error)
        if (loan !== undefined) this.#fanOut?.done(loan, ask, !error)
        else if (isOut) {
          if (this.#unrefsIdle) client.unref?.()
          this.#pool.release(checkout, false, !error)
        }
        if (error) resolve(this.#failed(checkout, error, ask))
        else if (client._txStatus === 'T' || client._txStatus === 'E') resolve(explained(leftOpen()))
        else resolve(result as QueryResult)
      }
      if (ask.borrower !== undefined) ask.borrower.hasBegun = true
      if (loan === undefined && this.#unrefsIdle) client.ref?.()
      const { text, values } = ask
      const isBare = typeof text === 'string' && values === undefined
      const prepares = !isBare && this.#terms.prepares && isPreparable(text, values)
      const proved = proof?.asks ? proof.answered : undefined
      try {
        // With a callback, as pg.Pool does: cursors and instrumentations depend on it.
        const plain = (client as LentClient)[PLAIN]
        if (prepares || proved !== undefined) {
          const query = new PooledQuery(client, text as string, values, prepares, { proved })
          if (plain === undefined) client.query(query as unknown as QueryConfig, settled)
          else plain(query, settled)
        } else if (plain === undefined) client.query(text as string, values as unknown[], settled)
        else plain(text, values, settled)
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
    const send = (checkout: Checkout<PgClient>) => this.send(checkout, ask, undefined, this.#borrowing.proof(checkout))
    const proves = this.proves(ask)
    const { fanOut } = this.#terms
    if (this.#fanOut === undefined || fanOut === undefined || !isShareable(ask.text)) {
      return this.#borrowing.checkOut(ask.borrower, send, proves)
    }
    if (mayAnyShare(fanOut)) return this.#fanOut.run(ask)
    const checkout = this.#borrowing.tryCheckOut(ask.borrower, proves)
    if (checkout !== undefined) return send(checkout)
    return this.#fanOut.runInCrowd(ask) ?? this.#borrowing.checkOut(ask.borrower, send, proves)
  }

  async #failed(checkout: Checkout<PgClient>, error: unknown, ask: Ask): Promise<QueryResult> {
    const wasLost = endsSession(error) || checkout.resource._queryable === false
    const mayAgain = ask.reruns > 0 && !ask.borrower?.isOver && !(error instanceof PoolError)
    // What was lost before the ping's answer was sent on that understanding.
    const mayRunAgain = mayRerun(ask.text, error, wasLost) || (wasLost && checkout.isUnproven)
    // Once: a fresh session that says the same is right.
    const isFirst = ask.reruns === MOST_RERUNS
    if (mayAgain && isFirst && isFaulty(checkout.resource) && isRefusedBySession(error) && isPlainStatement(ask.text)) {
      return this.#place({ ...ask, reruns: 0 })
    }
    if (mayAgain && mayRunAgain) return this.#place({ ...ask, reruns: ask.reruns - 1 })
    tellRetry(error, wasLost)
    return explained(error)
  }
}

/** Whether any query may share, and not only those that have to wait in a crowd. */
function mayAnyShare({ isAlone, isCrowd }: FanOutTerms): boolean {
  return isAlone || !isCrowd
}

/** Submittables are used up by their first run. */
function mayRerun(text: unknown, error: unknown, wasLost: boolean): boolean {
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

/** Nobody could ever end it: the next query of the pool goes wherever there is room. */
function leftOpen(): PoolError {
  const text =
    'the query left a transaction open, which nobody could end: `pool.query()` has no connection of its own. Use `pool.transaction(fn)`, or `client.query()` of `pool.connect()`'
  return new PoolError('POOL_TRANSACTION_LEFT_OPEN', text, { retry: 'never' })
}
