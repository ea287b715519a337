import pg from 'pg'
import { acting, inTransaction, lend } from './acting.js'

const pool = new pg.Pool()
let connects = 0
pool.on('connect', () => {
  connects += 1
})
// Without a listener, a connection that ends while it is idle would end the environment.
pool.on('error', () => {})

export const handler = acting({
  query: (text, values) => pool.query(text, values),
  transaction: (work) => lend(pool, (client) => inTransaction(client, work)),
  hold: (work) => lend(pool, work),
  connects: () => connects,
})
