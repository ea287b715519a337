import pg, { type FieldDef, type QueryConfig } from 'pg'
import type { PgClient, Wire } from '../pg-client.js'
import { SQLSTATE } from '../session/sqlstate.js'
import { type Preparing, type Statement, Statements } from './statements.js'

/** One statement, and what is bound to it. */
export interface BoundStatement {
  readonly text: string
  readonly values?: string[] | undefined
}

/** What goes ahead of a query in the same write, and who hears of it. */
export interface Ahead {
  /** A ping: called when it is answered. */
  readonly proved?: (() => void) | undefined
  /** The statements that open its transaction. */
  readonly begin?: readonly BoundStatement[] | undefined
  /** Called where the server refused one of these: the query has done nothing then. */
  readonly beginFailed?: ((error: Error) => void) | undefined
}

/** What pg's query does, as far as it is done otherwise here. */
interface PgQuery {
  readonly text: string
  readonly values?: unknown
  callback?: unknown
  submit(connection: Wire): Error | null
  handleRowDescription(message: { fields: FieldDef[] }): void
  handleDataRow(message: object): void
  handleCommandComplete(message: object, connection: Wire): void
  handleReadyForQuery(connection: Wire): void
  handleError(error: Error, connection: Wire): void
}

const Base = pg.Query as unknown as new (config: string | QueryConfig, values?: unknown) => PgQuery

/**
 * A query of pg's that leaves in one write with what goes ahead of it, or runs as a statement that the server has prepared before. In
 * every other way it is one of pg's own: pg queues it, in a pipeline too, and instrumentations find its text.
 *
 * ```
 * ping      Sync                                             ─▶ ReadyForQuery: the connection is alive
 * begin     Parse Bind Execute                               ─▶ CommandComplete
 * query     [Close …] [Parse] Bind [Describe] Execute Sync   ─▶ BindComplete, rows, CommandComplete, ReadyForQuery
 * ```
 *
 * There is no Sync between begin and query: where the server refuses the first, it skips the second. A statement that has run under its
 * name on the pool's own session needs neither Parse nor Describe. With BindComplete the server says that it runs as it was prepared; where it says something else
 * before, nothing has run, and the text goes out again without a name. Not inside of a transaction, which has failed by then.
 */
export class PooledQuery extends Base {
  readonly #client: PgClient
  readonly #statements: Statements | undefined
  #ahead: Ahead
  #statement: Statement | undefined
  /** What has left with it and has not been answered. */
  #isProving = false
  #beginning = 0
  /** Whether the server has said that it runs. */
  #isBound = false
  /** Whether a name that was parsed by an earlier query is used. */
  #isReused = false
  /** Whether it may run again without a name: outside of a transaction, once. */
  #mayRunAgain = true

  constructor(client: PgClient, config: string | QueryConfig, values: unknown, prepares: boolean, ahead: Ahead = {}) {
    super(config, values)
    // pg asks for one only where there is none, and a pool goes by what it is given beside.
    this.callback = undefined
    this.#client = client
    this.#statements = prepares ? statementsOf(client) : undefined
    this.#ahead = ahead
  }

  override submit(connection: Wire): Error | null {
    const { proved, begin } = this.#ahead
    const statements = this.#mayRunAgain ? this.#statements : undefined
    let values: unknown[] | undefined
    if (statements !== undefined || begin !== undefined) {
      try {
        // Before anything is sent: a conversion may throw.
        values = this.#converted()
      } catch (error) {
        // With the error this query alone is over: what follows it expects the transaction.
        const alone = begin?.map((it) => this.#beginAlone(it)) ?? []
        this.#client._queryQueue?.unshift(...alone)
        return error as Error
      }
    }
    const statement = statements?.find(this.text)
    const isComposed = statement !== undefined || begin !== undefined
    if (!isComposed && proved === undefined) return super.submit(connection)
    connection.stream.cork()
    try {
      if (proved !== undefined) {
        this.#isProving = true
        connection.sync()
      }
      if (!isComposed) return super.submit(connection)
      // Ahead of what may fail, and would have the server skip them.
      this.#statements?.sendCloses(connection)
      for (const ahead of begin ?? []) this.#begin(connection, ahead)
      this.#send(connection, statement, values)
      return null
    } finally {
      connection.stream.uncork()
    }
  }

  /** Whether such an error would be for a name of the pool's own, and not for the session. */
  isAboutName(code: string | undefined): boolean {
    return this.#statement !== undefined && !this.#isBound && this.#beginning === 0 && MAY_BE_STALE.test(code ?? '')
  }

  /** Whether it opens a transaction. */
  get begins(): boolean {
    return this.#ahead.begin !== undefined
  }

  /** Whether the ping ahead of it has not been answered: then two answers are due. */
  get isProving(): boolean {
    return this.#isProving
  }

  /** From the client: the server is about to run what was bound. */
  handleBindComplete(): void {
    if (this.#beginning > 0) return
    this.#isBound = true
    const { hasRun = false, fields } = this.#statement ?? {}
    if (hasRun && fields !== undefined) super.handleRowDescription({ fields: [...fields] })
  }

  override handleRowDescription(message: { fields: FieldDef[] }): void {
    // Behind a pooler another session may run the same name with another result.
    if (this.#statement?.isShared === false) this.#statement.fields = message.fields
    super.handleRowDescription(message)
  }

  /** Of what goes ahead nobody asked for the rows. */
  override handleDataRow(message: object): void {
    if (this.#beginning === 0) super.handleDataRow(message)
  }

  override handleCommandComplete(message: object, connection: Wire): void {
    if (this.#beginning === 0) super.handleCommandComplete(message, connection)
    else this.#beginning -= 1
  }

  override handleReadyForQuery(connection: Wire): void {
    if (!this.#isProving) {
      if (this.#statement !== undefined) this.#statement.hasRun = true
      return super.handleReadyForQuery(connection)
    }
    this.#isProving = false
    // pg took it for the answer to the query.
    Object.assign(this.#client, { _activeQuery: this, readyForQuery: false })
    this.#ahead.proved?.()
  }

  override handleError(error: Error, connection: Wire): void {
    // Of the connection: says nothing of a statement.
    if (!(error instanceof pg.DatabaseError)) return super.handleError(error, connection)
    if (this.#beginning > 0) {
      // The server has skipped what came behind.
      if (this.#statement !== undefined && !this.#isReused) this.#statement.isParsed = false
      this.#ahead.beginFailed?.(error)
    } else if (this.#statement !== undefined && !this.#isBound) {
      const isStale = MAY_BE_STALE.test(error.code ?? '')
      const mayBeOld = this.#isReused || this.#statement.isShared
      // A Parse may have been cancelled. One that was done before says nothing by itself of an error that is not for its name.
      if (!this.#isReused || isStale) this.#statements?.forget(this.text, this.#statement, error)
      this.#statement = undefined
      const isItsName = mayBeOld ? isStale : error.code === SQLSTATE.DUPLICATE_STATEMENT
      if (isItsName && this.#mayRunAgain) {
        this.#mayRunAgain = false
        // The first in the queue, so that the order in which the client was asked stays.
        return void this.#client._queryQueue?.unshift(this)
      }
    }
    super.handleError(error, connection)
  }

  /** As pg does it; what it checks otherwise only after that, when something has been sent. */
  #converted(): unknown[] | undefined {
    if (!this.values) return undefined
    if (!Array.isArray(this.values)) throw new Error('Query values must be an array')
    return this.values.map(converted)
  }

  #beginAlone({ text, values }: BoundStatement): PgQuery {
    const callback = (error: Error | null) => error && this.#ahead.beginFailed?.(error)
    return new Base({ text, values, callback } as unknown as QueryConfig)
  }

  #begin(connection: Wire, { text, values }: BoundStatement): void {
    this.#beginning += 1
    connection.parse({ text })
    connection.bind({ values })
    connection.execute({})
  }

  #send(connection: Wire, statement: Statement | undefined, values: unknown[] | undefined): void {
    const { text } = this
    this.#statement = statement
    this.#isReused = statement?.isParsed === true
    this.#mayRunAgain = this.#client.getTransactionStatus() === 'I' && this.#beginning === 0
    if (!this.#isReused) connection.parse({ text, name: statement?.name })
    if (statement !== undefined) statement.isParsed = true
    connection.bind({ statement: statement?.name, values })
    if (!statement?.hasRun || statement.isShared) connection.describe({ type: 'P' })
    connection.execute({})
    connection.sync()
  }
}

/**
 * What a server says where a statement can't run as it was prepared: its result has changed (0A), its name is gone (26), its tables,
 * columns or operators are others now (42), a value no longer fits its parameter (22).
 */
const MAY_BE_STALE = /^(0A|22|26|42)/

/** Looked up each time: programs put their own in its place. */
function converted(value: unknown): unknown {
  return (pg as unknown as { readonly utils: { prepareValue(value: unknown): unknown } }).utils.prepareValue(value)
}

const STATEMENTS = Symbol('pg-thaw.statements')

type Preparer = PgClient & { [STATEMENTS]?: Statements }

/** By these settings the server reads literals of times when it parses a text, and goes on with what it read. It reports their changes. */
const READS_LITERALS = new Set(['TimeZone', 'DateStyle', 'IntervalStyle'])

/** From now on statements are prepared on this client. */
export function prepareOn(client: PgClient, preparing: Preparing): void {
  const statements = new Statements(preparing, () => {
    client.connection.on('bindComplete', () => {
      const query = client._activeQuery
      if (query instanceof PooledQuery) query.handleBindComplete()
    })
    client.connection.on('parameterStatus', ({ parameterName }: { readonly parameterName: string }) => {
      if (READS_LITERALS.has(parameterName)) statements.forgetAll()
    })
    client.connection.on('commandComplete', ({ text }: { readonly text: string }) => {
      if (text.startsWith('DEALLOCATE') || text === 'DISCARD ALL') statements.forgetAll()
    })
  })
  ;(client as Preparer)[STATEMENTS] = statements
}

export function preparesOn(client: PgClient): boolean {
  return statementsOf(client) !== undefined
}

function statementsOf(client: PgClient): Statements | undefined {
  return (client as Preparer)[STATEMENTS]
}
