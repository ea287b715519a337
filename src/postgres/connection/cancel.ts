import { isIP } from 'node:net'
import { systemClock, type Timer } from '../../pool/clock.js'
import type { PgClient } from './pg-client.js'
import { PooledQuery } from './statements/pooled-query.js'

/** The part of pg's connection that a CancelRequest takes. */
export interface CancelConnection {
  ssl: unknown
  readonly sslNegotiation?: string
  readonly stream: { destroy(): void; readonly remoteAddress?: string | undefined }
  connect(port: number | string, host?: string): void
  requestSsl(): void
  cancel(processId: number, secretKey: number): void
  on(event: string, listener: (argument?: unknown) => void): void
}

/** A cancellation that is under way. */
export interface Cancellation {
  /** Resolves when what ran is over and the connection dropped, or the server can't be asked. Never rejects. */
  readonly done: Promise<void>
  abandon(): void
}

/** How soon the server is asked again, ms; twice as long each time. After the longest it is taken for lost. */
const FIRST_PATIENCE_MILLIS = 10
const LONGEST_PATIENCE_MILLIS = 160

/**
 * Has the server cancel what runs on a client, and drops the client's connection the moment that is over, before anything that waits in
 * the client is sent. The server does not answer a request, and does nothing for one that comes before it has read the query: so it is
 * asked until the client hears the end of all that was sent.
 */
export function cancelOnServer(client: PgClient, newClient: () => PgClient): Cancellation {
  const { connection } = client
  // With pipelining the server turns to the next query when one is cancelled.
  let unanswered = Number(client.readyForQuery === false) + (client._sentQueryQueue?.length ?? 0)
  const { _activeQuery: active } = client
  if (active instanceof PooledQuery && active.isProving) unanswered += 1
  let patience = FIRST_PATIENCE_MILLIS
  let isOver = false
  let request: Request | undefined
  let again: Timer | undefined
  let resolve = () => {}
  const done = new Promise<void>((it) => {
    resolve = it
  })

  function ask(): void {
    again = undefined
    try {
      request = askOnce(client, newClient())
    } catch {
      // The client may be of the user's own make.
      return drop()
    }
    request.closed.then((wasReached) => {
      if (isOver) return
      if (!wasReached || patience > LONGEST_PATIENCE_MILLIS) return drop()
      again = systemClock.setTimer(patience, ask)
      patience *= 2
    })
  }

  function heard(): void {
    unanswered -= 1
    if (unanswered <= 0) return drop()
    patience = FIRST_PATIENCE_MILLIS
    if (again === undefined) return
    again.cancel()
    ask()
  }

  function drop(): void {
    isOver = true
    again?.cancel()
    connection.off('readyForQuery', heard)
    connection.off('end', drop)
    connection.stream.destroy()
    // A request that is under way is left to the other side: PgBouncer before 1.20 may not survive that its client hangs up.
    void Promise.resolve(request?.closed).then(() => resolve())
  }

  // In front of pg's own listener, which sends what waits next.
  connection.prependListener('readyForQuery', heard)
  connection.on('end', drop)
  ask()
  return {
    done,
    abandon: () => {
      drop()
      request?.abandon()
    },
  }
}

/** One request to cancel. */
interface Request {
  /** Whether the server was reached, when the request's connection has closed. */
  readonly closed: Promise<boolean>
  abandon(): void
}

/**
 * Sends a request to cancel over a connection of its own: to the same address, with the same TLS. The server acts on it and closes that
 * connection without an answer.
 */
function askOnce(client: PgClient, through: PgClient): Request {
  const { processID, secretKey, host, port, ssl, connection: busy } = client as unknown as CancelSource
  const { connection } = through as unknown as { connection: CancelConnection }
  connection.ssl = ssl
  const abandon = () => connection.stream.destroy()
  let wasReached = true
  const closed = new Promise<boolean>((resolve) => {
    const send = () => connection.cancel(processID, secretKey)
    connection.on('connect', () => {
      if (!ssl) send()
      else if (connection.sslNegotiation !== 'direct') connection.requestSsl()
    })
    connection.on('sslconnect', send)
    connection.on('error', () => {
      wasReached = false
      abandon()
    })
    connection.on('end', () => resolve(wasReached))
  })
  if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`)
  else {
    // A name may lead to several servers. The certificate is for the name all the same.
    if (typeof ssl === 'object' && isIP(host) === 0) connection.ssl = { servername: host, ...ssl }
    connection.connect(port, busy.stream.remoteAddress ?? host)
  }
  return { closed, abandon }
}

interface CancelSource {
  readonly processID: number
  readonly secretKey: number
  readonly host: string
  readonly port: number
  /** As it was when the client connected: with whom to trust in it. */
  readonly ssl: unknown
  readonly connection: CancelConnection
}
