import { Client } from 'pg'
import { connectionTimeoutMillis, handlerWith } from './function'

/** Nothing is held between calls: safe, and each call pays for a connection. */
export const handler = handlerWith(async (work) => {
  const client = new Client({ connectionTimeoutMillis })
  client.on('error', () => {})
  try {
    await client.connect()
    await work(client)
  } finally {
    await client.end()
  }
})
