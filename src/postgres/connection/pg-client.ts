import type { Client } from 'pg'

/** What pg-thaw uses of a pg client beyond its published types. What a client of another class may lack is optional. */
export interface PgClient extends Client {
  release: (error?: Error | boolean) => void
  readonly connectionParameters?: { options?: string | undefined }
  readonly readyForQuery?: boolean
  _queryable?: boolean
  readonly _ending?: boolean
  readonly _ended?: boolean
  _activeQuery?: unknown
  readonly _queryQueue?: unknown[]
  readonly _sentQueryQueue?: unknown[]
  _errorAllQueries?(error: Error): void
  getTransactionStatus(): 'I' | 'T' | 'E' | null
  ref(): void
  unref(): void
}

/** Whether the client may be used at all: connected, and not being closed by anybody. */
export function isUsable(client: PgClient): boolean {
  return client._queryable !== false && !client._ending && !client._ended
}

/** Rejects what its borrower still awaits of the client, and at once whatever it asks of it from now on. */
export function giveUp(client: PgClient, error: Error): void {
  if (client._errorAllQueries === undefined) return
  client._errorAllQueries(error)
  client._queryable = false
}

/**
 * Leaves whatever its borrower awaits of the client unsettled, from now on too: for borrowers whose invocation is over, where a rejection
 * that nobody can catch any more would end the process.
 */
export function forsake(client: PgClient): void {
  client._activeQuery = null
  client._queryable = false
  for (const queue of [client._queryQueue, client._sentQueryQueue]) queue?.splice(0)
  const never = new Promise(() => {})
  Object.assign(client, { query: (config?: { submit?: unknown }) => (config?.submit ? config : never) })
}

/** Whether a query is running on the client, or waiting in it. */
export function isBusy(client: PgClient): boolean {
  return Boolean(client._activeQuery || client._queryQueue?.length || client._sentQueryQueue?.length)
}

/**
 * Whether the server has not yet said that it is ready. A query that failed reports its error before that, so its client comes
 * back a moment too early.
 */
export function isSettling(client: PgClient): boolean {
  return client.readyForQuery === false
}
