import { Pool } from 'pg'
import { handlerWith } from './function'
import { functionTimeoutMillis, idleLimitMillis } from './limits'
import { readPassword } from './secret'

// At its best: every option of pg that helps on Lambda, an error listener, failed clients dropped, statements named.
const pool = new Pool({
  password: readPassword,
  max: 1,
  keepAlive: true,
  connectionTimeoutMillis: 1_000,
  idleTimeoutMillis: idleLimitMillis,
  statement_timeout: functionTimeoutMillis - 500,
  query_timeout: functionTimeoutMillis - 300,
  idle_in_transaction_session_timeout: functionTimeoutMillis,
})
pool.on('error', () => {})

/** A statement is prepared under its name, once for each connection. */
const names = new Map<string, string>()

function nameOf(text: string): string {
  const name = names.get(text) ?? `statement ${names.size + 1}`
  names.set(text, name)
  return name
}

export const handler = handlerWith({
  query: (text, values) => pool.query({ name: nameOf(text), text, values }),
  hold: async (work) => {
    const client = await pool.connect()
    try {
      await work(client)
      client.release()
    } catch (error) {
      client.release(true)
      throw error
    }
  },
  take: () => pool.connect(),
})
