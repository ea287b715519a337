import type { Connection, Submittable } from 'pg'
import { STRAYS } from '../pg-client.js'

/**
 * The cheapest question that a server answers: a Sync message, which only asks for ReadyForQuery. One round trip, nothing parsed
 * or planned, and no transaction is touched.
 */
export class SyncPing implements Submittable {
  static {
    Object.assign(SyncPing.prototype, STRAYS)
  }

  /** Under the name that pg knows: it wraps the callback to end the timer of its `query_timeout`. */
  callback: (error?: Error) => void

  constructor(callback: (error?: Error) => void) {
    this.callback = callback
  }

  submit(connection: Connection): void {
    connection.sync()
  }

  handleReadyForQuery(): void {
    this.callback()
  }

  handleError(error: Error): void {
    this.callback(error)
  }
}
