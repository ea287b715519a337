import { pool } from './pool'

export const handler = async () => (await pool.query("SELECT 'wrapped' AS name")).rows[0]
