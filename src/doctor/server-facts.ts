import type { Client } from 'pg'

/** What the server says of itself; what it does not know is null. */
export interface ServerFacts {
  readonly version: string
  readonly versionNumber: number
  readonly isStandby: boolean
  readonly isReadOnly: boolean
  /** Whether the session keeps what it was started with: it is the client's own. */
  readonly isMarked: boolean
  readonly isAurora: boolean
  readonly maxConnections: number | null
  /** Of these kept for superusers and for roles with `pg_use_reserved_connections`. */
  readonly reservedConnections: number
  /** Of the role and of the database; null for none. */
  readonly roleLimit: number | null
  readonly databaseLimit: number | null
  /** How many the role, and the database, have now; this one is one of them. */
  readonly roleSessions: number
  readonly databaseSessions: number
  readonly isSuperuser: boolean
  /** What sessions are limited to that ask for nothing, ms; 0 for nothing, null where the server does not know it. */
  readonly idleSessionMillis: number | null
  readonly statementMillis: number | null
  readonly keepalivesIdleSeconds: number | null
  /** The server's clock less this one's, ms. */
  readonly clockAheadMillis: number
}

const setting = (name: string) => `current_setting('${name}', true)`
const millisOf = (name: string) => `extract(epoch FROM ${setting(name)}::interval) * 1000`

const FACTS = `SELECT version() AS version, current_setting('server_version_num')::int AS "versionNumber",
  pg_is_in_recovery() AS "isStandby", current_setting('transaction_read_only') = 'on' AS "isReadOnly",
  ${setting('pg_thaw.session')} IS NOT NULL AS "isMarked", to_regproc('aurora_version') IS NOT NULL AS "isAurora",
  ${setting('max_connections')}::int AS "maxConnections",
  coalesce(${setting('superuser_reserved_connections')}::int, 0) + coalesce(${setting('reserved_connections')}::int, 0)
    AS "reservedConnections",
  (SELECT nullif(rolconnlimit, -1) FROM pg_roles WHERE rolname = current_user) AS "roleLimit",
  (SELECT nullif(datconnlimit, -1) FROM pg_database WHERE datname = current_database()) AS "databaseLimit",
  (SELECT count(*)::int FROM pg_stat_activity WHERE usename = current_user) AS "roleSessions",
  (SELECT count(*)::int FROM pg_stat_activity WHERE datname = current_database() AND usesysid IS NOT NULL) AS "databaseSessions",
  coalesce((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), false) AS "isSuperuser",
  (${millisOf('idle_session_timeout')})::float8 AS "idleSessionMillis",
  (${millisOf('statement_timeout')})::float8 AS "statementMillis",
  ${setting('tcp_keepalives_idle')}::int AS "keepalivesIdleSeconds",
  (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "serverMillis"`

/** Asks the server, in one statement. */
export async function serverFacts(client: Client): Promise<ServerFacts> {
  const before = Date.now()
  const { rows } = await client.query<ServerFacts & { serverMillis: number }>(FACTS)
  const [{ serverMillis, ...facts } = {} as never] = rows
  return { ...facts, clockAheadMillis: Math.round(serverMillis - (before + Date.now()) / 2) }
}

/** Sessions with one name, in one state. */
export interface SessionGroup {
  readonly name: string
  readonly state: string
  readonly count: number
  /** How many of them have been idle for longer than one is that somebody will use again. */
  readonly leftovers: number
}

const SESSIONS = `SELECT coalesce(nullif(application_name, ''), '(no name)') AS name, state, count(*)::int AS count,
  count(*) FILTER (WHERE state = 'idle' AND now() - state_change > $1 * interval '1 ms')::int AS leftovers
  FROM pg_stat_activity WHERE usesysid IS NOT NULL AND datid IS NOT NULL AND pid <> pg_backend_pid()
    AND coalesce(backend_type, 'client backend') = 'client backend'
  GROUP BY 1, 2 ORDER BY count DESC, name, state`

/** Who is connected now. State is null of those that the role may not look at, and so is the kind of backend. */
export async function sessionsNow(
  client: Client,
  leftAfterMillis: number,
): Promise<(Omit<SessionGroup, 'state'> & { state: string | null })[]> {
  return (await client.query(SESSIONS, [leftAfterMillis])).rows
}

/** Whether the server takes the limits that a pool asks for. Nothing of it stays. */
export async function takesLimits(client: Client): Promise<boolean> {
  try {
    await client.query("BEGIN READ ONLY; SET LOCAL idle_session_timeout = '75s'; SET LOCAL statement_timeout = '3s'")
    return true
  } catch {
    return false
  } finally {
    await client.query('ROLLBACK')
  }
}

/** How long the server takes to answer, ms: the shortest of a few. */
export async function roundTripMillis(client: Client): Promise<number> {
  let shortest = Infinity
  for (let time = 0; time < 5; time += 1) {
    const began = performance.now()
    await client.query('')
    shortest = Math.min(shortest, performance.now() - began)
  }
  return shortest
}
