import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type PostgresServer, startPostgres } from '../../scripts/postgres-server'
import { temporaryDirectory } from '../../scripts/postgres-server-guard'
import { give, serverUser } from '../../scripts/postgres-server-user'
import { type CertificateAuthority, certificateAuthority } from './tls-certificates'

/** A real PostgreSQL that speaks TLS, with a certificate of an authority of its own. */
export interface TlsServer extends PostgresServer {
  readonly authority: CertificateAuthority
  /** Where the authority's certificate lies, as PEM. */
  readonly caFile: string
}

export interface TlsServerOptions {
  /** What the certificate is for. Default `localhost` and `127.0.0.1`. */
  names?: readonly string[]
  /** Further server settings, as in postgresql.conf. */
  settings?: Record<string, string>
  /** Hears each line of the server's log. */
  onLog?: (line: string) => void
  /** The npm package that brings the server's binaries. */
  package?: string
}

/** The key exchange that servers before 18 offer by default (`ssl_ecdh_curve`), as a server 18 is told it. */
export const groupsBefore18 = { ssl_groups: 'prime256v1' }

/** Starts a server with `ssl` on. Without TLS it is still reachable, as a server is by default. */
export async function startTlsServer(options: TlsServerOptions = {}): Promise<TlsServer> {
  const { names = ['localhost', '127.0.0.1'], settings, onLog, package: packageName } = options
  const user = await serverUser()
  const directory = await mkdtemp(join(await temporaryDirectory(user), 'pg-thaw-tls-'))
  const remove = () => rm(directory, { recursive: true, force: true })
  try {
    const authority = certificateAuthority()
    const { cert, key } = authority.issue(...names)
    const [caFile, certFile, keyFile] = ['ca.crt', 'server.crt', 'server.key'].map((name) => join(directory, name))
    if (!caFile || !certFile || !keyFile) throw new Error('bug: a path without a name')
    await Promise.all([writeFile(caFile, authority.cert), writeFile(certFile, cert)])
    // The server refuses a key that others could read.
    await writeFile(keyFile, key, { mode: 0o600 })
    await give(user, directory, certFile, keyFile)
    const server = await startPostgres({
      settings: { ssl: 'on', ssl_cert_file: certFile, ssl_key_file: keyFile, ...settings },
      ...(onLog !== undefined && { onLog }),
      ...(packageName !== undefined && { package: packageName }),
    })
    const close = async () => {
      await server.close()
      await remove()
    }
    const { host, port, password, database, url, data } = server
    return {
      ...{ host, port, user: server.user, password, database, url, data, authority, caFile, close },
      stop: (mode) => server.stop(mode),
      start: () => server.start(),
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await remove()
    throw error
  }
}
