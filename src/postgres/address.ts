import type { Credentials } from './credentials.js'
import type { PgClient } from './pg-client.js'
import type { VerifiedTls } from './tls.js'

/** The parts of pg's client that say where it connects to. */
interface Unconnected {
  host: string
  port: number
  ssl: unknown
  readonly connection: { ssl: unknown }
}

/** Has a client that is not connected yet connect to where the credentials say, as far as they say it. */
export function sendTo(client: PgClient, { host, port }: Credentials): void {
  const target = client as unknown as Unconnected
  target.host = host ?? target.host
  target.port = port ?? target.port
}

/** Has it verify whom it talks to. The context is made here, where its errors are heard, and once for all connections. */
export function verifyHost(client: PgClient, tls: VerifiedTls): void {
  const target = client as unknown as Unconnected
  tls.prepare(target.host)
  target.ssl = tls.ssl(target.host)
  target.connection.ssl = target.ssl
}
