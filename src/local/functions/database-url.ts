import { userInfo } from 'node:os'
import { Refusal } from '../refusal.js'

type Variables = Readonly<Record<string, string | undefined>>

/** Where a database is, for those who connect to it. */
export interface DatabaseLocation {
  /** With the password in it: for connecting, never for printing. */
  readonly url: string
  readonly host: string
  readonly port: number
  /** For people, without the password. */
  readonly shown: string
}

const EXPECTED = 'postgres://USER:PASSWORD@HOST:PORT/DATABASE'

/**
 * Finds the database: what was given, else DATABASE_URL, else PGHOST and its kin.
 *
 * @throws Refusal that never quotes what was given: a password may be in it.
 */
export function locateDatabase(given: string | undefined, variables: Variables): DatabaseLocation {
  if (given !== undefined) return locate(given, '--database')
  if (variables.DATABASE_URL) return locate(variables.DATABASE_URL, 'DATABASE_URL')
  if (variables.PGHOST || variables.PGDATABASE || variables.PGUSER)
    return locate(urlOf(variables), 'PGHOST and its kin')
  throw new Refusal(`Which database? Expected --database ${EXPECTED}, or DATABASE_URL, or PGHOST and its kin`)
}

function locate(text: string, source: string): DatabaseLocation {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol)) {
    throw new Refusal(`Expected ${source} to be ${EXPECTED}`)
  }
  const host = (url.searchParams.get('host') ?? decodeURIComponent(url.hostname)).replace(/^\[(.*)\]$/, '$1')
  const port = Number(url.searchParams.get('port') ?? (url.port || 5432))
  if (host === '' || host.startsWith('/')) {
    throw new Refusal(`Expected ${source} to name a host: connections through a socket file can't be watched`)
  }
  if (host.includes(',')) throw new Refusal(`Expected ${source} to name one host: only one can be watched`)
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Refusal(`Expected the port of ${source} to be from 1 to 65535`)
  }
  const database = decodeURIComponent(url.pathname.slice(1)) || decodeURIComponent(url.username)
  return { url: text, host, port, shown: `${database || 'the default database'} at ${host}:${port}` }
}

/** One way to say it, whatever way it came. */
function urlOf(variables: Variables): string {
  const { PGHOST = 'localhost', PGPORT = '5432', PGUSER = userInfo().username, PGPASSWORD, PGSSLMODE } = variables
  const { PGDATABASE = PGUSER } = variables
  const password = PGPASSWORD ? `:${encodeURIComponent(PGPASSWORD)}` : ''
  // A socket's directory is no name of a host: it is refused as what it is.
  const [host, directory] = PGHOST.startsWith('/') ? ['', `&host=${PGHOST}`] : [PGHOST, '']
  const name = host.includes(':') ? `[${host}]` : host
  const mode = PGSSLMODE ? `&sslmode=${encodeURIComponent(PGSSLMODE)}` : ''
  const query = `${mode}${directory}`.replace(/^&/, '?')
  return `postgres://${encodeURIComponent(PGUSER)}${password}@${name}:${PGPORT}/${encodeURIComponent(PGDATABASE)}${query}`
}
