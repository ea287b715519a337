import { createPool, wrapHandler } from 'pg-thaw'
import { asking } from './asking.js'

const pool = createPool()

export const handler = wrapHandler(asking(pool, () => pool.stats().dials))
