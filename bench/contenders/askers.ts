import pg from 'pg'
import { Pool } from 'pg-thaw'
import postgres from 'postgres'
import type { DatabaseAddress } from '../bench.js'
import type { Statement } from '../orders.js'

/** Something that asks statements with values. */
export interface Asker {
  /** Opens its connections, all of them. */
  open(): Promise<void>
  ask(statement: Statement, value: number): Promise<unknown>
  /** The process that serves it, where it has one connection. */
  backend(): Promise<number>
}

/** Makes one that holds at most `max` connections. */
export type MakeAsker = (database: DatabaseAddress, max: number) => Asker

const whoServes = 'SELECT pg_backend_pid() AS pid'

/** The pools of pg's make. */
export const thawPool = (database: DatabaseAddress, max: number): pg.Pool => new Pool({ ...database, max })
export const stockPool = (database: DatabaseAddress, max: number): pg.Pool => new pg.Pool({ ...database, max })

export const thaw: MakeAsker = (database, max) => overPool(thawPool(database, max), max)
export const pgPool: MakeAsker = (database, max) => overPool(stockPool(database, max), max)

function overPool(pool: pg.Pool, max: number): Asker {
  return {
    open: () => openAll(pool, max),
    ask: ({ text }, value) => pool.query(text, [value]),
    backend: async () => (await pool.query<{ pid: number }>(whoServes)).rows[0]?.pid ?? 0,
  }
}

/** Opens as many connections as the pool may have. */
export async function openAll(pool: pg.Pool, max: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: max }, () => pool.connect()))
  for (const client of clients) client.release()
}

/** One client of pg that is never given back. */
export const heldClient: MakeAsker = (database) => {
  const client = new pg.Client(database)
  return overClient(client, ({ text }, value) => client.query(text, [value]))
}

/** The same, by somebody who names each statement by hand, so that it is prepared. */
export const namingClient: MakeAsker = (database) => {
  const client = new pg.Client(database)
  return overClient(client, ({ name, text }, value) => client.query({ name, text, values: [value] }))
}

function overClient(client: pg.Client, ask: Asker['ask']): Asker {
  return {
    async open() {
      await client.connect()
    },
    ask,
    backend: async () => (await client.query<{ pid: number }>(whoServes)).rows[0]?.pid ?? 0,
  }
}

export const postgresJs: MakeAsker = (database, max) => {
  const { host, port, user: username, password, database: name } = database
  const sql = postgres({ host, port, username, password, database: name, max })
  const templates = new Map<Statement, TemplateStringsArray>()
  const templateOf = (statement: Statement) => {
    const known = templates.get(statement)
    if (known !== undefined) return known
    // What a tagged template has: its texts around the values, the same object each time.
    const texts = statement.text.split('$1')
    const template = Object.assign(texts, { raw: texts })
    templates.set(statement, template)
    return template
  }
  return {
    async open() {
      const reserved = await Promise.all(Array.from({ length: max }, () => sql.reserve()))
      for (const connection of reserved) connection.release()
    },
    ask: (statement, value) => sql(templateOf(statement), value),
    backend: async () => (await sql<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`)[0]?.pid ?? 0,
  }
}
