import pg from 'pg'
import { asking } from './asking.js'

const pool = new pg.Pool()
let connects = 0
pool.on('connect', () => {
  connects += 1
})

export const handler = asking(pool, () => connects)
