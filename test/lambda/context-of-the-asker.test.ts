import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as pause } from 'node:timers/promises'
import pg, { type PoolClient } from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { describe, expect, it, vi } from 'vitest'
import { openPool as open, pool } from '../support/pool-under-test'
import { within } from '../support/within'
import { invoke } from './support/invoke'

// Several calls at a time.
vi.hoisted(() => {
  process.env.AWS_LAMBDA_FUNCTION_NAME = 'orders'
  process.env.AWS_LAMBDA_INITIALIZATION_TYPE = 'lambda-managed-instances'
})

/** What calls back from the socket of a connection; `then` is called in the middle of it. */
const onClient: Record<string, (client: PoolClient, then: () => void) => void> = {
  'the callback of a query': (client, then) => client.query('SELECT 1', then),
  'the callback of a query with values': (client, then) => client.query('SELECT $1::int', [1], then),
  'the callback of a query that fails': (client, then) => client.query('SELECT nonsense', then),
  'the callback in a config': (client, then) => {
    client.query({ text: 'SELECT 1', callback: then } as pg.QueryConfig)
  },
  'a row of a query': (client, then) => {
    const query = new pg.Query('SELECT 1')
    query.once('row', then)
    client.query(query as unknown as string)
  },
  'the end of a query': (client, then) => {
    const query = new pg.Query('SELECT 1')
    query.once('end', then)
    client.query(query as unknown as string)
  },
  'a row of a stream': (client, then) => client.query(new QueryStream('SELECT 1')).once('data', then),
  'the end of a stream': (client, then) => client.query(new QueryStream('SELECT 1')).once('end', then).resume(),
  'a read of a cursor': (client, then) => {
    const cursor = client.query(new Cursor('SELECT 1'))
    cursor.read(1, () => {
      then()
      void cursor.close()
    })
  },
  'a notification': (client, then) => {
    client.once('notification', then)
    void client.query('LISTEN news').then(() => client.query('NOTIFY news'))
  },
  'a notice': (client, then) => {
    client.once('notice', then)
    void client.query("DO $$ BEGIN RAISE NOTICE 'news'; END $$")
  },
}
const onPool: Record<string, (then: () => void) => void> = {
  'the callback of pool.query': (then) => pool.query('SELECT 1', then),
  'the callback of pool.query with values': (then) => pool.query('SELECT $1::int', [1], then),
  'the callback of pool.connect': (then) =>
    pool.connect((_error, _client, done) => {
      then()
      done()
    }),
}

/** Each as work of a call: resolves, with what is asked from within, once it was called back. */
const ways: Record<string, <T>(ask: () => Promise<T>) => Promise<T>> = {
  ...Object.fromEntries(
    Object.entries(onPool).map(([name, way]) => [
      name,
      <T>(ask: () => Promise<T>) => new Promise<T>((resolve, reject) => way(() => ask().then(resolve, reject))),
    ]),
  ),
  ...Object.fromEntries(
    Object.entries(onClient).map(([name, way]) => [
      name,
      <T>(ask: () => Promise<T>) =>
        pool.use((client) => new Promise<T>((resolve, reject) => way(client, () => ask().then(resolve, reject)))),
    ]),
  ),
}

/** A call that opens a connection, gives it back, and goes on until its time is nearly over. */
async function dialler(millis: number): Promise<void> {
  await invoke(millis, async () => {
    await pool.use((client) => client.query('SELECT 1'))
    await pause(millis - 30)
  })
}

describe.each(Object.keys(ways))('what is asked from %s', (name) => {
  const way = ways[name] as <T>(ask: () => Promise<T>) => Promise<T>

  it('has the time of the call that asks, though another one dialled, whose time is up', async () => {
    open({ max: 2, deadlineMarginMillis: 50 })
    const dialled = dialler(500)
    await vi.waitUntil(() => pool.stats().idle === 1, { interval: 5 })
    const asked = invoke(5000, () => way(() => pool.query('SELECT pg_sleep(0.6)')))
    await expect(within(3000, asked, 'an answer')).resolves.toMatchObject({ rowCount: 1 })
    await dialled
  })

  it('ends with the call that asks, though the one that dialled has more time', async () => {
    open({ max: 2, deadlineMarginMillis: 50 })
    const dialled = dialler(350)
    await vi.waitUntil(() => pool.stats().idle === 1, { interval: 5 })
    const asked = invoke(200, () => way(() => pool.query('SELECT pg_sleep(5)')))
    await expect(within(1000, asked, 'an answer')).rejects.toMatchObject({ code: 'POOL_QUERY_TIMEOUT' })
    await dialled
  })
})

describe.each(Object.keys(ways).filter((name) => /callback|stream|cursor/.test(name)))('%s', (name) => {
  it("runs in the asker's own async context", async () => {
    const way = ways[name] as <T>(ask: () => Promise<T>) => Promise<T>
    open({ max: 2 })
    const context = new AsyncLocalStorage<string>()
    await context.run('dialler', () => pool.query('SELECT 1'))
    const seen = await context.run('asker', () =>
      within(
        2000,
        way(async () => context.getStore()),
        'a call back',
      ),
    )
    expect(seen).toBe('asker')
  })
})
