import dns from 'node:dns'
import { startRelay } from 'pg-thaw/testing'
import { describe, expect, it, vi } from 'vitest'
import type { Pool } from '../../src/index'
import { database, openPool as open, pool } from '../support/pool-under-test'

const CLOSED_PORT = 1

/** A name that has two addresses, on which nobody listens. */
function nameTwoAddresses(): void {
  const lookup = dns.lookup as unknown as (...args: unknown[]) => void
  vi.spyOn(dns, 'lookup').mockImplementation(((host: string, ...rest: unknown[]) => {
    if (host !== 'two.test') return lookup(host, ...rest)
    const answer = rest.at(-1) as (error: null, ...found: unknown[]) => void
    const both = [
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.2', family: 4 },
    ]
    return (rest[0] as { all?: boolean }).all ? answer(null, both) : answer(null, '127.0.0.1', 4)
  }) as never)
}

async function queryTheDatabase(on: Pool, text?: unknown): Promise<unknown> {
  return await on.query((text ?? 'SELECT 1') as string)
}
async function borrowAClient(on: Pool): Promise<void> {
  const client = await on.connect()
  client.release()
}
async function useAClient(on: Pool, text?: unknown): Promise<unknown> {
  return await on.use((client) => client.query((text ?? 'SELECT 1') as string))
}
async function runATransaction(on: Pool, text?: unknown): Promise<unknown> {
  return await on.transaction((client) => client.query((text ?? 'SELECT 1') as string))
}
const callers = [queryTheDatabase, borrowAClient, useAClient, runATransaction].map((ask) => ({ ask, by: ask.name }))
const scoped = [queryTheDatabase, useAClient, runATransaction].map((ask) => ({ ask, by: ask.name }))

async function failure(asked: Promise<unknown>): Promise<Error & { code?: string }> {
  const error = await asked.then(
    () => undefined,
    (it) => it,
  )
  expect(error).toBeInstanceOf(Error)
  return error
}

describe('an error of several addresses', () => {
  it.each(callers)('tells each of them, with a time limit and without ($by)', async ({ ask }) => {
    nameTwoAddresses()
    for (const limit of [{ connectionTimeoutMillis: 200 }, {}]) {
      await pool?.end()
      open({ host: 'two.test', port: CLOSED_PORT, ...limit })
      const error = await failure(ask(pool))
      expect(error.message).toMatch(/ECONNREFUSED.*127\.0\.0\.1.*127\.0\.0\.2/)
    }
    vi.restoreAllMocks()
  })

  it('has the code that they share', async () => {
    nameTwoAddresses()
    open({ host: 'two.test', port: CLOSED_PORT })
    expect(await failure(pool.query('SELECT 1'))).toMatchObject({ code: 'ECONNREFUSED', retry: 'safe' })
    vi.restoreAllMocks()
  })

  it.each([{ connectionTimeoutMillis: 5000 }, {}])('tells all that a hook threw (%o)', async (limit) => {
    open({
      onConnect: () => {
        throw new AggregateError([new Error('the first thing'), new AggregateError([new Error('the second')])])
      },
      ...limit,
    })
    expect((await failure(pool.query('SELECT 1'))).message).toMatch(/the first thing.*the second/)
  })

  it('says something of an error without a text', async () => {
    open({
      onConnect: () => {
        throw Object.assign(new Error(), { code: 'EODD' })
      },
    })
    expect((await failure(pool.query('SELECT 1'))).message).toContain('EODD')
  })
})

describe('the stack of an error leads to the function that asked', () => {
  it.each(callers)('when the password is wrong ($by)', async ({ ask, by }) => {
    open({ password: 'wrong', connectionTimeoutMillis: 500 })
    expect((await failure(ask(pool))).stack).toContain(by)
  })

  it.each(callers)('when nobody listens ($by)', async ({ ask, by }) => {
    for (const limit of [{ connectionTimeoutMillis: 200 }, {}]) {
      await pool?.end()
      open({ host: '127.0.0.1', port: CLOSED_PORT, ...limit })
      expect((await failure(ask(pool))).stack).toContain(by)
    }
  })

  it.each(callers)('when the server says nothing ($by)', async ({ ask, by }) => {
    const relay = await startRelay(database.config)
    relay.newcomersMeet = 'deaf'
    open({ host: relay.host, port: relay.port, connectionTimeoutMillis: 200 })
    const error = await failure(ask(pool))
    await pool.end()
    await relay.close()
    expect(error).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT' })
    expect(error.stack).toContain(by)
  })

  it.each(callers)('when a hook fails ($by)', async ({ ask, by }) => {
    open({ onConnect: () => Promise.reject(new Error('no entry')) })
    expect((await failure(ask(pool))).stack).toContain(by)
  })

  it.each(callers)('when every connection is lent ($by)', async ({ ask, by }) => {
    open({ max: 1, connectionTimeoutMillis: 1000 })
    const client = await pool.connect()
    const error = await failure(ask(pool))
    client.release()
    expect(error).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT' })
    expect(error.stack).toContain(by)
  })

  it.each(callers)('when too many wait, and when the pool ends ($by)', async ({ ask, by }) => {
    open({ max: 1, maxWaiting: 1, fanOut: false })
    const client = await pool.connect()
    const waiting = Promise.allSettled([pool.query('SELECT 1')])
    const refused = await failure(ask(pool))
    const ended = pool.end()
    const late = await failure(ask(pool))
    client.release()
    await Promise.all([waiting, ended])
    expect([refused.code, late.code]).toEqual(['POOL_QUEUE_FULL', 'POOL_ENDED'])
    for (const error of [refused, late]) expect(error.stack, error.code).toContain(by)
  })

  it('when several wait for the same dial, each its own', async () => {
    open({ password: 'wrong', max: 1, connectionTimeoutMillis: 500 })
    const errors = await Promise.all(callers.map(({ ask }) => failure(ask(pool))))
    for (const [at, { by }] of callers.entries()) expect(errors[at]?.stack).toContain(by)
    expect(new Set(errors).size).toBe(callers.length)
  })

  it.each(scoped)('when a statement is wrong ($by)', async ({ ask, by }) => {
    open({ max: 1 })
    for (const text of ['SELECT nonsense', { text: 'SELECT $1::int', values: ['no number'] }]) {
      expect((await failure(ask(pool, text))).stack).toContain(by)
    }
  })

  it.each(scoped)('when a statement takes too long, or its session is ended ($by)', async ({ ask, by }) => {
    open({ max: 1, statement_timeout: 50 })
    const slow = await failure(ask(pool, 'SELECT pg_sleep(5)'))
    const ended = await failure(ask(pool, 'SELECT pg_terminate_backend(pg_backend_pid())'))
    expect([slow.code, ended.code]).toEqual(['57014', '57P01'])
    for (const error of [slow, ended]) expect(error.stack, error.code).toContain(by)
  })

  it('when several share a connection that is ended, each its own', async () => {
    open({ max: 1 })
    await pool.query('SELECT 1')
    async function another(): Promise<void> {
      await pool.query('SELECT 2')
    }
    const end = failure(queryTheDatabase(pool, 'SELECT pg_terminate_backend(pg_backend_pid())'))
    const other = failure(another())
    expect((await end).stack).toContain(queryTheDatabase.name)
    expect((await other).stack).toContain(another.name)
  })

  it('when a signal is aborted, before, while it waits, and while it runs', async () => {
    open({ max: 1 })
    const aborted = await failure(queryTheDatabase(pool, { text: 'SELECT 1', signal: AbortSignal.abort() }))
    const runs = new AbortController()
    const asked = failure(queryTheDatabase(pool, { text: 'SELECT pg_sleep(60)', signal: runs.signal }))
    await database.untilSessions(1, { where: "query LIKE '%pg_sleep(60)%' AND state = 'active'" })
    runs.abort()
    const running = await asked
    const client = await pool.connect()
    const waiting = await failure(queryTheDatabase(pool, { text: 'SELECT 1', signal: AbortSignal.timeout(50) }))
    client.release()
    expect([aborted, running, waiting].map(({ code }) => code)).toEqual([
      'POOL_ACQUIRE_ABORTED',
      'POOL_QUERY_ABORTED',
      'POOL_ACQUIRE_ABORTED',
    ])
    for (const error of [aborted, running, waiting]) expect(error.stack).toContain(queryTheDatabase.name)
  })
})
