import type { Connection, Submittable } from 'pg'

/**
 * The cheapest question that a server answers: a Sync message, which only asks for ReadyForQuery. One round trip, nothing parsed
 * or planned, and no transaction is touched.
 */
export class SyncPing implements Submittable {
  readonly #done: (error?: Error) => void

  constructor(done: (error?: Error) => void) {
    this.#done = done
  }

  submit(connection: Connection): void {
    ;(connection as Connection & { sync(): void }).sync()
  }

  handleReadyForQuery(): void {
    this.#done()
  }

  handleError(error: Error): void {
    this.#done(error)
  }
}
