import { once } from 'node:events'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as pause } from 'node:timers/promises'
import type { PoolClient } from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { describe, expect, it, vi } from 'vitest'
import { database, openPool as open, pool } from '../support/pool-under-test'
import { within } from '../support/within'
import { invoke } from './support/invoke'

vi.hoisted(() => {
  process.env.AWS_LAMBDA_FUNCTION_NAME = 'orders'
  process.env.AWS_LAMBDA_RUNTIME_API = '127.0.0.1:9001'
})

const MANY = 'SELECT g FROM generate_series(1, 100000) AS g'

function stream(): QueryStream {
  return new QueryStream(MANY, [], { batchSize: 10, highWaterMark: 10 })
}

function readSlowly(millis: number): (client: PoolClient) => Promise<unknown> {
  return async (client) => {
    for await (const _row of client.query(stream())) await pause(millis)
  }
}

/** Work that is waiting for something which is no query when its time is up. */
const works: Record<string, (client: PoolClient) => Promise<unknown>> = {
  'a stream, 20 ms a row': readSlowly(20),
  'a stream, 60 ms a row': readSlowly(60),
  'a stream, read once': readSlowly(60_000),
  'a stream into a slow one': (client) => {
    const slow = new Writable({
      objectMode: true,
      highWaterMark: 1,
      write: (_row, _, done) => void setTimeout(done, 20),
    })
    return pipeline(client.query(stream()), slow)
  },
  'a stream whose end is waited for': (client) => once(client.query(stream()), 'end'),
  'a cursor, between two reads': async (client) => {
    const cursor = client.query(new Cursor(MANY))
    for (;;) {
      await cursor.read(10)
      await pause(40)
    }
  },
  'a timer': () => pause(60_000),
  'a promise that never settles': () => new Promise(() => {}),
  'a promise, in an open transaction': async (client) => {
    await client.query('BEGIN')
    await new Promise(() => {})
  },
  'another client': async () => {
    const others = await Promise.all([pool.connect(), pool.connect()])
    await others[0]?.query('SELECT pg_sleep(10)')
  },
  'work that goes on by itself': async (client) => {
    for (let n = 0; n < 100; n += 1) {
      await client.query('SELECT 1').catch(() => {})
      await pause(20)
    }
  },
}

/** How it ended, in one word. */
async function outcome(work: Promise<unknown>): Promise<string> {
  return within(1500, work, 'it to settle').then(
    () => 'resolved',
    (error) => error.code ?? error.message,
  )
}

async function leavesNothing(): Promise<void> {
  await database.untilSessions(0, { where: "state <> 'idle'" })
  await invoke(3000, () => pool.transaction((client) => client.query('SELECT 1')))
  expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0 })
}

const some = ['a stream, 20 ms a row', 'a cursor, between two reads', 'a timer', 'a promise, in an open transaction']

describe.each([
  { way: 'use', names: Object.keys(works) },
  { way: 'transaction', names: some },
] as const)('$way, while its work waits for what is no query', ({ way, names }) => {
  it.each(names)('settles before the deadline of the invocation (%s)', async (name) => {
    open({ max: 3, deadlineMarginMillis: 150, ...{ lingerMillis: 20 } })
    const work = works[name] as (client: PoolClient) => Promise<unknown>
    const end = performance.now() + 400
    const code = await outcome(invoke(400, () => pool[way](work)))
    expect(code).toBe('POOL_QUERY_TIMEOUT')
    expect(performance.now(), 'when the handler settled').toBeLessThan(end)
    await leavesNothing()
  })

  it.each(names)('settles when its signal is aborted (%s)', async (name) => {
    open({ max: 3, deadlineMarginMillis: 150, ...{ lingerMillis: 20 } })
    const work = works[name] as (client: PoolClient) => Promise<unknown>
    const controller = new AbortController()
    let abortedAt = Number.POSITIVE_INFINITY
    const ended = invoke(5000, async () => {
      const begun = new Promise<PoolClient>((resolve) => pool.once('acquire', resolve))
      const scoped = pool[way](work, { signal: controller.signal })
      await begun
      await pause(60)
      abortedAt = performance.now()
      controller.abort(new Error('enough'))
      return outcome(scoped)
    })
    expect(await ended).toBe('POOL_QUERY_ABORTED')
    expect(performance.now() - abortedAt).toBeLessThan(400)
    await leavesNothing()
  })
})

describe('what runs on a client that was lent by hand', () => {
  const reads: Record<string, (client: PoolClient) => Promise<unknown>> = {
    'a stream, 20 ms a row': readSlowly(20),
    'a stream, 60 ms a row': readSlowly(60),
    'a stream into a slow one': works['a stream into a slow one'] as (client: PoolClient) => Promise<unknown>,
  }

  it.each(Object.keys(reads))('fails before the deadline of the invocation (%s)', async (name) => {
    open({ max: 3, deadlineMarginMillis: 150, ...{ lingerMillis: 20 } })
    const read = reads[name] as (client: PoolClient) => Promise<unknown>
    const end = performance.now() + 400
    const code = await outcome(
      invoke(400, async () => {
        const client = await pool.connect()
        client.on('error', () => {})
        await read(client).finally(() => client.release())
      }),
    )
    expect(code).not.toBe('resolved')
    expect(performance.now(), 'when the handler settled').toBeLessThan(end)
    await leavesNothing()
  })
})
