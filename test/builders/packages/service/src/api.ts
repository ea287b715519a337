import { wrapHandler } from 'pg-thaw'
import { pool } from './pool'

export const handler = wrapHandler(async () => (await pool.query("SELECT 'api' AS name")).rows[0])
