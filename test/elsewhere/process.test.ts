import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import { wrapHandler } from '../../src/index'
import { database, openPool as open, pool } from '../support/pool-under-test'
import { within } from '../support/within'

// A process that is no Lambda: a container, another cloud's functions, a laptop.
vi.hoisted(() => {
  for (const name of Object.keys(process.env)) if (/^(AWS_|PG_THAW_|VERCEL)/.test(name)) delete process.env[name]
})

const WHO = 'SELECT pg_backend_pid() AS pid'

async function ask(): Promise<number> {
  return (await pool.query(WHO)).rows[0].pid
}

/** How other places call a handler: with what in the place of Lambda's context. */
const callers: Record<string, unknown[]> = {
  'with nothing beside its event': [{}],
  'with no argument at all': [],
  'with null for a context': [{}, null],
  'as Azure Functions do': [
    { method: 'GET', url: 'http://localhost/api/orders' },
    Object.freeze({ invocationId: 'id', functionName: 'orders', extraInputs: new Map(), log: () => {} }),
  ],
}

describe.each(Object.entries(callers))('a handler that is called %s, outside of Lambda', (_how, args) => {
  it('keeps its connection from the first call on, whatever comes to go wrong', async () => {
    open({ max: 4 })
    const handler = wrapHandler(async (..._args: unknown[]) => ask())
    const failing = wrapHandler(async (..._args: unknown[]) => {
      await ask()
      throw new RangeError('mine')
    })
    const first = await handler(...args)
    await expect(failing(...args)).rejects.toThrow(RangeError)
    expect([await handler(...args), await handler(...args)]).toEqual([first, first])
    expect((await database.sessions()).map(({ pid }) => pid)).toEqual([first])
  })

  it('has its arguments as they were given', async () => {
    open()
    const handler = wrapHandler(async (...given: unknown[]) => given)
    const given = await handler(...args)
    expect(given.length).toBe(args.length)
    for (const [index, value] of given.entries()) expect(value).toBe(args[index])
  })

  it('gives back what it leaked, and what it left running is cut off and counted', async () => {
    open({ max: 3, lingerMillis: 20 } as object)
    const leaking = wrapHandler(
      async (..._args: unknown[]) => void (await Promise.all([pool.connect(), pool.connect()])),
    )
    const leaving = wrapHandler(async (..._args: unknown[]) => void pool.query('SELECT pg_sleep(30)'))
    await leaking(...args)
    expect(pool.stats()).toMatchObject({ lent: 0, unfinished: 2 })
    await leaving(...args)
    expect(pool.stats()).toMatchObject({ lent: 0, unfinished: 3 })
    await database.untilSessions(0, { where: "state = 'active'" })
    expect(await wrapHandler(async (..._args: unknown[]) => ask())(...args)).toBeGreaterThan(0)
  })
})

describe('calls outside of Lambda', () => {
  it('overlap, and each gives back its own', async () => {
    open({ max: 3 })
    let answer: () => void = () => {}
    const other = wrapHandler(() =>
      pool.transaction(async (client) => {
        await client.query(WHO)
        await new Promise<void>((resolve) => {
          answer = resolve
        })
        return (await client.query(WHO)).rowCount
      }),
    )()
    await database.untilSessions(1, { where: "state = 'idle in transaction'" })
    await wrapHandler(async () => void (await Promise.all([pool.connect(), pool.connect()])))()
    expect(pool.stats()).toMatchObject({ lent: 1 })
    expect(await wrapHandler(() => ask())()).toBeGreaterThan(0)
    answer()
    expect(await within(2000, other, 'the other call over')).toBe(1)
  })

  it('may be calls of one another: the outer one gives back for all', async () => {
    open({ max: 3 })
    const inner = wrapHandler(async (fails: boolean) => {
      const client = await pool.connect()
      await client.query(WHO)
      if (fails) throw new RangeError('inner')
      return client
    })
    const outer = wrapHandler(async () => {
      await expect(inner(true)).rejects.toThrow(RangeError)
      // What the inner one holds is its caller's to use.
      const client = await inner(false)
      return (await client.query(WHO)).rowCount
    })
    expect(await outer()).toBe(1)
    expect(pool.stats()).toMatchObject({ lent: 0 })
  })

  it('are bounded where their caller says how much time there is, and by nothing else', async () => {
    open({ max: 2, deadlineMarginMillis: 50 })
    await Promise.all([pool.query('SELECT pg_sleep(0.05)'), pool.query('SELECT pg_sleep(0.05)')])
    const handler = wrapHandler(async (_event: unknown, _context?: unknown) => pool.query('SELECT pg_sleep(1.5)'))
    const [timed, other] = [handler({}, { getRemainingTimeInMillis: () => 700 }), handler({}, {})]
    await expect(timed).rejects.toMatchObject({ code: 'POOL_QUERY_TIMEOUT' })
    expect(await other).toMatchObject({ rowCount: 1 })
  })

  it('have a connection that died while nothing was asked replaced, without a word', async () => {
    open()
    const handler = wrapHandler(() => ask())
    const first = await handler()
    await database.admin.query('SELECT pg_terminate_backend($1)', [first])
    await pause(5)
    expect(await handler()).not.toBe(first)
  })
})
