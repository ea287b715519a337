import { oneOf, refuse } from '../../options/option-checks.js'
import type { PoolOptions } from '../../options/options.js'

/** Which servers will do, in libpq's words. */
export type TargetSessionAttrs = 'any' | 'read-write' | 'read-only' | 'primary' | 'standby' | 'prefer-standby'

export const targetSessionAttrs = oneOf('any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby')

/** One of the hosts that options name. */
export interface Host {
  readonly name: string
  /** What leads pg to it; nothing where there is only one: then pg reads it itself. */
  readonly options: HostOptions
}

export interface HostOptions {
  readonly connectionString?: string | undefined
  readonly host?: string
  readonly port?: number
  readonly ssl?: true
}

/** What stands before the authority of a URL, with the user; the authority; and what stands behind. */
const URL_PARTS = /^([\w+.-]+:\/\/(?:[^/?#]*@)?)([^/?#]*)(.*)$/s

/** What stands in for what is not given, as in pg. */
type Variables = Readonly<Record<string, string | undefined>>

/** The parameters of a connection string. */
export function parametersOf(connectionString: string | undefined): URLSearchParams {
  return new URLSearchParams(connectionString?.split(/[?#]/)[1])
}

/**
 * The hosts that options name, in their order: several stand in one text with commas between them, in a connection string, in `host` or in
 * `PGHOST`, and so do their ports, or there is one for all. As in libpq.
 *
 * @throws {PoolOptionError} where there are as many ports as there are hosts neither, nor one; or one is none.
 */
export function hostsIn(options: PoolOptions, variables: Variables = process.env): readonly Host[] {
  const { connectionString } = options
  // The path of a socket, in either form. As in pg, it goes before any host.
  if (/^(\/|socket:)/i.test(connectionString ?? '')) return [{ name: 'the socket', options: {} }]
  const [, before, authority = '', after = ''] = URL_PARTS.exec(connectionString ?? '') ?? []
  const parameters = parametersOf(connectionString)
  const named = parameters.get('host') || authority
  const isInAuthority = named === authority && named !== ''
  const text = named || options.host || variables.PGHOST || ''
  const given = String(parameters.get('port') || (!named && options.port) || variables.PGPORT || 5432).split(',')
  const entries = text.split(',').map((written, at) => {
    const entry = written.trim()
    const [, host = '', port = ''] = (isInAuthority && /^(\[.*\]|[^:]*)(?::(.*))?$/.exec(entry)) || [entry, entry]
    return { host, port: port || (given[at] ?? given[0] ?? '') }
  })
  if (entries.length === 1 && given.length === 1) return [{ name: entries[0]?.host ?? '', options: {} }]
  const isOneEach = isInAuthority || given.length === 1 || given.length === entries.length
  refuse('port', !isOneEach && `one for all hosts, or one for each of them (${entries.length})`, given.join())
  return entries.map(({ host, port }) => {
    // What stands there in a connection string may be a password, where the URL is not what it was meant to be.
    const option = (name: string) => (isInAuthority ? 'connectionString' : name)
    refuse(option('host'), host === '' && 'with names of hosts and a comma between them', text)
    const isPort = /^\d{1,5}$/.test(port) && Number(port) < 65_536
    refuse(option('port'), !isPort && 'with ports from 1 to 65535', port)
    const name = `${host}:${port}`
    if (before === undefined) return { name, options: { host, port: Number(port) } }
    // Without what would go before it.
    const rest = after.replace(/(?<=[?&])(host|port)=[^&#]*&?/g, '')
    const connectionString = `${before}${isInAuthority ? host : encoded(host)}:${port}${rest}`
    return { name, options: { connectionString } }
  })
}

/** A path, or an address of version 6. */
function encoded(host: string): string {
  return /^[^/]*:/.test(host) ? `[${host}]` : encodeURIComponent(host)
}
