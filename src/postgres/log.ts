import type { RetireReason } from '../pool/slot.js'
import type { PgConnector } from './connection/pg-connector.js'

/** What takes pg-pool's messages. */
export type Log = (...messages: unknown[]) => void

const REMOVALS: Partial<Record<RetireReason, string>> = {
  idle: 'remove idle client',
  lifetime: 'remove expired client',
  uses: 'remove expended client',
}

/** pg-pool's words for a connection that goes because of an option, where it has any. */
export function removalText(reason: RetireReason): string | undefined {
  return REMOVALS[reason]
}

/** Has a connector tell of its dials what pg-pool tells of them. */
export function logDials(connector: PgConnector, log: Log): void {
  const dial = connector.dial.bind(connector)
  connector.dial = async (opening) => {
    log('connecting new client')
    try {
      const client = await dial(opening)
      log('new client connected')
      return client
    } catch (error) {
      log('client failed to connect', error)
      throw error
    }
  }
}
