/** What a connection string says of where it leads to, and of the TLS on the way. What it does not say is not there. */
export interface ConnectionString {
  readonly host?: string | undefined
  readonly database?: string | undefined
  /** The parameters after the question mark. */
  readonly parameters: URLSearchParams
}

/**
 * Reads a connection string as pg does (`pg-connection-string`), but only what the pool has to know before there is a client: pg itself
 * fills in defaults, and then nobody can tell them apart from what was said. Nothing comes of one that pg can't read either.
 */
export function readConnectionString(text: string): ConnectionString {
  if (text.startsWith('/')) {
    const [host, database] = text.split(' ')
    return { host, database, parameters: new URLSearchParams() }
  }
  const url = urlIn(text)
  if (url === undefined) return { parameters: new URLSearchParams() }
  const parameters = url.searchParams
  const path = decoded(url.pathname, decodeURI)
  if (url.protocol === 'socket:') return { host: path, database: parameters.get('db') || undefined, parameters }
  const host = decoded(url.hostname.replace(/^\[(.+)\]$/, '$1'), decodeURIComponent)
  return { host: parameters.get('host') || host, database: path?.slice(1) || undefined, parameters }
}

function urlIn(text: string): URL | undefined {
  const isRaw = / |%[^a-f0-9]|%[a-f0-9][^a-f0-9]/i.test(text)
  const encoded = isRaw ? encodeURI(text).replace(/%25(\d\d)/g, '%$1') : text
  if (URL.canParse(encoded, BASE)) return new URL(encoded, BASE)
  // A user without a host is no URL, but leads to the default host.
  const [before = '', after] = encoded.split('@/', 2)
  const hostless = after === undefined ? '' : `${before.replace(/\/\/.*$/, '//')}/${after}`
  return URL.canParse(hostless, BASE) ? new URL(hostless, BASE) : undefined
}

/** What pg reads a string against that has no protocol. */
const BASE = 'postgres://base'

function decoded(text: string, decode: (text: string) => string): string | undefined {
  try {
    return decode(text) || undefined
  } catch {
    return undefined
  }
}
