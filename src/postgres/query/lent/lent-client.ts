import { AsyncResource } from 'node:async_hooks'
import pg, { type PoolClient } from 'pg'
import { Bound } from '../../../pool/bounded.js'
import { systemClock } from '../../../pool/clock.js'
import { doubleRelease } from '../../../pool/errors.js'
import type { Checkout } from '../../../pool/slot.js'
import { giveUp, isBusy, isUsable, type PgClient } from '../../connection/pg-client.js'
import { listenForAnswers } from '../../connection/session/last-answer.js'
import { lossOf } from '../../connection/session/loss.js'
import { tellListenersApart } from '../../connection/session/reading.js'
import { type BoundStatement, PooledQuery, preparesOn } from '../../connection/statements/pooled-query.js'
import { SyncPing } from '../../connection/statements/sync-ping.js'
import { type Borrower, borrowerOf } from '../borrowing/borrower.js'
import type { Borrowing } from '../borrowing/borrowing.js'
import { explained } from '../retry.js'
import { isPreparable, isSingleStatement } from '../texts.js'
import { untilAborted } from './abortable.js'

/** How long what still runs on a client that was released may take to finish, ms. */
const FINISH_MILLIS = 10_000

const CHECKOUT = Symbol('pg-thaw.checkout')
/** The client's query as it was: for the pool's own, which are nobody's loan. */
export const PLAIN: unique symbol = Symbol('pg-thaw.query')
const CONTEXT = Symbol('pg-thaw.context')
const BEGIN: unique symbol = Symbol('pg-thaw.begin')
const CALLS_BACK: unique symbol = Symbol('pg-thaw.calls-back')

type Callback = (...args: unknown[]) => unknown
type Query = (config: unknown, values?: unknown, callback?: unknown) => unknown

/** What a client is asked that is no plain query: a cursor, a stream, a copy. */
interface Submitted {
  [CONTEXT]?: AsyncResource
  submit?: unknown
  callback?: unknown
  signal?: unknown
  destroy?(error: Error): void
}

/** The begin of a transaction that leaves with whatever is asked first. */
export interface PendingBegin {
  readonly statements: readonly BoundStatement[]
  /** It is on its way. */
  left(): void
  /** The server refused it. */
  failed(error: Error): void
  /** That refusal: nothing may run in its place. */
  readonly error: Error | undefined
}

export interface LentClient extends PgClient {
  [PLAIN]?: Query
  [BEGIN]?: PendingBegin | undefined
  [CHECKOUT]?: Checkout<PgClient>
  /** That of the invocation which has it, if one has. */
  [CONTEXT]?: AsyncResource | undefined
  /** Whether what is heard runs in the context of who asked. */
  [CALLS_BACK]?: boolean
}

/**
 * The client of a checkout, with the means to return it. The object is the same at every loan of one connection, but each loan has
 * a `release` of its own: a stale one can't touch the next loan. So has `await using`, which asks for its disposer at the beginning
 * of the scope.
 */
export function lentClient(checkout: Checkout<PgClient>, borrowing: Borrowing): PoolClient & AsyncDisposable {
  const client: LentClient = checkout.resource
  if (borrowing.unrefsIdle) client.ref?.()
  borrowing.lends(checkout)
  const borrower = borrowerOf(checkout.label)
  if (borrower !== undefined) borrower.hasBegun = true
  client.release = (error) => {
    if (over.has(checkout)) return
    const isAtWork = checkout.state === 'open' && isBusy(client)
    if (!isAtWork || error || !isUsable(client) || !endsByItself(client)) return giveBack(checkout, borrowing, error)
    if (finishing.has(checkout)) throw doubleRelease()
    finishing.add(checkout)
    whenQuiet(client, () => {
      if (checkout.state === 'open') giveBack(checkout, borrowing, undefined)
    })
  }
  if (!(CHECKOUT in client)) prepare(client, borrowing)
  client[CHECKOUT] = checkout
  client[BEGIN] = undefined
  const isOfInvocation = borrower?.invocation !== undefined
  client[CONTEXT] = isOfInvocation ? contextOfCaller() : undefined
  if (isOfInvocation) callBackInContext(client)
  return client as LentClient & AsyncDisposable
}

/** Those that were given back while something ran on them. */
const finishing = new WeakSet<Checkout<PgClient>>()

/** Those that ended with their client, before they were given back: that is a matter of form then. */
const over = new WeakSet<Checkout<PgClient>>()

/** Its client is of no use to its borrower any more, and its slot goes back with that. */
function giveUpLoan(checkout: Checkout<PgClient>, borrowing: Borrowing, why: Error | true): void {
  over.add(checkout)
  borrowing.release(checkout, why)
}

/** Whether its borrower has given it back. */
export function isReleased(checkout: Checkout<PgClient>): boolean {
  return checkout.state === 'released' || finishing.has(checkout)
}

function giveBack(checkout: Checkout<PgClient>, borrowing: Borrowing, discard: Error | boolean | undefined): void {
  if (borrowing.unrefsIdle && checkout.state === 'open') checkout.resource.unref?.()
  borrowing.release(checkout, discard)
}

/** Whether all that runs on it are plain queries: a cursor, a stream or a copy may wait for its borrower, who has left. */
function endsByItself({ _activeQuery, _queryQueue = [], _sentQueryQueue = [] }: PgClient): boolean {
  const all = [_activeQuery, ..._queryQueue, ..._sentQueryQueue]
  return all.every((it) => !it || it instanceof pg.Query || it instanceof SyncPing)
}

/** A query that is under way when its client is released takes effect, as with pg.Pool, but nobody else gets the client meanwhile. */
function whenQuiet(client: PgClient, quiet: () => void): void {
  const end = () => {
    limit.cancel()
    client.off('drain', end).off('end', end)
    quiet()
  }
  const limit = new Bound(systemClock, FINISH_MILLIS, end)
  client.on('drain', end).on('end', end)
}

/** Once for each client, at its first loan. */
function prepare(client: LentClient, borrowing: Borrowing): void {
  Object.defineProperty(client, Symbol.asyncDispose, { configurable: true, get: disposerOfLoan })
  tellListenersApart(client)
  // The pool's own queries say so themselves.
  listenForAnswers(client, () => client[CHECKOUT]?.state === 'open')
  const query = methodOf(client, 'query')
  client[PLAIN] = query
  Object.assign(client, {
    query: queryOfLoan.bind(client, borrowing, query),
    end: endOfLoan.bind(client, borrowing, methodOf(client, 'end')),
  })
}

/** Whoever instruments pg does so on the prototype, perhaps later. */
function methodOf(client: LentClient, name: 'query' | 'end'): (...args: unknown[]) => unknown {
  type Methods = Record<typeof name, (...args: unknown[]) => unknown>
  const own = Object.hasOwn(client, name) ? (client as unknown as Methods)[name] : undefined
  return (...args) => (own ?? (Object.getPrototypeOf(client) as Methods)[name]).apply(client, args)
}

/** Its borrower ends the client itself. */
function endOfLoan(this: LentClient, borrowing: Borrowing, end: Callback, ...args: unknown[]): unknown {
  const checkout = this[CHECKOUT]
  const ended = end(...args)
  // One that was released while it ran goes back when it is quiet.
  if (checkout?.state === 'open' && !finishing.has(checkout)) giveUpLoan(checkout, borrowing, true)
  return ended
}

function disposerOfLoan(this: LentClient): () => Promise<void> {
  const checkout = this[CHECKOUT]
  const { release } = this
  return async () => {
    if (checkout !== undefined && !isReleased(checkout)) release()
  }
}

/**
 * What happens on a socket runs in the async context of whoever opened it: callbacks, cursors and streams get that of whoever asked. And
 * what belongs to an invocation is remembered, so that its deadline reaches it.
 */
function queryOfLoan(
  this: LentClient,
  borrowing: Borrowing,
  query: Query,
  config: unknown,
  values?: unknown,
  callback?: unknown,
): unknown {
  const checkout = this[CHECKOUT]
  // Of the pool's own, between two loans; or too late.
  if (checkout?.state !== 'open') return query(config, values, callback)
  const borrower = borrowerOf(checkout.label)
  const given = (config ?? {}) as Submitted
  const isAbortable = typeof given.submit !== 'function' && given.signal !== undefined && given.signal !== null
  if (isAbortable) return askAbortable(this, borrowing, query, given, values, callback)
  const begin = this[BEGIN]
  const refusal = begin?.error ?? (isUsable(this) ? undefined : lossOf(this))
  if (refusal !== undefined) {
    const tell = [values, callback, given.callback].find((it) => typeof it === 'function')
    return refused(this, config, tell && bound(tell as Callback), refusal)
  }
  if (begin !== undefined && !isSingleStatement(config)) sendBegin(this, query, begin)
  if (typeof given.submit === 'function') {
    given[CONTEXT] ??= contextOfCaller()
    callBackInContext(this)
    if (given.destroy !== undefined) borrower?.streams(given as { destroy(error: Error): void })
    return query(config, values, callback)
  }
  if (typeof values === 'function') return ask(this, query, config, undefined, bound(values as Callback))
  if (typeof callback === 'function') return ask(this, query, config, values, bound(callback as Callback))
  if (typeof given.callback === 'function') {
    const callback = { value: bound(given.callback as Callback), writable: true }
    return ask(this, query, Object.create(given, { callback }), values, undefined)
  }
  const composed = compose(this, config, values)
  if (borrower === undefined && composed === undefined) return query(config, values)
  return promised(borrower, (settled) => {
    if (composed === undefined) query(config, values, settled)
    else query(composed, settled)
  })
}

/** A promise to whoever has the client, if that is known, of what comes to a callback. */
function promised(borrower: Borrower | undefined, ask: (settled: Callback) => void): Promise<unknown> {
  const begin = (resolve: (outcome: unknown) => void) =>
    ask((error, result) => resolve(error ? explained(error) : result))
  return borrower === undefined ? new Promise(begin) : borrower.promises(begin)
}

/** The same query without its signal, for as long as that allows. */
function askAbortable(
  client: LentClient,
  borrowing: Borrowing,
  query: Query,
  given: Submitted,
  values: unknown,
  callback: unknown,
): unknown {
  const checkout = client[CHECKOUT] as Checkout<PgClient>
  const plain = Object.create(given, { signal: { value: undefined }, callback: { value: undefined, writable: true } })
  const own = typeof values === 'function' ? undefined : values
  const abortable = {
    signal: given.signal,
    ask: (settled: Callback) => queryOfLoan.call(client, borrowing, query, plain, own, settled),
    carriesBegin: client[BEGIN] !== undefined,
    isLent: () => checkout.state === 'open',
    giveUp: (error: Error) => {
      // Before what waits in the client fails: what runs is cancelled.
      giveUpLoan(checkout, borrowing, error)
      giveUp(client, error)
    },
  }
  const tell = [values, callback, given.callback].find((it) => typeof it === 'function')
  if (tell === undefined)
    return promised(borrowerOf(checkout.label), (settled) => untilAborted(client, abortable, settled))
  const settled = bound(tell as Callback)
  // What is refused at once is told later all the same.
  untilAborted(client, abortable, (...outcome) => process.nextTick(settled, ...outcome))
  return undefined
}

function ask(
  client: LentClient,
  query: Query,
  config: unknown,
  values: unknown,
  callback: Callback | undefined,
): unknown {
  const composed = compose(client, config, values)
  if (composed === undefined) return query(config, values, callback)
  query(composed, callback ?? (config as Submitted).callback)
  return undefined
}

/** The query as one that is prepared, or has the begin of its transaction ahead of it. */
function compose(client: LentClient, config: unknown, values: unknown): PooledQuery | undefined {
  const begin = client[BEGIN]
  // In a pipeline of the user's own what follows is sent already when a name turns out to be of no use: nothing could run again in its
  // place, and whether it stands in a transaction is known only later.
  const prepares = !client.pipeline && preparesOn(client) && isPreparable(config, values)
  if (begin === undefined) return prepares ? new PooledQuery(client, config as string, values, true) : undefined
  const ahead = { begin: begin.statements, beginFailed: (error: Error) => begin.failed(error) }
  // What is read of the query may throw: then nothing has begun.
  const composed = new PooledQuery(client, config as string, values, prepares, ahead)
  client[BEGIN] = undefined
  begin.left()
  return composed
}

/** What can't leave in one write with it follows it. */
function sendBegin(client: LentClient, query: Query, begin: PendingBegin): void {
  client[BEGIN] = undefined
  begin.left()
  const failed = (error: unknown) => error && begin.failed(error as Error)
  for (const { text, values } of begin.statements) query(text, values, failed)
}

/** Has a transaction begin with whatever is asked first of the client. */
export function beginWithFirst(client: LentClient, begin: PendingBegin): void {
  client[BEGIN] = begin
}

/** The transaction is over. */
export function forgetBegin(client: LentClient, begin: PendingBegin): void {
  if (client[BEGIN] === begin) client[BEGIN] = undefined
}

/** Fails at once what may not be sent. */
function refused(client: LentClient, config: unknown, callback: unknown, error: Error): unknown {
  const { submit, handleError } = Object(config) as {
    submit?: unknown
    handleError?: (error: Error, connection: unknown) => void
  }
  if (submit === undefined && callback === undefined) return explained(error)
  process.nextTick(() => {
    if (submit === undefined) (callback as Callback)(error)
    else handleError?.call(config, error, client.connection)
  })
  return submit === undefined ? undefined : config
}

/** Not `AsyncResource.bind`, which gives each function properties of its own: that takes longer than the query. */
function bound(callback: Callback): Callback {
  const context = contextOfCaller()
  return (...args) => context.runInAsyncScope(callback, undefined, ...args)
}

function contextOfCaller(): AsyncResource {
  return new AsyncResource('pg-thaw')
}

function callBackInContext(client: LentClient): void {
  const { connection } = client
  if (connection === undefined || client[CALLS_BACK]) return
  client[CALLS_BACK] = true
  const emit = connection.emit.bind(connection)
  connection.emit = (...args: Parameters<typeof emit>) => {
    const ofLoan = client[CHECKOUT]?.state === 'open' ? client[CONTEXT] : undefined
    const context = (client._activeQuery as Submitted | undefined)?.[CONTEXT] ?? ofLoan
    return context === undefined ? emit(...args) : context.runInAsyncScope(emit, undefined, ...args)
  }
}
