import { createHash } from 'node:crypto'
import type { FieldDef } from 'pg'
import { codeOf } from '../../../pool/errors.js'
import type { Wire } from '../pg-client.js'
import { SQLSTATE } from '../session/sqlstate.js'

/** Longer texts are neither remembered nor prepared: bulk loaders make a new one each time. */
const LONGEST_TEXT = 16_384

/** After so many surprises it is certain that names don't stay with the session. */
const MOST_SURPRISES = 2

/** One statement that the server knows by a name, on one connection. */
export interface Statement {
  readonly name: string
  /** Whether the name may stand for what somebody else has prepared, and for something else on the next session. */
  readonly isShared: boolean
  /** Whether a Parse has been sent for it. */
  isParsed: boolean
  /** Whether it has run to its end under that name: then {@link fields} are known, and need not be asked for again. */
  hasRun: boolean
  /** What its rows look like; nothing where it has none. */
  fields: FieldDef[] | undefined
}

/** How a pool prepares, and what came of it. */
export class Preparing {
  /** Statements that were given a name. */
  prepared = 0
  /** Queries that ran by a name which the server knew. */
  reused = 0
  /** Names that could not be used any more. */
  forgotten = 0
  /** How often a text must have run before. */
  readonly after: number
  /** Names on one connection. */
  readonly most: number
  /** Whether names are a pooler's, which knows them by their texts. */
  readonly isShared: boolean
  readonly #surprised: () => void
  #surprises = 0

  /** `surprised` is called once, when it turned out that names don't stay with the session. */
  constructor(after: number, most: number, isShared: boolean, surprised: () => void) {
    this.after = after
    this.most = most
    this.isShared = isShared
    this.#surprised = surprised
  }

  get isOff(): boolean {
    return this.after === Infinity || this.#surprises >= MOST_SURPRISES
  }

  surprise(): void {
    this.#surprises += 1
    if (this.#surprises === MOST_SURPRISES) this.#surprised()
  }
}

/**
 * The statements of one connection. A name is made of the statement's text: should somebody in between lend one session to several
 * clients, they can't run each other's statements by mistake.
 */
export class Statements {
  readonly #preparing: Preparing
  readonly #first: () => void
  #hasAny = false
  /** By text; the one not used for longest comes first. */
  readonly #known = new Map<string, Statement>()
  /** Texts that have run here, without a name. */
  readonly #seen = new Map<string, number>()
  /** Names that the server may still know, and should not; the empty one is that of the last statement without a name. */
  #toClose: string[] = []

  /** `first` is called before the first name is given. */
  constructor(preparing: Preparing, first: () => void) {
    this.#preparing = preparing
    this.#first = first
  }

  /** The statement that a text may run as, if it has come often enough. */
  find(text: string): Statement | undefined {
    const { after, most, isOff } = this.#preparing
    if (isOff) return undefined
    const known = this.#known.get(text)
    if (known !== undefined) {
      this.#known.delete(text)
      this.#known.set(text, known)
      if (known.hasRun) this.#preparing.reused += 1
      return known
    }
    if (text.length > LONGEST_TEXT) return undefined
    const times = this.#seen.get(text) ?? 0
    if (times < after) {
      if (this.#seen.size >= most && times === 0) this.#seen.clear()
      this.#seen.set(text, times + 1)
      return undefined
    }
    this.#seen.delete(text)
    return this.#name(text)
  }

  /** Closes at the server what is to be closed; goes ahead of the next statement. */
  sendCloses(connection: Wire): void {
    for (const name of this.#toClose.splice(0)) connection.close({ type: 'S', name })
  }

  /** A name could not be used: the text runs without one for a while. `error` is what the server said. */
  forget(text: string, statement: Statement, error: unknown): void {
    // Another query was first, and perhaps a third one has given it a name again.
    if (this.#known.get(text) !== statement) return
    this.#known.delete(text)
    this.#toClose.push(statement.name)
    this.#preparing.forgotten += 1
    const code = codeOf(error)
    // PgBouncer keeps one statement for all who send the same text, and drops it for none of them: under a name the old one would come again.
    if (statement.isShared && /^(0A|42)/.test(code ?? '')) this.#seen.set(text, -Infinity)
    const isLost = statement.hasRun && code === SQLSTATE.UNDEFINED_STATEMENT
    if (isLost || code === SQLSTATE.DUPLICATE_STATEMENT) this.#preparing.surprise()
  }

  /**
   * The server was told to drop names (perhaps all, perhaps one of the user's own), or would read their texts otherwise now. To close one
   * that is gone does no harm.
   */
  forgetAll(): void {
    this.#preparing.forgotten += this.#known.size
    for (const { name } of this.#known.values()) this.#toClose.push(name)
    this.#known.clear()
  }

  #name(text: string): Statement {
    if (!this.#hasAny) this.#first()
    this.#hasAny = true
    for (const [oldest, { name }] of this.#known) {
      if (this.#known.size < this.#preparing.most) break
      this.#known.delete(oldest)
      this.#toClose.push(name)
    }
    // The server still holds the text as the statement without a name, and its plan in the way of what each execution allocates: six
    // pages were mapped anew for every query of a join.
    this.#toClose.push('')
    const name = `pg_thaw_${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`
    const statement: Statement = {
      name,
      isShared: this.#preparing.isShared,
      isParsed: false,
      hasRun: false,
      fields: undefined,
    }
    this.#known.set(text, statement)
    this.#preparing.prepared += 1
    return statement
  }
}
