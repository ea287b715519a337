import { writeFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { InvocationRecord, LocalLambda } from 'pg-thaw/testing'
import type { Contender } from './contenders/contender'
import type { Task } from './contenders/task'
import type { DatabaseUser } from './database'
import type { History } from './history'
import type { Turn } from './turns'

/** Between two calls of an environment, ms: long enough for it to be frozen, and for that to be noticed. */
const betweenCallsMillis = 60

/** What an act has of one contender: its fleet, and its user of the database. */
export class Stage {
  readonly contender: Contender
  readonly lambda: LocalLambda
  readonly user: DatabaseUser
  readonly #secretFile: string
  readonly #history: History
  readonly #signal: AbortSignal
  readonly #turn: Turn

  constructor(
    contender: Contender,
    fleet: { lambda: LocalLambda; user: DatabaseUser; secretFile: string },
    run: { history: History; signal: AbortSignal; turn: Turn },
  ) {
    this.contender = contender
    this.lambda = fleet.lambda
    this.user = fleet.user
    this.#secretFile = fleet.secretFile
    this.#history = run.history
    this.#signal = run.signal
    this.#turn = run.turn
  }

  /** One call. It is over, and its environment frozen, when this resolves. */
  async call(task: Task): Promise<InvocationRecord> {
    await this.pause(betweenCallsMillis)
    const record = await this.#turn(() => this.lambda.invoke(task))
    this.#signal.throwIfAborted()
    this.#history.addCall(this.contender, record)
    return record
  }

  /** So many calls at once, each in an environment of its own. */
  round(size: number, task: Task = { does: 'read' }): Promise<InvocationRecord[]> {
    return Promise.all(Array.from({ length: size }, () => this.call(task)))
  }

  /** Environments that were called before, as most are on a day like any other. */
  async warm(size: number): Promise<void> {
    for (let calls = 0; calls < 3; calls++) await this.round(size)
  }

  pause(millis: number): Promise<void> {
    return pause(millis, undefined, { signal: this.#signal })
  }

  /** Rotates the password: the server's and the secret's. */
  async rotatePassword(): Promise<void> {
    await writeFile(this.#secretFile, await this.user.changePassword())
  }
}
