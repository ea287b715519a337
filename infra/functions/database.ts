import { createPool, type Pool, type PoolOptions } from 'pg-thaw'
import { emf } from 'pg-thaw/emf'
import { secretsManager } from 'pg-thaw/secrets-manager'

/**
 * The environment's pool. Where the database is comes from DATABASE_URL, or else from PGHOST and its kin; user and password then from
 * the secret, or without one from PGUSER and PGPASSWORD. The plugin says by PG_THAW_MAX, PG_THAW_MIN and PG_THAW_TARGET how large the
 * pool may be and what it talks to.
 */
export function openDatabase(secretId: string | undefined, options: PoolOptions = {}): Pool {
  const { DATABASE_URL, PGHOST, PGAPPNAME, AWS_LAMBDA_LOG_STREAM_NAME, METRICS_NAMESPACE } = process.env
  // What the pool did in a call, for the dashboard and the alarms.
  if (METRICS_NAMESPACE) emf({ namespace: METRICS_NAMESPACE })
  const common: PoolOptions = {
    // A session in pg_stat_activity then says in which log its environment writes.
    application_name: PGAPPNAME || AWS_LAMBDA_LOG_STREAM_NAME,
    // Enough to log a failure and to answer, before the function is timed out.
    deadlineMarginMillis: 500,
    ...options,
  }
  if (DATABASE_URL) return createPool({ connectionString: DATABASE_URL, ...common })
  if (!PGHOST) throw new Error('DATABASE_URL is missing: expected postgres://user:password@host:port/database')
  // The host is named although the secret has one: between the two may be a proxy.
  return createPool({ host: PGHOST, ...(secretId && { credentials: secretsManager({ secretId }) }), ...common })
}
