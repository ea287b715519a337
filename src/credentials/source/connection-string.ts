/** Where a connection string leads to. What it does not say is not there. */
export interface Destination {
  readonly host?: string | undefined
  readonly database?: string | undefined
}

/**
 * Reads a connection string as pg does (`pg-connection-string`), but only where it leads to: pg itself fills in defaults, and then nobody
 * can tell them apart from what was said. Nothing comes of one that pg can't read either.
 */
export function readConnectionString(text: string): Destination {
  if (text.startsWith('/')) {
    const [host, database] = text.split(' ')
    return { host, database }
  }
  try {
    return read(text)
  } catch {
    return {}
  }
}

function read(text: string): Destination {
  const isRaw = / |%[^a-f0-9]|%[a-f0-9][^a-f0-9]/i.test(text)
  const encoded = isRaw ? encodeURI(text).replace(/%25(\d\d)/g, '%$1') : text
  // A user without a host is no URL, but leads to the default host.
  const isHostless = !URL.canParse(encoded)
  const url = new URL(isHostless ? encoded.replace('@/', '@-/') : encoded)
  const path = decodeURI(url.pathname)
  if (url.protocol === 'socket:') return { host: path, database: url.searchParams.get('db') || undefined }
  const host = isHostless ? '' : decodeURIComponent(url.hostname.replace(/^\[(.+)\]$/, '$1'))
  return { host: url.searchParams.get('host') || host || undefined, database: path.slice(1) || undefined }
}
