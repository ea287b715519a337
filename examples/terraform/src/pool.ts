import { createPool } from 'pg-thaw'
import { rdsIam } from 'pg-thaw/rds-iam'

const { DB_HOST: host = '', DB_USER: user = '' } = process.env

/** One for all calls of an environment. How many sessions it may have, `PG_THAW_MAX` says. No password: IAM signs in. */
export const pool = createPool({
  host,
  database: process.env.DB_NAME,
  credentials: rdsIam({ host, user }),
  ssl: 'verify-full',
})
