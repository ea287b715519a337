import type { Writable } from 'node:stream'
import type { PoolClient, QueryResult } from 'pg'
import type { Checkout } from '../../pool/checkout.js'
import { systemClock } from '../../pool/clock.js'
import { PoolError } from '../../pool/errors.js'
import { reportLoss } from '../connection/loss.js'
import { isSettling, isUsable, type PgClient } from '../connection/pg-client.js'
import { heardNow, listenForSigns } from '../connection/sign-of-life.js'
import { Borrower } from './borrower.js'
import { endsSession, tellRetry } from './retry.js'

const CHECKOUT = Symbol('pg-thaw.checkout')

type LentClient = PgClient & { [CHECKOUT]?: Checkout<PgClient> }

/**
 * The client of a checkout, with the means to return it. The object is the same at every loan of one connection, but each loan has
 * a `release` of its own: a stale one can't touch the next loan. So has `await using`, which asks for its disposer at the beginning
 * of the scope.
 */
export function lentClient(checkout: Checkout<PgClient>): PoolClient & AsyncDisposable {
  const client: LentClient = checkout.resource
  client.release = (error) => checkout.release(error || false)
  if (!(CHECKOUT in client)) {
    Object.defineProperties(client, {
      [CHECKOUT]: { writable: true },
      [Symbol.asyncDispose]: { configurable: true, get: disposerOfLoan },
    })
    listenForSigns(client, systemClock)
  }
  client[CHECKOUT] = checkout
  return client as LentClient & AsyncDisposable
}

function disposerOfLoan(this: LentClient): () => Promise<void> {
  const checkout = this[CHECKOUT]
  return async () => {
    if (checkout !== undefined && checkout.state !== 'released') checkout.release()
  }
}

/**
 * Runs one query on a checkout that nobody else sees, and returns it before the caller hears of the result. `failed` decides what
 * becomes of its error.
 */
export function queryOn(
  checkout: Checkout<PgClient>,
  text: unknown,
  values: unknown,
  failed: (error: unknown, wasLost: boolean) => Promise<QueryResult>,
): Promise<QueryResult> {
  return new Promise((resolve) => {
    let hasFailed = false
    const fail = (error: unknown) => {
      // Cut off from outside, it hears of that alone.
      if (!hasFailed) resolve(explain(checkout.resource, error, failed))
      hasFailed = true
    }
    if (checkout.label instanceof Borrower) checkout.label.canBeCutOff(fail)
    const settled = (error: Error | null | undefined, result?: QueryResult) => {
      switch (checkout.state) {
        case 'open':
          // A failure may be one of this side alone.
          if (!error) heardNow(checkout.resource)
          else if (endsSession(error)) reportLoss(checkout.resource, error)
          checkout.release()
          if (error || result === undefined) fail(error)
          else resolve(result)
          return
        case 'reclaimed':
          return fail(reclaimedError(error))
        case 'released':
          // pg may call back twice, for instance when a value can't be serialised.
          return
      }
    }
    gatherWrites(checkout.resource)
    try {
      // With a callback, as pg.Pool does: cursors and instrumentations depend on it.
      checkout.resource.query(text as string, values as unknown[], settled)
    } catch (error) {
      settled(error as Error)
    }
  })
}

/**
 * Queries that join others on their connection in one turn of the event loop leave in one write, at its end: each write is a call into the
 * kernel, which takes longer than all else about a query. The first one leaves at once.
 */
function gatherWrites(client: PgClient): void {
  if (!client.pipeline || !isSettling(client)) return
  const { stream } = client.connection
  // Corked in this turn already; or a stream of the user's own, which can't be.
  if (stream.writableCorked !== 0) return
  stream.cork()
  process.nextTick(letGo, stream)
}

function letGo(stream: Writable): void {
  stream.uncork()
}

/** Says what an error means, and who asked: the stack that came leads to the socket, that of a continuation to the caller. */
async function explain(
  client: PgClient,
  error: unknown,
  failed: (error: unknown, wasLost: boolean) => Promise<QueryResult>,
): Promise<QueryResult> {
  const wasLost = endsSession(error) || !isUsable(client)
  tellRetry(error, wasLost)
  // Only after a turn is this the promise that the caller waits for.
  await undefined
  await undefined
  if (error instanceof Error && Object.isExtensible(error)) Error.captureStackTrace(error)
  return failed(error, wasLost)
}

/** What a borrower hears whose checkout was taken back because its invocation was over. */
export function reclaimedError(cause: unknown): PoolError {
  return new PoolError('POOL_RECLAIMED', 'the invocation ended before this was done: its connection was taken back', {
    cause,
    retry: 'unknown',
  })
}
