import { Client } from 'pg'
import { type Database, handlerWith } from './function'
import { readPassword } from './secret'
import type { Answer, Task } from './task'

async function take(): Promise<Client> {
  const client = new Client({ password: readPassword(), connectionTimeoutMillis: 1_000 })
  client.on('error', () => {})
  await client.connect()
  return client
}

const hold: Database['hold'] = async (work) => {
  const client = await take()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}

/** Nothing is held between calls: each opens a connection, asks on that whatever it asks, and closes it. */
export async function handler(task: Task): Promise<Answer> {
  const start = performance.now()
  let client: Promise<Client> | undefined
  const query: Database['query'] = async (text, values) => {
    client ??= take()
    return (await client).query(text, values)
  }
  try {
    await handlerWith({ query, hold, take })(task)
  } finally {
    await (await client)?.end()
  }
  return { databaseMillis: performance.now() - start }
}
