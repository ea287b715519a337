import { Pool } from 'pg'
import { handlerWith } from './function'
import { readPassword } from './secret'

// As most use it: in module scope, with its defaults, and the password that there was when the environment started.
const pool = new Pool({ password: readPassword() })

export const handler = handlerWith({
  query: (text, values) => pool.query(text, values),
  hold: async (work) => {
    const client = await pool.connect()
    try {
      await work(client)
    } finally {
      client.release()
    }
  },
  take: () => pool.connect(),
})
