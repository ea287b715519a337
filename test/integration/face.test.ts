import { once } from 'node:events'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { database, openPool as open, pool } from '../support/pool-under-test'

function record(names: readonly string[]): string[] {
  const events: string[] = []
  for (const name of names) (pool as NodeJS.EventEmitter).on(name, () => events.push(name))
  return events
}

async function backend(of: { query(text: string): Promise<pg.QueryResult> }): Promise<number> {
  return (await of.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
}

describe('the face of pg.Pool', () => {
  it('is a pg.Pool, and says so in its name', () => {
    open()
    expect(pool).toBeInstanceOf(pg.Pool)
    expect(pool.constructor.name).toBe('Pool')
  })

  it('dials nothing before the first acquire', async () => {
    open({ min: 3 })
    expect(pool.stats().dials).toBe(0)
  })

  it('answers a query as a promise', async () => {
    open()
    const { rows } = await pool.query('SELECT $1::int AS answer', [42])
    expect(rows).toEqual([{ answer: 42 }])
  })

  it('answers a query to a callback, with and without values', async () => {
    open()
    const rows = await new Promise((resolve, reject) => {
      pool.query('SELECT 1 AS one', (error, result) => (error ? reject(error) : resolve(result.rows)))
    })
    expect(rows).toEqual([{ one: 1 }])
    const error = await new Promise((resolve) => {
      pool.query('SELECT $1::int / 0', [1], resolve)
    })
    expect(error).toMatchObject({ code: '22012' })
  })

  it('answers a query in the array form and by a config object', async () => {
    open()
    const { rows } = await pool.query({ text: 'SELECT $1::int, 2', values: [1], rowMode: 'array' })
    expect(rows).toEqual([[1, 2]])
  })

  it('lends to a callback with a done function', async () => {
    open()
    const pid = await new Promise((resolve, reject) => {
      pool.connect((error, client, done) => {
        if (error || client === undefined) return reject(error)
        client.query('SELECT pg_backend_pid() AS pid').then(({ rows }) => {
          done()
          resolve(rows[0].pid)
        }, reject)
      })
    })
    expect(await backend(pool)).toBe(pid)
  })

  it('calls back in the async context of the caller, not of whoever released', async () => {
    const { AsyncLocalStorage } = await import('node:async_hooks')
    const context = new AsyncLocalStorage<string>()
    open({ max: 1 })
    const holder = await context.run('holder', () => pool.connect())
    const seen = context.run(
      'waiter',
      () =>
        new Promise((resolve) => {
          pool.connect((_error, client, done) => {
            resolve(context.getStore())
            if (client) done()
          })
        }),
    )
    const queried = context.run('query', () => pool.query('SELECT 1').then(() => context.getStore()))
    context.run('holder', () => holder.release())
    expect(await seen).toBe('waiter')
    expect(await queried).toBe('query')
  })

  it('lends the same client object at every loan of one connection', async () => {
    open({ max: 1 })
    const first = await pool.connect()
    first.release()
    const second = await pool.connect()
    expect(second).toBe(first)
    second.release()
  })

  it('emits connect, acquire, release and remove in that order', async () => {
    open()
    const events = record(['connect', 'acquire', 'release', 'remove'])
    const client = await pool.connect()
    client.release(true)
    await once(pool, 'remove')
    expect(events).toEqual(['connect', 'acquire', 'release', 'remove'])
  })

  it('has changed its counters when release returns', async () => {
    open({ max: 2 })
    const client = await pool.connect()
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 0, 0])
    client.release()
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 1, 0])
    const again = await pool.connect()
    again.release(true)
    expect([pool.totalCount, pool.idleCount]).toEqual([0, 0])
  })

  it('counts as waiting those for whom no connection is under way', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    const waiting = [pool.connect(), pool.connect()]
    expect(pool.waitingCount).toBe(2)
    client.release()
    for (const turn of waiting) (await turn).release()
  })

  it('keeps the connection of a query that failed', async () => {
    open({ max: 1 })
    const pid = await backend(pool)
    await expect(pool.query('SELECT nonsense')).rejects.toMatchObject({ code: '42703' })
    await expect(pool.query('SELECT $1::int / 0', [1])).rejects.toMatchObject({ code: '22012' })
    expect(await backend(pool)).toBe(pid)
  })

  it('shows the caller in the stack of a failed query', async () => {
    open()
    async function whoAsked(): Promise<void> {
      await pool.query('SELECT nonsense')
    }
    const error = await whoAsked().catch((it) => it)
    expect(error.stack).toContain('whoAsked')
  })

  it('refuses a function as a query, which it calls, and a null query, and goes on', async () => {
    open({ max: 1 })
    const error = await new Promise((resolve) => expect(pool.query(resolve as unknown as string)).toBeUndefined())
    expect(error).toMatchObject({
      message: 'Passing a function as the first parameter to pool.query is not supported',
    })
    await expect(pool.query(null as unknown as string)).rejects.toThrow(TypeError)
    expect(pool.stats().lent).toBe(0)
    await pool.query('SELECT 1')
  })

  it('ends with a callback, and again without harm', async () => {
    open()
    await pool.query('SELECT 1')
    await new Promise<void>((resolve) => pool.end(() => resolve()))
    expect(pool.ended).toBe(true)
    await Promise.all([pool.end(), pool.end()])
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({
      code: 'POOL_ENDED',
      message: 'Cannot use a pool after calling end on the pool',
    })
  })

  it('serves those who waited when it was ended, refuses those who come later, and resolves once all is back and closed', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    const waiting = pool.connect()
    const ended = pool.end()
    await expect(pool.connect()).rejects.toMatchObject({ code: 'POOL_ENDED' })
    client.release()
    const served = await waiting
    expect(pool.ended).toBe(false)
    served.release()
    await ended
    expect(await database.sessions()).toEqual([])
  })

  it('stops waiting when its signal is aborted', async () => {
    open({ max: 1 })
    const client = await pool.connect()
    const abort = new AbortController()
    const waiting = pool.connect({ signal: abort.signal })
    abort.abort(new Error('changed my mind'))
    await expect(waiting).rejects.toMatchObject({ code: 'POOL_ACQUIRE_ABORTED', cause: { message: 'changed my mind' } })
    client.release()
  })

  it('refuses a signal that is none, wherever one may be given, and a number to trim to that is none', async () => {
    const pool = open()
    const signal = 'now' as never
    const refused = {
      code: 'POOL_OPTION_INVALID',
      message: "Expected `signal` to be an AbortSignal, got 'now' (string)",
    }
    await expect(pool.query({ text: 'SELECT 1', signal })).rejects.toMatchObject(refused)
    await expect(pool.connect({ signal })).rejects.toMatchObject(refused)
    await expect(pool.use(async () => {}, { signal })).rejects.toMatchObject(refused)
    await expect(pool.transaction(async () => {}, { signal })).rejects.toMatchObject(refused)
    expect(() => pool.trim(-1)).toThrow('Expected `keep` to be a non-negative integer, got -1 (number)')
    expect(pool.stats().acquires).toBe(0)
  })

  it('runs onConnect and verify before the first loan of each connection', async () => {
    const seen: string[] = []
    open({
      max: 1,
      onConnect: async (client) => {
        await client.query("SET application_name = 'greeted'")
        seen.push('onConnect')
      },
      verify: (_client, done) => {
        seen.push('verify')
        done()
      },
    })
    const { rows } = await pool.query('SHOW application_name')
    await pool.query('SELECT 1')
    expect(rows).toEqual([{ application_name: 'greeted' }])
    expect(seen).toEqual(['onConnect', 'verify'])
  })

  it('tells the error of an onConnect that fails, and leaves no session', async () => {
    open({
      onConnect: () => {
        throw new Error('no entry')
      },
    })
    await expect(pool.connect()).rejects.toMatchObject({ phase: 'dial', cause: { message: 'no entry' } })
    await database.untilSessions(0)
    expect(pool.stats().total).toBe(0)
  })

  it('survives listeners that throw', async () => {
    open({ max: 1 })
    for (const name of ['connect', 'acquire', 'release', 'remove'] as const) {
      pool.on(name, () => {
        throw new Error(`listener of ${name}`)
      })
    }
    await pool.query('SELECT 1')
    const removed = new Promise((resolve) => pool.prependOnceListener('remove', resolve))
    ;(await pool.connect()).release(true)
    await removed
    expect(pool.stats()).toMatchObject({ total: 0, faults: 6 })
  })
})

describe('use, transaction and await using', () => {
  it('takes the client back however the work ends', async () => {
    open({ max: 1 })
    expect(await pool.use(async (client) => (await client.query('SELECT 1 AS one')).rows)).toEqual([{ one: 1 }])
    await expect(
      pool.use(async () => {
        throw new Error('work')
      }),
    ).rejects.toThrow('work')
    expect(pool.stats().lent).toBe(0)
  })

  it('lets the work release its client itself', async () => {
    open({ max: 1 })
    await pool.use(async (client) => client.release())
    expect(pool.stats()).toMatchObject({ lent: 0, idle: 1 })
  })

  it('commits when the work resolves and rolls back when it throws', async () => {
    open()
    await pool.query('CREATE TABLE tally (n int)')
    await pool.transaction((client) => client.query('INSERT INTO tally VALUES (1)'))
    await expect(
      pool.transaction(async (client) => {
        await client.query('INSERT INTO tally VALUES (2)')
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect((await pool.query('SELECT n FROM tally')).rows).toEqual([{ n: 1 }])
  })

  it('does not report as committed what the server rolled back', async () => {
    open()
    await expect(
      pool.transaction(async (client) => {
        await client.query('SELECT nonsense').catch(() => {})
      }),
    ).rejects.toMatchObject({ code: 'POOL_TRANSACTION_ROLLED_BACK' })
  })

  it('tells the error of the work when the connection died under it', async () => {
    open()
    await expect(
      pool.transaction(async (client) => {
        await client.query('SELECT pg_terminate_backend(pg_backend_pid())')
      }),
    ).rejects.toMatchObject({ code: '57P01' })
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })

  it('returns a client at the end of its scope, also one that was returned already', async () => {
    open({ max: 1 })
    {
      await using client = (await pool.connect()) as pg.PoolClient & AsyncDisposable
      await client.query('SELECT 1')
    }
    expect(pool.stats()).toMatchObject({ lent: 0, idle: 1 })
    {
      await using client = (await pool.connect()) as pg.PoolClient & AsyncDisposable
      client.release()
    }
    expect(pool.stats()).toMatchObject({ lent: 0, idle: 1 })
  })

  it('ends a pool at the end of its scope', async () => {
    {
      await using scoped = open()
      await scoped.query('SELECT 1')
    }
    expect(pool.ended).toBe(true)
  })
})
