import { tellOnce } from '../../options/option-checks.js'
import type { Target } from './profile.js'

/** Where options say that the server is. */
interface SaidAddress {
  readonly connectionString?: string | undefined
  readonly host?: string | undefined
  readonly port?: number | string | undefined
}

/**
 * The addresses, `host:port:` or `host:`, by which targets are known, as their makers document them; all others are `direct`.
 *
 * - RDS Proxy, and its further endpoints.
 * - Aurora DSQL, and through PrivateLink.
 * - Neon's pooler has `-pooler` at the end of its first label, also where Vercel rents it out. Supabase's has two ports: behind 6543 a
 *   session is lent by the transaction, behind 5432 it is the client's own until that leaves, as it would be without a pooler. Its older
 *   one, a PgBouncer, listens at 6543 of the database's own host.
 */
const ADDRESSES: readonly (readonly [Target, RegExp])[] = [
  ['rds-proxy', /\.proxy-.+\.rds\..*amazonaws\.com(\.cn)?:/i],
  ['dsql', /\.dsql\b.+\.on\.aws:/i],
  ['pgbouncer', /^[^.]+-pooler\..+\.(neon\.tech|vercel-storage\.com):|\.supabase\.com?:6543:/i],
]

/** The host of a connection string and its port. */
const AUTHORITY = /^[^:/]+:\/\/(?:[^/?#]*@)?([^/?#]*)/

/**
 * What a pool talks to, where the name of the host says so. As in pg, a connection string goes before `host`. An address that comes with
 * credentials is known too late.
 */
export function recognise({ connectionString, host, port }: SaidAddress): Target | undefined {
  const { PGHOST, PGPORT } = process.env
  const address = connectionString ? AUTHORITY.exec(connectionString)?.[1] : `${host || PGHOST}:${port || PGPORT}`
  return ADDRESSES.find(([, pattern]) => pattern.test(`${address}:`))?.[0]
}

/** Tells the process of a target that nobody has said. */
export function tellTarget(target: Target, sign: string): void {
  tellOnce('PG_THAW_TARGET', `\`target: '${target}'\` is read off ${sign}: say so, or \`target: 'direct'\``)
}
