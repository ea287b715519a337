import { isIP } from 'node:net'
import type { PgClient } from './pg-client.js'

/** The part of pg's connection that a CancelRequest takes. */
export interface CancelConnection {
  ssl: unknown
  readonly stream: { destroy(): void; readonly remoteAddress?: string | undefined }
  connect(port: number | string, host?: string): void
  requestSsl(): void
  cancel(processId: number, secretKey: number): void
  on(event: string, listener: (argument?: unknown) => void): void
}

/** A cancellation that is under way. */
export interface Cancellation {
  /** Resolves when the server has taken the request or can't be reached. Never rejects: there is nothing left to do then. */
  readonly done: Promise<void>
  abandon(): void
}

/**
 * Asks the server to cancel what runs on a client, over a connection of its own: to the same address, with the same TLS. The server
 * acts on the request and closes that connection without an answer.
 */
export function cancelOnServer(client: PgClient, through: PgClient): Cancellation {
  const { processID, secretKey, host, port, ssl, connection: busy } = client as unknown as CancelSource
  const { connection } = through as unknown as { connection: CancelConnection }
  connection.ssl = ssl
  const done = new Promise<void>((resolve) => {
    const send = () => connection.cancel(processID, secretKey)
    connection.on('connect', () => {
      if (!ssl) send()
      else if (!isDirect(through)) connection.requestSsl()
    })
    connection.on('sslconnect', send)
    connection.on('error', () => connection.stream.destroy())
    connection.on('end', () => resolve())
  })
  if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`)
  else {
    // A name may lead to several servers. The certificate is for the name all the same.
    if (typeof ssl === 'object' && isIP(host) === 0) connection.ssl = { servername: host, ...ssl }
    connection.connect(port, busy.stream.remoteAddress ?? host)
  }
  return { done, abandon: () => connection.stream.destroy() }
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

function isDirect(client: PgClient): boolean {
  return (client.connection as unknown as { sslNegotiation?: string }).sslNegotiation === 'direct'
}
