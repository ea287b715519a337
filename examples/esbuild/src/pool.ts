import { createPool } from 'pg-thaw'
import { secretsManager } from 'pg-thaw/secrets-manager'

/** One for all calls of an environment. How many sessions it may have, `PG_THAW_MAX` says. */
export const pool = createPool({
  host: process.env.DB_HOST,
  database: process.env.DB_NAME,
  credentials: secretsManager({ secretId: process.env.DB_SECRET ?? '' }),
  ssl: 'verify-full',
})
