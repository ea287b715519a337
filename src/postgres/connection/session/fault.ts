import type { PgClient } from '../pg-client.js'
import { PooledQuery } from '../statements/pooled-query.js'
import { isWritable } from './server-state.js'
import { SQLSTATE } from './sqlstate.js'

/**
 * Classes of SQLSTATE (PostgreSQL's appendix A) whose errors are those of a statement, a value or a transaction, and leave the session as
 * it was; and the cancelling of a statement. Any other error, known here or not, says something of the session or its server: a statement
 * that it remembers has gone stale (0A, 26), the other side does not understand (08), a lack or a fault of the server (53, 58, XX), its end
 * (57).
 */
const OF_STATEMENTS =
  /^(?:02|03|09|0B|0F|0L|0P|0Z|10|20|21|22|23|24|25|2B|2D|2F|34|38|39|3B|3F|40|42|44|54|55|P0|57014)/

/** Whether a session that reported such an error may not be lent again. */
export function isOfSession(code: string | undefined): boolean {
  return code !== undefined && (code === SQLSTATE.READ_ONLY_SQL_TRANSACTION || !OF_STATEMENTS.test(code))
}

/** Set on a client whose session has reported an error that is its own. */
export const FAULTY: unique symbol = Symbol('pg-thaw.faulty')

export type Watched = PgClient & { readonly [FAULTY]?: boolean }

/** From now on notes when the session of a client is at fault; `demoted` is called when its server no longer takes writes. */
export function watchFaults(client: PgClient, demoted: () => void): void {
  const { connection } = client
  let isDoubted = false
  const fault = (isDemoted: boolean) => {
    if (isDemoted) demoted()
    Object.assign(client, { [FAULTY]: true })
  }
  // Before pg, which forgets whose error it is.
  connection?.prependListener?.('errorMessage', ({ code }: { readonly code?: string }) => {
    if (!isOfSession(code)) return
    const query = client._activeQuery
    // A name of the pool's own that can't be used is no fault of the session.
    if (query instanceof PooledQuery && query.isAboutName(code)) return
    if (code !== SQLSTATE.READ_ONLY_SQL_TRANSACTION) return fault(false)
    // A transaction may be read-only by its own wish; a statement alone is so by the server's. That it has changed is reported afterwards.
    const isAlone = client.getTransactionStatus?.() === 'I' && !(query instanceof PooledQuery && query.begins)
    if (isAlone || !isWritable(client)) fault(true)
    else isDoubted = true
  })
  connection?.on?.('parameterStatus', () => {
    if (isDoubted && !isWritable(client)) fault(true)
  })
}

/** Whether the session has reported an error that is its own. */
export function isFaulty(client: PgClient): boolean {
  return (client as Watched)[FAULTY] === true
}
