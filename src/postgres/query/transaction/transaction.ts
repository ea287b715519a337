import pg, { type PoolClient } from 'pg'
import { PoolError } from '../../../pool/errors.js'
import type { Checkout } from '../../../pool/slot.js'
import { failQueued, isBusy, isSettling, isUsable, type PgClient } from '../../connection/pg-client.js'
import { isFaulty } from '../../connection/session/fault.js'
import type { BoundStatement } from '../../connection/statements/pooled-query.js'
import type { Borrower } from '../borrowing/borrower.js'
import type { Borrowing } from '../borrowing/borrowing.js'
import { beginWithFirst, forgetBegin, type LentClient, type PendingBegin } from '../lent/lent-client.js'
import { endsSession, isConflict, isRefusedBySession, retryOf } from '../retry.js'

/** The connection of a transaction, and whether the transaction has begun there. */
export interface Begun {
  readonly checkout: Checkout<PgClient>
  readonly hasBegun: boolean
}

/**
 * A connection for a transaction. Where it has to prove that it is alive, the begin is its proof: where that is not answered nothing has
 * run, and another connection begins.
 *
 * @throws whatever the server says of the begin.
 */
export async function connectionFor(
  borrowing: Borrowing,
  borrower: Borrower | undefined,
  begin: BoundStatement,
  proves: boolean,
): Promise<Begun> {
  for (;;) {
    // Where it is known in a moment whether a connection lives, its begin had better wait for its first statement.
    const mayProve = proves && !borrowing.pool.isGlancing
    const checkout = await borrowing.checkOut(borrower, (it) => it, mayProve)
    const proof = checkout.state === 'open' ? borrowing.proof(checkout) : undefined
    if (proof === undefined) return { checkout, hasBegun: false }
    const error = await beginOn(checkout.resource, begin)
    const isAnswer = error === undefined || (error instanceof pg.DatabaseError && !endsSession(error))
    if (isAnswer) proof.answered()
    else proof.failed(error)
    if (isAnswer && error !== undefined) {
      borrowing.release(checkout, undefined)
      throw error
    }
    // Where it was taken back by somebody else, its borrower has heard of that.
    if (isAnswer || borrower?.isOver) return { checkout, hasBegun: true }
    // Given up by a time limit of pg's own, before the connection was.
    if (checkout.state === 'open') checkout.release(error)
  }
}

function beginOn(client: PgClient, { text }: BoundStatement): Promise<Error | undefined> {
  return new Promise((resolve) => client.query(text, (error: Error | null) => resolve(error ?? undefined)))
}

/** A begin that leaves in one write with the first query, or not at all where none is asked. */
class DeferredBegin implements PendingBegin {
  readonly statements: readonly BoundStatement[]
  hasLeft = false
  error: Error | undefined
  readonly #client: PgClient

  constructor(statements: readonly BoundStatement[], client: PgClient) {
    this.statements = statements
    this.#client = client
  }

  left(): void {
    this.hasLeft = true
  }

  /** What was asked behind it would run outside of a transaction, and so would what is asked from now on. */
  failed(error: Error): void {
    this.error ??= error
    failQueued(this.#client, error)
    beginWithFirst(this.#client, this)
  }
}

/** How a transaction begins on its connection: in one write with its first query, by itself before that, or its BEGIN has run already. */
export type BeginsHow = 'with-first' | 'alone' | 'begun'

/**
 * Runs `work` between BEGIN, of which the first statement is the text, and COMMIT. When it throws, the transaction is rolled back and the
 * error passed on.
 *
 * @throws {PoolError} `POOL_TRANSACTION_ROLLED_BACK` when `work` resolved but a statement in it had failed, so that the server
 *   answered COMMIT with a rollback.
 */
export async function runInTransaction<T>(
  client: PoolClient,
  work: (client: PoolClient) => Promise<T>,
  statements: readonly BoundStatement[],
  how: BeginsHow,
): Promise<T> {
  const lent = client as LentClient
  let hasCommitted = false
  const begin = new DeferredBegin(how === 'begun' ? statements.slice(1) : statements, lent)
  begin.hasLeft = how !== 'with-first'
  try {
    if (how === 'alone') for (const { text, values } of statements) await client.query(text, values)
    else if (begin.statements.length > 0) beginWithFirst(lent, begin)
    const result = await work(client)
    if (begin.error !== undefined) throw begin.error
    if (!begin.hasLeft) return result
    forgetBegin(lent, begin)
    hasCommitted = true
    // COMMIT in a failed transaction succeeds, as a ROLLBACK.
    const { command } = await client.query('COMMIT')
    // It may have been asked before the server refused to begin.
    if (begin.error !== undefined) throw begin.error
    if (command === 'ROLLBACK') {
      throw new PoolError(
        'POOL_TRANSACTION_ROLLED_BACK',
        'the transaction was rolled back: a statement in it had failed, and its error was not passed on',
      )
    }
    return result
  } catch (error) {
    forgetBegin(lent, begin)
    // What certainly was not sent, or not read, leaves nothing either.
    const isOpen = !hasCommitted || retryOf(error, true) === 'safe'
    const wasLost = isOpen && (!isUsable(lent) || endsSession(error))
    const mayBeOpen = client.getTransactionStatus?.() !== 'I' || isBusy(lent) || isSettling(lent)
    if (begin.hasLeft && mayBeOpen) await rollBack(client)
    noteUndone(error, lent, wasLost)
    throw error
  } finally {
    forgetBegin(lent, begin)
  }
}

/** The error that led here is the one to tell; a client that could not be rolled back is retired on its return. */
async function rollBack(client: PoolClient): Promise<void> {
  try {
    await client.query('ROLLBACK')
  } catch {
    // See above.
  }
}

/** Longest pause before the first rerun, ms; doubled for each further one. */
const FIRST_PAUSE_MILLIS = 10

/** Errors of transactions of which nothing is left, and which may go better another time. */
const undone = new WeakSet<object>()

/**
 * It conflicted with another one; its session refused it, which is at fault, as may be known only once it is rolled back; or its connection
 * was lost before COMMIT was sent. What the pool itself has ended is over.
 */
function noteUndone(error: unknown, client: PgClient, wasLost: boolean): void {
  if (typeof error !== 'object' || error === null || error instanceof PoolError) return
  if (isConflict(error) || (isFaulty(client) && isRefusedBySession(error)) || wasLost) undone.add(error)
}

/** Runs it again, whole, up to `retries` times, when nothing of it is left and it may go better: as long as `isWanted`. */
export async function withRetries<T>(retries: number, run: () => Promise<T>, isWanted: () => boolean): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await run()
    } catch (error) {
      const mayAgain = attempt < retries && isWanted() && undone.has(Object(error))
      if (!mayAgain) throw error
      // By chance, or those that conflicted would do so again.
      const millis = Math.random() * FIRST_PAUSE_MILLIS * 2 ** attempt
      await new Promise((resolve) => setTimeout(resolve, millis))
    }
  }
}
