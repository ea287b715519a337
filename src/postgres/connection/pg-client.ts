import type { Client, Connection } from 'pg'

/** What pg-thaw uses of a pg client beyond its published types. What a client of another class may lack is optional. */
export interface PgClient extends Client {
  release: (error?: Error | boolean) => void
  readonly connectionParameters?: { options?: string | undefined }
  readonly readyForQuery?: boolean
  _queryable?: boolean
  readonly _ending?: boolean
  readonly _ended?: boolean
  readonly _connected?: boolean
  readonly _txStatus?: 'I' | 'T' | 'E' | null
  _activeQuery?: unknown
  readonly _queryQueue?: unknown[]
  _pulseQueryQueue?(): void
  readonly _sentQueryQueue?: unknown[]
  _errorAllQueries?(error: Error): void
  getTransactionStatus(): 'I' | 'T' | 'E' | null
  ref(): void
  unref(): void
}

/** The messages of the protocol, as pg sends them; its published types ask for an argument that it has not. */
export interface Wire extends Pick<Connection, 'stream' | 'sync'> {
  parse(statement: { text: string; name?: string | undefined }): void
  bind(values: { statement?: string | undefined; values?: unknown[] | undefined }): void
  describe(what: { type: 'P' | 'S' }): void
  execute(portal: object): void
  close(what: { type: 'S'; name: string }): void
}

/** How pg answers the server's last question of the sign-in. */
export interface SigningIn extends Connection {
  password(answer: string): void
  sendSCRAMClientFinalMessage(answer: string): void
}

/** What waits for an answer of the server. */
interface Asked {
  submit(connection: Connection): unknown
}

/**
 * Asks the server for something, by a way that instrumentations of pg don't see: it is nobody's query. To be used on a client that is
 * usable and at rest.
 */
export function askQuietly(client: PgClient, asked: Asked): void {
  client._queryQueue?.push(asked)
  client._pulseQueryQueue?.()
}

interface Answered {
  handleError(error: Error): void
}

function stray(this: Answered): void {
  this.handleError(new Error('the server answered what it was not asked'))
}

/** What pg hands on to whatever it takes for a query, also where that asked for none of it: then the server is out of step. */
export const STRAYS = {
  handleRowDescription: stray,
  handleDataRow: stray,
  handleCommandComplete: stray,
  handleEmptyQuery: stray,
  handlePortalSuspended: stray,
  handleCopyInResponse: stray,
  handleCopyData: stray,
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

/** What waits in the client behind what runs fails with it. */
export function failQueued(client: PgClient, error: Error): void {
  const queued = (client._queryQueue?.splice(0) ?? []) as { handleError(error: Error, connection: unknown): void }[]
  for (const query of queued) process.nextTick(() => query.handleError(error, client.connection))
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
