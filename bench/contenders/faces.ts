import pg, { type PoolClient, type PoolConfig } from 'pg'
import { Pool } from 'pg-thaw'
import { FakeClient } from './fake-client.js'
import type { FakePool } from './fake-pool.js'

/** pg-pool, as pg brings it, with its defaults. */
export function pgPool(max: number): FakePool {
  const clients: FakeClient[] = []
  const pool = new pg.Pool(config(max, clients))
  return {
    hold: (count) => hold(pool, count),
    async cycle(times) {
      for (let i = 0; i < times; i++) {
        const client = await pool.connect()
        client.release()
      }
    },
    async replace(times) {
      for (let i = 0; i < times; i++) {
        const client = await pool.connect()
        client.release(true)
      }
    },
    async queue(callers) {
      const one = async () => {
        const client = await pool.connect()
        client.release()
      }
      await Promise.all(Array.from({ length: callers }, one))
    },
  }
}

/** pg-thaw with the face of `pg.Pool`, with its defaults. */
export function thawFace(max: number): FakePool {
  const clients: FakeClient[] = []
  const pool = new Pool(config(max, clients))
  return {
    hold: (count) => hold(pool, count),
    async cycle(times) {
      for (let i = 0; i < times; i++) {
        const client = await pool.connect()
        client.release()
      }
    },
    async replace(times) {
      for (let i = 0; i < times; i++) {
        const client = await pool.connect()
        client.release(true)
      }
    },
    async queue(callers) {
      const one = async () => {
        const client = await pool.connect()
        client.release()
      }
      await Promise.all(Array.from({ length: callers }, one))
    },
    answer: () => {
      for (const client of clients) client.connection.emit('readyForQuery')
    },
  }
}

function config(max: number, clients: FakeClient[]): PoolConfig {
  class Client extends FakeClient {
    constructor() {
      super()
      // Replaced ones come without end.
      if (clients.length < max) clients.push(this)
    }
  }
  return { max, Client: Client as unknown as NonNullable<PoolConfig['Client']> }
}

async function hold(pool: { connect(): Promise<PoolClient> }, count: number): Promise<() => Promise<void>> {
  const lent = await Promise.all(Array.from({ length: count }, () => pool.connect()))
  return async () => {
    for (const client of lent) client.release()
  }
}
