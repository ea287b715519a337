import type { PgClient } from '../pg-client.js'

/** What pg sends at startup and the server keeps with the session. */
export const SESSION_SETTINGS = [
  'options',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
] as const

/**
 * Has a client send nothing that would stay in a session which is not its own, unless it is said to be kept: no startup options or timeouts
 * (those of a URL and `PGOPTIONS` included), and no names of prepared statements, which another server session would not know.
 */
export function leaveSessionAlone(client: PgClient, keepsSettings: boolean, keepsNames = false): PgClient {
  const parameters = client.connectionParameters as Record<string, unknown> | undefined
  if (!keepsSettings) for (const name of SESSION_SETTINGS) if (parameters !== undefined) parameters[name] = undefined
  if (keepsNames) return client
  const query = client.query as unknown as (this: PgClient, ...args: unknown[]) => unknown
  return Object.assign(client, {
    query(this: PgClient, config?: { name?: unknown; submit?: unknown }, ...rest: unknown[]) {
      const unnamed = config?.name ? Object.assign(config.submit ? config : { ...config }, { name: undefined }) : config
      return query.call(this, unnamed, ...rest)
    },
  })
}
