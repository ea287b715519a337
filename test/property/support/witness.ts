import type { PoolClient, QueryResult } from 'pg'
import type { Pool } from 'pg-thaw'

/** Whatever answers queries. */
export interface Asked {
  query(text: string, values?: unknown[]): Promise<QueryResult>
}

/** What the server says of a session that is in no transaction: a statement that begins one begins with it. */
const IS_FRESH = 'SELECT now() = statement_timestamp() AND pg_current_xact_id_if_assigned() IS NULL AS fresh'

/** Sees what must never be, whatever happens: a wrong answer, an open transaction that is lent, gauges that don't add up. */
export class Witness {
  /** Right answers so far. */
  answers = 0
  /** Numbers whose INSERT was acknowledged. */
  readonly written: number[] = []
  readonly #violated: (text: string) => void
  #last = 0

  constructor(violated: (text: string) => void) {
    this.#violated = violated
  }

  violated(text: string): void {
    this.#violated(text)
  }

  unique(): number {
    this.#last += 1
    return this.#last
  }

  /** Asks for something that nobody else asks for; `more` is SQL of further columns. */
  async ask(on: Asked, more = ''): Promise<void> {
    const echo = `echo ${this.unique()}`
    this.heard(echo, await this.#outside(on.query(`SELECT $1::text AS echo${more}`, [echo])))
  }

  heard(echo: string, { rows }: QueryResult): void {
    if (rows.length !== 1 || rows[0].echo !== echo) this.violated(`wrong answer: ${JSON.stringify(rows)} for ${echo}`)
    else this.answers += 1
  }

  /** Writes a number that nobody else writes. It counts as written once its caller says so. */
  async write(on: Asked): Promise<number> {
    const n = this.unique()
    await on.query('INSERT INTO numbers VALUES ($1)', [n])
    return n
  }

  /** A client that was just handed out has no transaction open: by its own account, and by the server's. */
  async receives(client: PoolClient): Promise<void> {
    const status = client.getTransactionStatus()
    if (status !== 'I') this.violated(`open transaction lent: status ${status}`)
    const { rows } = await this.#outside(client.query(IS_FRESH))
    if (rows[0]?.fresh !== true) this.violated(`open transaction lent: ${JSON.stringify(rows)}`)
  }

  /** An action failed. That is what faults are for; but no fault is a slip of the program's. */
  failed(error: unknown): void {
    const isSlip = [TypeError, ReferenceError, RangeError, SyntaxError].some((kind) => error instanceof kind)
    if (isSlip) this.violated(`a slip: ${(error as Error).stack}`)
  }

  /** Work failed that its invocation left behind. What a fault does to it is told; being cut off is nothing that anybody could catch. */
  leftFailed(error: unknown): void {
    this.failed(error)
    if (codeOf(error) === 'POOL_RECLAIMED') this.violated('work that was cut off heard so: POOL_RECLAIMED')
  }

  looksAt(pool: Pool): void {
    const { max, total, waiting, ...parts } = gaugesOf(pool)
    const sum = Object.values(parts).reduce((all, it) => all + it)
    const isNegative = Object.values(parts).some((it) => it < 0) || waiting < 0
    if (sum !== total || total > max || isNegative) this.violated(`gauges; ${JSON.stringify(gaugesOf(pool))}`)
  }

  /** What runs in no transaction of its own can't fail for being in one. */
  async #outside(result: Promise<QueryResult>): Promise<QueryResult> {
    return result.catch((error) => {
      if (codeOf(error) === '25P02') this.violated('open transaction lent: 25P02')
      throw error
    })
  }
}

/** Slots in all and by state, and who waits. */
export function gaugesOf(pool: Pool) {
  const { max, total, waiting, idle, lent, dialing, validating, returning, closing } = pool.stats()
  return { max, total, waiting, idle, lent, dialing, validating, returning, closing }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
