import { EventEmitter, once } from 'node:events'
import { type InvocationRecord, type LocalLambda, type LocalLambdaOptions, startLambda } from 'pg-thaw/testing'
import type { DatabaseConfig, Session, TestDatabase } from '../../support/database'
import { within } from '../../support/within'
import type { Asked, Told } from '../functions/work'

/** What one call came to: as it is seen from outside, and what it said. */
export interface Call {
  readonly record: InvocationRecord
  readonly told: Told
}

/** One environment of a function that does the work of `functions/work.ts`, and its sessions on the server. */
export class Environment {
  readonly #lambda: LocalLambda
  readonly #database: TestDatabase
  readonly #name: string
  readonly #words: Words
  readonly #eventOf: (asked: Asked) => unknown
  #calls = 0

  private constructor(
    lambda: LocalLambda,
    database: TestDatabase,
    name: string,
    words: Words,
    eventOf: (asked: Asked) => unknown,
  ) {
    this.#lambda = lambda
    this.#database = database
    this.#name = name
    this.#words = words
    this.#eventOf = eventOf
  }

  /** Its sessions are called `name`. */
  static async start(
    name: string,
    database: TestDatabase,
    options: LocalLambdaOptions,
    eventOf: (asked: Asked) => unknown,
  ): Promise<Environment> {
    const words = new Words()
    const lambda = await startLambda({
      ...options,
      database: { host: database.config.host, port: database.config.port },
      // A second one would have a pool of its own.
      reservedConcurrency: 1,
      env: { ...signIn(database.config), PGAPPNAME: name, ...options.env },
      onLog: ({ text }) => words.hear(text),
    })
    return new Environment(lambda, database, name, words, eventOf)
  }

  /** Calls it, and waits until it is frozen again. */
  async call(does?: Asked['does']): Promise<Call> {
    this.#calls += 1
    const call = this.#calls
    const record = await this.#lambda.invoke(this.#eventOf({ call, ...(does !== undefined && { does }) }))
    return { record, told: await this.#words.of(call, record) }
  }

  /** Asks the server until it has so many sessions of this environment; `where` is SQL over pg_stat_activity. */
  untilSessions(count: number, where = 'true'): Promise<Session[]> {
    return this.#database.untilSessions(count, { where: `application_name = '${this.#name}' AND (${where})` })
  }

  close(): Promise<void> {
    return this.#lambda.close()
  }
}

/** What an environment writes: what calls said, and all else, which may say why they said nothing. */
class Words {
  readonly #told = new Map<number, Told>()
  readonly #others: string[] = []
  readonly #heard = new EventEmitter()

  hear(line: string): void {
    const [, json] = /^TOLD (.*)$/.exec(line) ?? []
    if (json === undefined) {
      this.#others.push(line)
      return
    }
    const told = JSON.parse(json) as Told
    this.#told.set(told.call, told)
    this.#heard.emit(String(told.call))
  }

  /** A line may arrive a little later than what the call came to. */
  async of(call: number, { outcome, response, error }: InvocationRecord): Promise<Told> {
    const told = this.#told.get(call)
    if (told !== undefined) return told
    const seen = [outcome, JSON.stringify(response ?? error), ...this.#others].join('\n')
    await within(5000, once(this.#heard, String(call)), `a word of call ${call} (${seen})`)
    return this.of(call, { outcome, response, error } as InvocationRecord)
  }
}

function signIn({ user, password, database }: DatabaseConfig): Record<string, string> {
  return { PGUSER: user, PGPASSWORD: password, PGDATABASE: database }
}
