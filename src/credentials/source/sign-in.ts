import { isIPv4 } from 'node:net'
import type { Credentials } from '../../postgres/connection/opening/credentials.js'
import type { PgClient } from '../../postgres/connection/pg-client.js'
import { CredentialsError } from './credentials-error.js'

/** The parts of pg's client and connection that signing in touches. */
interface Unconnected {
  host: string
  port: number
  readonly ssl: unknown
  user: string | undefined
  password: unknown
  readonly connectionParameters: { user?: string | undefined; database?: string | undefined }
  readonly connection: {
    readonly stream: { readonly destroyed: boolean }
    startup(configuration: unknown): void
    emit(event: 'error', error: unknown): void
  }
  getStartupConf(): unknown
}

/** Has a client that is not connected yet connect to where the credentials say, as far as they say it. */
export function sendTo(client: PgClient, { host, port }: Credentials): void {
  const target = client as unknown as Unconnected
  target.host = host ?? target.host
  target.port = port ?? target.port
}

/**
 * Has a client that is not connected yet sign in with credentials that may still be on their way: the server need not know the user
 * before TCP and TLS are done, so fetching overlaps with both. What they don't say stays as it is; `database` is that of the pool's
 * options, which goes before theirs.
 *
 * The client's `connect` rejects with the reason why there are none, or with `POOL_CREDENTIALS_PLAIN_TEXT` where they would travel to
 * another machine in plain text though they must not.
 */
export function signInWith(client: PgClient, pending: Promise<Credentials>, database: string | undefined): void {
  const target = client as unknown as Unconnected
  const { connection, connectionParameters: parameters } = target
  const startup = connection.startup.bind(connection)
  connection.startup = () => {
    pending
      .then((credentials) => {
        if (connection.stream.destroyed) return
        refusePlainText(target, credentials)
        parameters.user = credentials.user ?? parameters.user
        parameters.database = database ?? credentials.database ?? databaseOf(target, credentials)
        target.user = parameters.user
        target.password = credentials.password ?? target.password
        startup(target.getStartupConf())
      })
      .catch((error: unknown) => connection.emit('error', error))
  }
}

/** pg's own default is the user's name, and the user was not known when it was chosen. */
function databaseOf({ connectionParameters: { database }, user }: Unconnected, credentials: Credentials) {
  return database === undefined || database === user ? (credentials.user ?? database) : database
}

function refusePlainText({ ssl, host }: Unconnected, { requiresEncryption }: Credentials): void {
  if (!requiresEncryption || ssl || isLocalAddress(host)) return
  const text = `these credentials must not travel to \`${host}\` in plain text: set \`ssl: 'verify-full'\``
  throw new CredentialsError('POOL_CREDENTIALS_PLAIN_TEXT', 'permanent', text)
}

/** Whether what is sent to this host stays on this machine: a loopback address, or the path of a Unix socket. pg's own default is. */
export function isLocalAddress(host: string | undefined): boolean {
  if (host === undefined || host === '' || host.startsWith('/') || host.startsWith('@')) return true
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/^::ffff:/, '')
  return name === '::1' || name === 'localhost' || (isIPv4(name) && name.startsWith('127.'))
}
