import { EventEmitter } from 'node:events'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { DialError, Pool, type PoolOptions } from '../../src/index'
import { database, openPool as open, pool } from '../support/pool-under-test'
import { within } from '../support/within'

/** What a program would write: it connects by itself, with settings of its own. */
async function connected(config: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ ...database.config, application_name: 'made by hand', ...config })
  await client.connect()
  return client
}

const pidOf = async (of: Pick<pg.ClientBase, 'query'>) =>
  (await of.query('SELECT pg_backend_pid() AS pid')).rows[0].pid as number
const dialled = () => pool.connect().catch((error) => error)

/** A promise that is settled from outside. */
function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  const promise = new Promise<T>((it) => {
    resolve = it
  })
  return { promise, resolve }
}

/** A client of another make, which passes on what a pool can't do without, and nothing else. */
function facade(client: pg.Client): pg.Client {
  const { query, end, on } = client
  return { query: query.bind(client), end: end.bind(client), on: on.bind(client) } as unknown as pg.Client
}

describe('clients of a creator', () => {
  it('are the ones that are lent, one for each connection, and never more than `max`', async () => {
    const made: pg.Client[] = []
    open({
      max: 2,
      async creator() {
        const client = await connected()
        made.push(client)
        return client
      },
    })
    const one = await pool.connect()
    const two = await pool.connect()
    const third = pool.connect()
    expect(made).toEqual([one, two])
    expect(pool.stats()).toMatchObject({ total: 2, lent: 2, waiting: 1 })
    one.release()
    expect(await third).toBe(one)
    two.release()
    one.release()
    const { rows } = await pool.query("SELECT current_setting('application_name') AS name")
    expect(rows).toEqual([{ name: 'made by hand' }])
    expect(pool.stats()).toMatchObject({ dials: 2, idle: 2 })
  })

  it('may be returned without a promise', async () => {
    const client = await connected()
    open({ creator: () => client })
    expect(await pidOf(pool)).toBe(await pidOf(client))
  })

  it('pass through `onConnect`, `verify` and the events, and are rolled back', async () => {
    const seen: string[] = []
    open({
      max: 1,
      creator: connected,
      onConnect: () => void seen.push('onConnect'),
      verify: (_client, done) => {
        seen.push('verify')
        done()
      },
    })
    for (const name of ['connect', 'acquire', 'release'] as const) pool.on(name, () => seen.push(name))
    const client = await pool.connect()
    await client.query('BEGIN')
    const pid = await pidOf(client)
    client.release()
    expect(seen).toEqual(['onConnect', 'verify', 'connect', 'acquire', 'release'])
    const next = await pool.connect()
    expect([next.getTransactionStatus(), await pidOf(next)]).toEqual(['I', pid])
    next.release()
  })

  it('are pinged, and one that was ended meanwhile is replaced without anybody noticing', async () => {
    open({ max: 1, validationBypassMillis: 0, creator: connected })
    const pid = await pidOf(pool)
    expect(await pidOf(pool)).toBe(pid)
    expect(pool.stats().pings).toBeGreaterThan(0)
    await database.admin.query('SELECT pg_terminate_backend($1, 5000)', [pid])
    expect(await pidOf(pool)).not.toBe(pid)
    expect(pool.stats()).toMatchObject({ dials: 2, lent: 0 })
  })

  it('are cancelled on the server where a signal says so', async () => {
    open({ creator: connected })
    const controller = new AbortController()
    const asked = pool.query({ text: 'SELECT pg_sleep(30)', signal: controller.signal })
    await database.untilSessions(1, { where: "state = 'active'" })
    controller.abort()
    await expect(asked).rejects.toMatchObject({ code: 'POOL_QUERY_ABORTED' })
    await database.untilSessions(0, { where: "state = 'active'" })
  })

  it('get no lease that nobody asked the server for, and keep the one that was', async () => {
    open({ creator: connected })
    expect((await pool.query('SHOW idle_session_timeout')).rows).toEqual([{ idle_session_timeout: '0' }])
    await pool.end()
    open({ leaseMillis: 60_000, creator: () => connected({ options: '-c idle_session_timeout=60000' }) })
    expect((await pool.query('SHOW idle_session_timeout')).rows).toEqual([{ idle_session_timeout: '1min' }])
  })

  it('share nothing, and prepare nothing', async () => {
    open({ max: 1, creator: connected })
    const answers = await Promise.all([1, 2, 3, 3].map((n) => pool.query('SELECT $1::int AS n', [n])))
    expect(answers.map(({ rows }) => rows[0].n)).toEqual([1, 2, 3, 3])
    expect(pool.stats()).toMatchObject({ joins: 0, prepared: 0, dials: 1 })
  })

  it('of which only the least is known are lent, rolled back and closed all the same', async () => {
    const made: pg.Client[] = []
    open({
      max: 1,
      async creator() {
        const client = await connected()
        made.push(client)
        return facade(client)
      },
    })
    const client = await pool.connect()
    await client.query('BEGIN')
    await client.query('CREATE TABLE left_open (n int)')
    client.release()
    expect((await pool.query("SELECT to_regclass('left_open') AS it")).rows).toEqual([{ it: null }])
    await pool.transaction((it) => it.query('CREATE TABLE committed (n int)'))
    await expect(pool.transaction((it) => it.query('SELECT nonsense'))).rejects.toMatchObject({ code: '42703' })
    expect((await pool.query('SELECT count(*)::int AS n FROM committed')).rows).toEqual([{ n: 0 }])
    expect(made.map((it) => it.getTransactionStatus())).toEqual(['I'])
    expect(pool.stats().faults).toBe(0)
  })
})

describe('a creator that fails', () => {
  it.each<[what: string, value: unknown, says: RegExp]>([
    ['nothing', undefined, /got undefined, which is without `query`/],
    ['null', null, /got null, which is without `query`/],
    ['a text', 'postgres://', /got a string without `query`/],
    ['an object without an end', { query() {}, on() {} }, /got an object without `end`/],
  ])('returns %s: the error says so', async (_what, value, says) => {
    open({ creator: () => value as never })
    const error = await dialled()
    expect(error).toBeInstanceOf(DialError)
    expect(error).toMatchObject({ code: 'POOL_DIAL_FAILED', retry: 'never', message: expect.stringMatching(says) })
    expect(pool.stats()).toMatchObject({ total: 0, waiting: 0 })
  })

  it('returns a client that nobody connected, or one that is closed: the error says so', async () => {
    open({ creator: () => new pg.Client(database.config) })
    expect(await dialled()).toMatchObject({ message: expect.stringContaining('one that has not been connected') })
    await pool.end()
    open({
      async creator() {
        const client = await connected()
        await client.end()
        return client
      },
    })
    expect(await dialled()).toMatchObject({ message: expect.stringContaining('one that is closed already') })
  })

  it('returns the same client again: that one goes on as it is', async () => {
    const client = await connected()
    open({ max: 2, creator: () => client })
    const lent = await pool.connect()
    const error = await dialled()
    expect(error).toBeInstanceOf(DialError)
    expect(error.message).toContain('another client each time')
    expect((await lent.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    lent.release()
  })

  it.each<[string, () => Promise<pg.Client>]>([
    ['rejects', () => Promise.reject(Object.assign(new Error('no tunnel'), { code: 'NO_TUNNEL' }))],
    [
      'throws',
      () => {
        throw Object.assign(new Error('no tunnel'), { code: 'NO_TUNNEL' })
      },
    ],
  ])('%s: the error is a DialError with its text and code', async (_how, creator) => {
    open({ creator })
    const error = await dialled()
    expect(error).toBeInstanceOf(DialError)
    expect(error).toMatchObject({ message: 'no tunnel', code: 'NO_TUNNEL', phase: 'dial' })
  })

  it('fails in a way that passes: it is asked again', async () => {
    let asked = 0
    open({
      connectionTimeoutMillis: 5000,
      creator: () => {
        asked += 1
        if (asked === 1) throw Object.assign(new Error('starting up'), { code: '57P03' })
        return connected()
      },
    })
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(asked).toBe(2)
  })

  it('says nothing: its caller gives up in time, and a client that comes after the end is ended', async () => {
    const late = deferred<pg.Client>()
    open({ max: 1, connectionTimeoutMillis: 50, creator: () => late.promise })
    await expect(pool.connect()).rejects.toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT', phase: 'dial' })
    await within(1000, pool.end(), 'the pool to end without it')
    const client = await connected()
    const ended = new Promise((resolve) => client.once('end', resolve))
    late.resolve(client)
    await within(5000, ended, 'the late client to be ended')
    await database.untilSessions(0)
  })

  it('is too late for its caller but not for the pool: the next one gets the client', async () => {
    const late = deferred<pg.Client>()
    open({ max: 1, connectionTimeoutMillis: 50, creator: () => late.promise })
    await expect(pool.connect()).rejects.toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT' })
    const client = await connected()
    const opened = new Promise((resolve) => pool.once('connect', resolve))
    late.resolve(client)
    expect(await opened).toBe(client)
    const lent = await pool.connect()
    expect(lent).toBe(client)
    lent.release()
  })

  it('returns a client that fails `verify`: it is closed', async () => {
    open({ creator: connected, verify: (_client, done) => done(new Error('not this one')) })
    expect(await dialled()).toMatchObject({ message: 'not this one' })
    await database.untilSessions(0)
  })
})

describe('options beside a creator', () => {
  const creator = () => new EventEmitter() as never

  it.each<[option: string, options: PoolOptions]>([
    ['Client', { Client: pg.Client }],
    ['ssl', { ssl: 'verify-full' }],
    ['statement_timeout', { statement_timeout: 100 }],
    ['options', { options: '-c work_mem=1MB' }],
    ['connectionString', { connectionString: 'postgres://me:secret@host/db?sslmode=verify-full' }],
    ['connectionString', { connectionString: 'postgres://me:secret@a,b/db?target_session_attrs=primary' }],
  ])('%s is refused, which could do nothing', (option, options) => {
    open()
    expect(() => new Pool({ creator, ...options })).toThrow(
      expect.objectContaining({ code: 'POOL_OPTION_INVALID', option, message: expect.not.stringContaining('secret') }),
    )
  })

  it('it has to be a function', () => {
    open()
    expect(() => new Pool({ creator: new pg.Client() as never })).toThrow(
      'Expected `creator` to be a function, got an object',
    )
  })
})
