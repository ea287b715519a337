import { getEventListeners } from 'node:events'
import type { QueryConfig } from 'pg'
import { describe, expect, it } from 'vitest'
import { wrapHandler } from '../../src/index'
import { database, openPool as open, pool } from '../support/pool-under-test'
import { within } from '../support/within'

const SLOW = 'SELECT pg_sleep(30)'
const untilRunning = () => database.untilSessions(1, { where: `state = 'active' AND query = '${SLOW}'` })
const untilNothingRuns = () => database.untilSessions(0, { where: "state <> 'idle'" })
const listeners = (signal: AbortSignal) => getEventListeners(signal, 'abort').length

describe('a signal of a query on a lent client', () => {
  it('cancels it on the server; the client is given up, and its release is a matter of form', async () => {
    open({ max: 1 })
    const controller = new AbortController()
    const client = await pool.connect()
    const asked = client.query({ text: SLOW, signal: controller.signal })
    await untilRunning()
    const reason = new Error('enough')
    controller.abort(reason)
    await expect(asked).rejects.toMatchObject({ code: 'POOL_QUERY_ABORTED', retry: 'unknown', cause: reason })
    await untilNothingRuns()
    await expect(client.query('SELECT 1')).rejects.toThrow('not queryable')
    const next = await within(5000, pool.connect(), 'the slot to be free')
    client.release()
    expect((await next.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    next.release()
    expect(pool.stats()).toMatchObject({ lent: 0, lateReturns: 0, retired: { discarded: 1 } })
    expect(listeners(controller.signal)).toBe(0)
  })

  it('has an error whose stack leads to who asked', async () => {
    open()
    await pool.use(async (client) => {
      const error = await client.query({ text: 'SELECT 1', signal: AbortSignal.abort() }).catch((it) => it)
      expect(error.stack).toContain('signal-of-a-client.test.ts')
    })
  })

  it('takes what waits behind it along', async () => {
    open({ max: 1 })
    const controller = new AbortController()
    const client = await pool.connect()
    const asked = client.query({ text: SLOW, signal: controller.signal })
    const behind = client.query('SELECT 1')
    const outcomes = Promise.allSettled([asked, behind])
    await untilRunning()
    controller.abort()
    const reasons = (await outcomes).map((it) => it.status === 'rejected' && it.reason.code)
    expect(reasons).toEqual(['POOL_QUERY_ABORTED', 'POOL_QUERY_ABORTED'])
    await untilNothingRuns()
  })

  it('takes a query that waits in the client out of its queue, and harms nothing else', async () => {
    open({ max: 1 })
    await pool.query('CREATE TABLE seen (n int)')
    const controller = new AbortController()
    const client = await pool.connect()
    const before = client.query('INSERT INTO seen SELECT 1 FROM pg_sleep(0.1)')
    const asked = client.query({ text: 'INSERT INTO seen VALUES ($1)', values: [2], signal: controller.signal })
    const behind = client.query('INSERT INTO seen VALUES (3)')
    controller.abort()
    await expect(asked).rejects.toMatchObject({ code: 'POOL_QUERY_ABORTED', retry: 'safe' })
    await Promise.all([before, behind])
    expect((await client.query('SELECT n FROM seen ORDER BY n')).rows).toEqual([{ n: 1 }, { n: 3 }])
    client.release()
    expect(pool.stats()).toMatchObject({ dials: 1, idle: 1 })
  })

  it('that is aborted before sends nothing, in a transaction neither, which goes on', async () => {
    open({ max: 1 })
    await pool.query('CREATE TABLE kept (n int)')
    const signal = AbortSignal.abort()
    await pool.transaction(async (client) => {
      await expect(client.query({ text: 'INSERT INTO kept VALUES (1)', signal })).rejects.toMatchObject({
        code: 'POOL_QUERY_ABORTED',
        retry: 'safe',
      })
      await client.query('INSERT INTO kept VALUES (2)')
      expect(client.getTransactionStatus()).toBe('T')
    })
    expect((await pool.query('SELECT n FROM kept')).rows).toEqual([{ n: 2 }])
    expect(pool.stats().dials).toBe(1)
  })

  it('ends the transaction that it was asked in, with its BEGIN on the way: nothing is stored', async () => {
    open({ max: 1 })
    await pool.query('CREATE TABLE undone (n int)')
    for (const first of [[], ['INSERT INTO undone VALUES (1)']]) {
      const controller = new AbortController()
      const work = pool.transaction(async (client) => {
        for (const text of first) await client.query(text)
        await client.query({ text: SLOW, signal: controller.signal })
      })
      const outcome = work.catch((error) => error)
      await untilRunning()
      controller.abort()
      expect(await outcome).toMatchObject({ code: 'POOL_QUERY_ABORTED' })
    }
    await untilNothingRuns()
    expect((await pool.query('SELECT * FROM undone')).rows).toEqual([])
    expect(pool.stats()).toMatchObject({ lent: 0, lateReturns: 0 })
  })

  it('after its result changes nothing, nor is it listened to any more', async () => {
    open({ max: 1 })
    const controller = new AbortController()
    await pool.use(async (client) => {
      const query: QueryConfig = { text: 'SELECT $1::int AS n', values: [7], signal: controller.signal }
      for (let time = 0; time < 3; time += 1) expect((await client.query(query)).rows).toEqual([{ n: 7 }])
      const { rows } = await client.query({ text: 'SELECT $1::int', signal: controller.signal, rowMode: 'array' }, [8])
      expect(rows).toEqual([[8]])
      await expect(client.query({ text: 'SELECT nonsense', signal: controller.signal })).rejects.toThrow('nonsense')
      expect(listeners(controller.signal)).toBe(0)
      controller.abort()
      await client.query('SELECT 1')
    })
    expect(pool.stats()).toMatchObject({ dials: 1, idle: 1 })
  })

  it.each(['in the query', 'behind its text', 'behind its values'])('works with a callback %s', async (where) => {
    open({ max: 1 })
    const client = await pool.connect()
    const ask = (text: string, signal: AbortSignal) =>
      new Promise<{ error: unknown; rows: unknown }>((resolve) => {
        const callback = (error: unknown, result?: { rows: unknown }) => resolve({ error, rows: result?.rows })
        const config = { text, signal }
        if (where === 'in the query') client.query({ ...config, callback } as QueryConfig)
        else if (where === 'behind its text') client.query(config, callback)
        else client.query(config as never, [], callback)
      })
    const controller = new AbortController()
    expect(await ask('SELECT 1 AS one', controller.signal)).toMatchObject({ error: null, rows: [{ one: 1 }] })
    expect(await ask(SLOW, AbortSignal.abort())).toMatchObject({ error: { code: 'POOL_QUERY_ABORTED' } })
    const asked = ask(SLOW, controller.signal)
    await untilRunning()
    controller.abort()
    expect(await asked).toMatchObject({ error: { code: 'POOL_QUERY_ABORTED' } })
    client.release()
    await untilNothingRuns()
  })

  it('is refused where it is none', async () => {
    open()
    const client = await pool.connect()
    await expect(client.query({ text: 'SELECT 1', signal: 'soon' as never })).rejects.toMatchObject({
      code: 'POOL_OPTION_INVALID',
      option: 'signal',
    })
    expect((await client.query({ text: 'SELECT 1 AS one', signal: undefined })).rows).toEqual([{ one: 1 }])
    client.release()
  })

  it('is honoured by `pool.query` where `connect` is overridden', async () => {
    open({ max: 1 })
    const { connect } = pool
    Object.assign(pool, { connect: (...args: unknown[]) => Reflect.apply(connect, pool, args) })
    const controller = new AbortController()
    const asked = pool.query({ text: SLOW, signal: controller.signal })
    const outcome = asked.catch((error) => error)
    await untilRunning()
    controller.abort()
    expect(await outcome).toMatchObject({ code: 'POOL_QUERY_ABORTED' })
    expect(pool.stats()).toMatchObject({ lent: 0, lateReturns: 0 })
  })

  it('in a call leaves the rest of the call its time, and another client', async () => {
    open({ max: 1 })
    const controller = new AbortController()
    const handler = wrapHandler(async (_event: unknown, _context: object) => {
      const client = await pool.connect()
      try {
        const asked = client.query({ text: SLOW, signal: controller.signal })
        const outcome = asked.catch((error) => error.code)
        await untilRunning()
        controller.abort()
        return [await outcome, (await pool.query('SELECT 1 AS one')).rows]
      } finally {
        client.release()
      }
    })
    expect(await handler({}, {})).toEqual(['POOL_QUERY_ABORTED', [{ one: 1 }]])
    expect(pool.stats()).toMatchObject({ lent: 0, unfinished: 0, lateReturns: 0 })
  })

  it('that comes after the call which left the query behind settles nothing, nor touches who has the slot then', async () => {
    open({ max: 1, lingerMillis: 0 })
    const controller = new AbortController()
    const left: Promise<unknown>[] = []
    const handler = wrapHandler(async (_event: unknown, _context: object) => {
      const client = await pool.connect()
      left.push(client.query({ text: SLOW, signal: controller.signal }))
      await untilRunning()
    })
    await handler({}, {})
    expect(pool.stats()).toMatchObject({ lent: 0, unfinished: 1 })
    const next = await pool.connect()
    controller.abort()
    expect((await next.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    next.release()
    const nothing = new Promise(setImmediate).then(() => 'nothing')
    expect(await Promise.race([left[0]?.then(String, String), nothing])).toBe('nothing')
  })
})
