import type { QueryResult } from 'pg'
import { PoolError } from '../../pool/errors.js'
import type { Borrower } from './borrower.js'
import type { Borrowing } from './borrowing.js'
import { queryOn } from './loan.js'
import { neverRan } from './retry.js'
import { isShareable } from './shareable.js'

/** How often a query that certainly never ran, or may run twice, is tried again. */
const MOST_RERUNS = 2

/** Runs single queries, each on a connection of its own or on one that it shares. */
export class Queries {
  readonly #borrowing: Borrowing
  readonly #mayShare: boolean

  constructor(borrowing: Borrowing, mayShare: boolean) {
    this.#borrowing = borrowing
    this.#mayShare = mayShare
  }

  run(text: unknown, values: unknown): Promise<QueryResult> {
    const signal = signalOf(text)
    const borrower = this.#borrowing.borrower(signal)
    const result = this.#attempt(borrower, text, values, signal, MOST_RERUNS)
    borrower?.awaits(result)
    return result
  }

  #attempt(
    borrower: Borrower | undefined,
    text: unknown,
    values: unknown,
    signal: AbortSignal | undefined,
    reruns: number,
  ): Promise<QueryResult> {
    const share = this.#mayShare && signal === undefined && isShareable(text)
    const checkout = this.#borrowing.checkOut(borrower, share, signal)
    const failed = (error: unknown, wasLost: boolean) => {
      if (reruns === 0 || !mayRerun(text, error, wasLost)) throw error
      return this.#attempt(borrower, text, values, signal, reruns - 1)
    }
    if (!(checkout instanceof Promise))
      return this.#borrowing.abortable(queryOn(checkout, text, values, failed), borrower, signal)
    return checkout.then((it) => this.#borrowing.abortable(queryOn(it, text, values, failed), borrower, signal))
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
