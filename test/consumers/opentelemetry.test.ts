// The instrumentation must be there before pg is loaded.
import './support/tracing'

import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { type CurrentInvocation, environment, type LivePool } from '../../src/registry/environment'
import { createDatabase, type TestDatabase } from '../support/database'
import { expectClean } from './support/guard'
import { childrenOf, forgetSpans, inSpan, poolMetrics, spans } from './support/tracing'

let database: TestDatabase
let pool: Pool
let query: string

beforeAll(async () => {
  database = await createDatabase()
  query = `pg.query:SELECT ${database.config.database}`
})
afterAll(() => database.dispose())
beforeEach(() => forgetSpans())
afterEach(() => expectClean(database, pool))

function open(options: PoolOptions = {}): Pool {
  pool = new Pool({ ...database.config, ...options })
  return pool
}

/** Spans of the given name, by the id of the span that each lies under. */
function countByParent(name: string): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const span of spans()) {
    if (span.name !== name) continue
    const parent = span.parentSpanContext?.spanId ?? 'none'
    counts[parent] = (counts[parent] ?? 0) + 1
  }
  return counts
}

const PREPARED = 'SELECT $1::int AS answer'

/** The texts on the spans of queries, or on all of that name. */
function textsOf(name?: string): unknown[] {
  const ofQueries = spans().filter((span) =>
    name === undefined ? span.name.startsWith('pg.query') : span.name === name,
  )
  return ofQueries.map(({ attributes }) => attributes['db.query.text'])
}

/** An invocation begins, after a time in which the process may have been frozen. */
function thaw(quietMillis = 1000): void {
  const invocation: CurrentInvocation = { budgetMillis: 3000, isAnswered: false, remainingMillis: () => 3000 }
  const live = [...environment().pools].find((it) => it.pool === pool) as LivePool
  live.wake(invocation, quietMillis)
}

describe('OpenTelemetry instrumentation-pg', () => {
  it('traces connect and query under the span of the caller', async () => {
    open()
    const { id, result } = await inSpan('handler', async () => {
      const client = await pool.connect()
      try {
        return (await client.query('SELECT $1::int AS answer', [42])).rows
      } finally {
        client.release()
      }
    })
    expect(result).toEqual([{ answer: 42 }])
    expect(childrenOf(id)).toEqual(['pg-pool.connect', query])
  })

  it('traces connect with a callback under the span of the caller', async () => {
    open()
    const { id } = await inSpan(
      'handler',
      () =>
        new Promise<void>((resolve, reject) => {
          pool.connect((error, client, done) => {
            if (error || client === undefined) return reject(error)
            client.query('SELECT 1', (failure) => {
              done()
              if (failure) reject(failure)
              else resolve()
            })
          })
        }),
    )
    expect(childrenOf(id)).toEqual(['pg-pool.connect', query])
  })

  it('traces opening a connection inside the connect that caused it', async () => {
    open()
    await inSpan('handler', async () => (await pool.connect()).release())
    const connect = spans().find((span) => span.name === 'pg-pool.connect')
    expect(childrenOf(connect?.spanContext().spanId ?? '')).toEqual(['pg.connect'])
  })

  it('says on the span of connect which database it is for', async () => {
    open()
    await inSpan('handler', async () => (await pool.connect()).release())
    const connect = spans().find((span) => span.name === 'pg-pool.connect')
    expect(connect?.attributes).toMatchObject({
      'db.namespace': database.config.database,
      'server.address': database.config.host,
      'server.port': database.config.port,
    })
    expect(JSON.stringify(spans().map((span) => span.attributes))).not.toContain(database.config.password)
  })

  it('traces pool.query under the span of the caller', async () => {
    open()
    const { id } = await inSpan('handler', () => pool.query('SELECT 1'))
    expect(childrenOf(id)).toEqual(['pg-pool.connect', query])
  })

  it('puts each of many concurrent queries under its own caller, whoever waits for whom', async () => {
    open({ max: 3 })
    const calls = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        inSpan(`caller ${n}`, async () => {
          const { rows } = await pool.query('SELECT $1::int AS n', [n])
          // The caller goes on in its own context.
          await pool.query('SELECT 1')
          return rows[0].n
        }),
      ),
    )
    expect(calls.map((call) => call.result)).toEqual(Array.from({ length: 30 }, (_, n) => n))
    expect(countByParent(query)).toEqual(Object.fromEntries(calls.map((call) => [call.id, 2])))
    const callers = new Set(calls.map((call) => call.id))
    for (const parent of Object.keys(countByParent('pg-pool.connect'))) expect(callers).toContain(parent)
  })

  it('puts each of many waiters under its own caller', async () => {
    open({ max: 2 })
    const calls = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        inSpan(`waiter ${n}`, async () => {
          const client = await pool.connect()
          try {
            await client.query('SELECT pg_sleep(0.005)')
          } finally {
            client.release()
          }
        }),
      ),
    )
    const once = Object.fromEntries(calls.map((call) => [call.id, 1]))
    expect(countByParent('pg-pool.connect')).toEqual(once)
    expect(countByParent(query)).toEqual(once)
  })

  it.each([
    ['by the pool', () => pool.query(PREPARED, [42])],
    ['by a client', () => pool.use((client) => client.query(PREPARED, [42]))],
    ['first in a transaction', () => pool.transaction((client) => client.query(PREPARED, [42]))],
  ])("gives a prepared query asked %s one span, with the user's text", async (_, ask) => {
    open({ max: 1 })
    for (let time = 0; time < 3; time += 1) {
      forgetSpans()
      await inSpan('handler', ask)
      expect(textsOf(query).filter((text) => text !== 'COMMIT')).toEqual([PREPARED])
    }
    expect(pool.stats()).toMatchObject({ prepared: 1, reused: 1 })
  })

  it('gives a read after a thaw one span, with its text, and the ping that rides along none', async () => {
    open({ max: 1 })
    for (let time = 0; time < 3; time += 1) {
      await pool.query(PREPARED, [42])
      forgetSpans()
      thaw()
      const { id } = await inSpan('handler', () => pool.query(PREPARED, [42]))
      expect(childrenOf(id)).toEqual(['pg-pool.connect', query])
      expect(textsOf()).toEqual([PREPARED])
    }
    expect(pool.stats()).toMatchObject({ pings: 3, prepared: 1, dials: 1 })
  })

  it.each([
    ['a write', () => pool.query('UPDATE pg_temp.none SET n = $1', [1]).catch(() => {})],
    ['a client', async () => (await pool.connect()).release()],
  ])('gives the ping ahead of %s no span', async (_, ask) => {
    open({ max: 1 })
    await pool.query('SELECT 1')
    forgetSpans()
    thaw()
    await inSpan('handler', ask)
    expect(pool.stats().pings).toBe(1)
    expect(textsOf().filter((text) => !String(text).startsWith('UPDATE'))).toEqual([])
  })

  it('gives the ping ahead of a call in which a flow may have been forgotten no span', async () => {
    open({ max: 1 })
    await pool.query('SELECT 1')
    forgetSpans()
    await inSpan('handler', async () => {
      thaw(60_000)
      while (pool.stats().idle === 0) await pause(1)
    })
    expect(pool.stats().pings).toBe(1)
    expect(spans().map(({ name }) => name)).toEqual(['handler'])
  })

  it('tells of a query that failed on its span', async () => {
    open()
    const { id } = await inSpan('handler', () => pool.query('SELECT nonsense').catch(() => {}))
    const failed = spans().find((span) => span.name === query)
    expect(failed?.parentSpanContext?.spanId).toBe(id)
    expect(failed?.status).toMatchObject({ code: 2, message: 'column "nonsense" does not exist' })
  })

  it('tells of a connect that failed on its span', async () => {
    open()
    const broken = new Pool({ ...database.config, database: 'no_such_database' })
    await inSpan('handler', () => broken.connect().catch(() => {}))
    await broken.end()
    const failed = spans().find((span) => span.name === 'pg-pool.connect')
    expect(failed?.status.code).toBe(2)
    await pool.query('SELECT 1')
  })

  it('counts used and idle connections, and the limit until the end', async () => {
    open({ max: 4 })
    // The instrumentation looks when a client is lent, and remembers one state for all pools.
    const { 'db.client.connection.max': before = 0 } = poolMetrics()
    const [first, second] = [await pool.connect(), await pool.connect()]
    expect(poolMetrics()).toMatchObject({
      'db.client.connection.count used': 2,
      'db.client.connection.count idle': 0,
      'db.client.connection.max': before + 4,
    })
    first.release()
    second.release()
    const third = await pool.connect()
    expect(poolMetrics()).toMatchObject({ 'db.client.connection.count used': 1, 'db.client.connection.count idle': 1 })
    third.release()
    await pool.end()
    expect(poolMetrics()).toMatchObject({ 'db.client.connection.max': before })
  })
})
