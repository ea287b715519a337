import pg from 'pg'
import { Pool } from 'pg-thaw'
import postgres from 'postgres'
import type { DatabaseAddress } from '../bench.js'

/** Something that runs queries. */
export interface Querier {
  /** Opens its connections, all of them. */
  open(): Promise<void>
  /** `SELECT 1` */
  quick(): Promise<unknown>
  /** `SELECT pg_sleep(1)` */
  slow(): Promise<unknown>
  end(): Promise<void>
}

/** Makes one that holds at most `max` connections. */
export type MakeQuerier = (database: DatabaseAddress, max: number) => Querier

const quick = 'SELECT 1'
const slow = 'SELECT pg_sleep(1)'

export function thaw(database: DatabaseAddress, max: number): Querier {
  return overPool(new Pool({ ...database, max }), max)
}

export function pgPool(database: DatabaseAddress, max: number): Querier {
  return overPool(new pg.Pool({ ...database, max }), max)
}

function overPool(pool: pg.Pool, max: number): Querier {
  return {
    async open() {
      const clients = await Promise.all(Array.from({ length: max }, () => pool.connect()))
      for (const client of clients) client.release()
    },
    quick: () => pool.query(quick),
    slow: () => pool.query(slow),
    end: () => pool.end(),
  }
}

export function postgresJs(database: DatabaseAddress, max: number): Querier {
  const { host, port, user: username, password, database: name } = database
  const sql = postgres({ host, port, username, password, database: name, max })
  return {
    async open() {
      const reserved = await Promise.all(Array.from({ length: max }, () => sql.reserve()))
      for (const connection of reserved) connection.release()
    },
    quick: () => sql`SELECT 1`.execute(),
    slow: () => sql`SELECT pg_sleep(1)`.execute(),
    end: () => sql.end(),
  }
}

/** One client of pg that is never given back. */
export function heldClient(database: DatabaseAddress): Querier {
  const client = new pg.Client(database)
  return {
    async open() {
      await client.connect()
    },
    quick: () => client.query(quick),
    slow: () => client.query(slow),
    end: () => client.end(),
  }
}

/** Clients of pg in pipeline mode, taken in turn. */
export function pipelinedClients(database: DatabaseAddress, max: number): Querier {
  const clients = Array.from({ length: max }, () => new pg.Client({ ...database, pipeline: true }))
  let turn = 0
  const next = () => {
    turn = (turn + 1) % max
    return clients[turn] as pg.Client
  }
  return {
    async open() {
      await Promise.all(clients.map((client) => client.connect()))
    },
    quick: () => next().query(quick),
    slow: () => next().query(slow),
    async end() {
      await Promise.all(clients.map((client) => client.end()))
    },
  }
}
