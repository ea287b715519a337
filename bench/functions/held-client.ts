import pg from 'pg'
import { acting, inTransaction } from './acting.js'

const client = new pg.Client()
// The first query waits for it.
void client.connect()

export const handler = acting({
  query: (text, values) => client.query(text, values),
  transaction: (work) => inTransaction(client, work),
  hold: (work) => work(client),
  connects: () => 1,
})
