import type { PgClient } from './pg-client.js'

/** What pg sends at startup and the server keeps with the session. */
const NO_SETTINGS = {
  options: undefined,
  statement_timeout: undefined,
  lock_timeout: undefined,
  idle_in_transaction_session_timeout: undefined,
}

/**
 * Has a client send nothing that would stay in a session which is not its own: no startup options or timeouts (those of a URL and
 * `PGOPTIONS` included), and no names of prepared statements, which another server session would not know.
 */
export function leaveSessionAlone(client: PgClient): PgClient {
  if (client.connectionParameters !== undefined) Object.assign(client.connectionParameters, NO_SETTINGS)
  const query = client.query as unknown as (this: PgClient, ...args: unknown[]) => unknown
  return Object.defineProperty(client, 'query', {
    configurable: true,
    writable: true,
    value(this: PgClient, config: unknown, ...rest: unknown[]) {
      return query.call(this, isNamed(config) ? { ...config, name: undefined } : config, ...rest)
    },
  })
}

function isNamed(config: unknown): config is { name: string } {
  return typeof config === 'object' && config !== null && 'name' in config && !('submit' in config)
}
