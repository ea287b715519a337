import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Pool } from '../../src/index'
import { database, openPool, pool } from '../support/pool-under-test'
import { within } from '../support/within'

/** A way to the server that can hold back what the server says, and then says it all in one breath, its close too. */
interface HoldingProxy {
  readonly host: string
  readonly port: number
  hold(): void
  /** How many bytes are held back. */
  held(): number
  letGo(): void
  close(): Promise<void>
}

async function startHoldingProxy(): Promise<HoldingProxy> {
  let isHolding = false
  const held = new Map<Socket, { chunks: Buffer[]; ended: boolean }>()
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (client) => {
    const upstream = connect(database.config.port, database.config.host)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    client.pipe(upstream)
    const kept = () => {
      const known = held.get(client) ?? { chunks: [], ended: false }
      held.set(client, known)
      return known
    }
    upstream.on('data', (chunk) => void (isHolding ? kept().chunks.push(chunk) : client.write(chunk)))
    upstream.on('end', () => {
      if (isHolding) kept().ended = true
      else client.end()
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    hold: () => {
      isHolding = true
    },
    held: () => [...held.values()].flatMap(({ chunks }) => chunks).reduce((sum, { length }) => sum + length, 0),
    letGo: () => {
      isHolding = false
      for (const [client, { chunks, ended }] of held) {
        client.write(Buffer.concat(chunks))
        if (ended) client.end()
      }
      held.clear()
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

let proxy: HoldingProxy

beforeEach(async () => {
  proxy = await startHoldingProxy()
})
afterEach(async () => {
  await pool.end()
  await proxy.close()
})

/** Takes the only connection next. None of these is sent while another caller has it. */
const waiters: Record<string, (pool: Pool) => Promise<unknown>> = {
  'a client': async (pool) => {
    const client = await pool.connect()
    try {
      return await client.query('SELECT 1 AS one')
    } finally {
      client.release()
    }
  },
  use: (pool) => pool.use((client) => client.query('SELECT 1 AS one')),
  transaction: (pool) => pool.transaction((client) => client.query('SELECT 1 AS one')),
  'a named query': (pool) => pool.query({ name: 'one', text: 'SELECT 1 AS one' }),
  'a query with a signal': (pool) => pool.query({ text: 'SELECT 1 AS one', signal: new AbortController().signal }),
}

describe('a connection whose end comes together with its last answer', () => {
  it.each(Object.keys(waiters))('costs nothing to who waits for it (%s)', async (name) => {
    openPool({ host: proxy.host, port: proxy.port, max: 1, fanOut: false })
    const { pid } = (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0]
    proxy.hold()
    const last = pool.query("SELECT 'last' AS it")
    const waiting = waiters[name]?.(pool) ?? Promise.reject(new Error(name))
    waiting.catch(() => {})
    await vi.waitUntil(() => proxy.held() > 0)
    await database.admin.query('SELECT pg_terminate_backend($1, 5000)', [pid])
    await database.untilSessions(0)
    proxy.letGo()
    expect((await last).rows).toEqual([{ it: 'last' }])
    const got = await within(5000, waiting, 'an answer').then(
      (it) => (it as { rows: unknown[] }).rows,
      (error) => error.retry,
    )
    // Nothing was sent for them: so they are served by another connection, or told at least that they may ask again.
    expect([[{ one: 1 }], 'safe']).toContainEqual(got)
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it('is not handed out while it rests, either', async () => {
    openPool({ host: proxy.host, port: proxy.port, max: 1 })
    const { pid } = (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0]
    proxy.hold()
    const last = pool.query("SELECT 'last' AS it")
    await vi.waitUntil(() => proxy.held() > 0)
    await database.admin.query('SELECT pg_terminate_backend($1, 5000)', [pid])
    await database.untilSessions(0)
    proxy.letGo()
    expect((await last).rows).toEqual([{ it: 'last' }])
    // In the same turn as that answer.
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })
})
