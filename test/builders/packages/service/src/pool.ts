import { createPool } from 'pg-thaw'

export const pool = createPool()
