import type { PgClient } from './pg-client.js'

/** What pg sends at startup and the server keeps with the session. */
export const SESSION_SETTINGS = [
  'options',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
] as const

/**
 * Has a client send nothing that would stay in a session which is not its own: no startup options or timeouts (those of a URL and
 * `PGOPTIONS` included), and no names of prepared statements, which another server session would not know.
 */
export function leaveSessionAlone(client: PgClient): PgClient {
  const parameters = client.connectionParameters as Record<string, unknown> | undefined
  for (const name of SESSION_SETTINGS) if (parameters !== undefined) parameters[name] = undefined
  const query = client.query as unknown as (this: PgClient, ...args: unknown[]) => unknown
  return Object.assign(client, {
    query(this: PgClient, config?: { name?: unknown; submit?: unknown }, ...rest: unknown[]) {
      return query.call(this, config?.name && !config.submit ? { ...config, name: undefined } : config, ...rest)
    },
  })
}
