import { execFile } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { promisify } from 'node:util'
import { describe, expect, it, vi } from 'vitest'
import { wrapHandler } from '../../src/index'
import { database, openPool as open, pool } from '../support/pool-under-test'
import { within } from '../support/within'
import { invoke } from './support/invoke'

// A platform that sets the name of the function, but runs several calls at a time: there is no runtime API that gives out one after the other.
vi.hoisted(() => {
  process.env.AWS_LAMBDA_FUNCTION_NAME = 'orders'
  delete process.env.AWS_LAMBDA_RUNTIME_API
})

const ASK = 'SELECT 1 AS one'

/** What a call may be doing while another one begins and ends. */
const doings: Record<string, (sleep: () => Promise<unknown>) => Promise<unknown>> = {
  'a query that runs': () => pool.query('SELECT pg_sleep(0.25)'),
  'a query with values that runs': () => pool.query('SELECT pg_sleep($1)', [0.25]),
  'a transaction': (sleep) =>
    pool.transaction(async (client) => {
      await client.query(ASK)
      await sleep()
      await client.query(ASK)
    }),
  'a client that is quiet': (sleep) =>
    pool.use(async (client) => {
      await sleep()
      await client.query(ASK)
    }),
  'a client by hand': async (sleep) => {
    const client = await pool.connect()
    await client.query('BEGIN')
    await sleep()
    await client.query('COMMIT')
    client.release()
  },
  'nothing, until later': async (sleep) => {
    await sleep()
    await pool.query(ASK)
  },
}

describe('calls that overlap in one environment', () => {
  describe.each([{ max: 4 }, { max: 1 }])('with a pool of %o', ({ max }) => {
    it.each(Object.keys(doings))('live, whichever begins or ends in between (%s)', async (name) => {
      open({ max })
      const doing = doings[name] ?? (() => Promise.reject(new Error(name)))
      const first = invoke(5000, async () => {
        await doing(() => pause(250))
        return 'first'
      })
      await pause(60)
      const quick = invoke(5000, () => (max === 1 ? pause(20, 'second') : pool.query(ASK).then(() => 'second')))
      expect(await within(1000, quick, 'the second call over')).toBe('second')
      const third = invoke(5000, () => pool.query(ASK).then(() => 'third'))
      expect(await within(3000, Promise.all([first, third]), 'the others over')).toEqual(['first', 'third'])
      expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0, retired: { reclaimed: 0, broken: 0 } })
    })
  })

  it('does not turn away those of a call who wait when another one ends', async () => {
    open({ max: 1 })
    const holder = invoke(5000, () => pool.use(() => pause(150)))
    await pause(30)
    const waiter = invoke(5000, () => pool.query(ASK))
    await invoke(5000, () => pause(20))
    await holder
    expect((await within(2000, waiter, 'the waiting call over')).rows).toEqual([{ one: 1 }])
  })

  it('leave each its own deadline', async () => {
    open({ max: 2, deadlineMarginMillis: 50 })
    const short = invoke(300, () => pool.query('SELECT pg_sleep(0.6)'))
    const long = invoke(5000, () => pool.query('SELECT pg_sleep(0.6)'))
    await expect(short).rejects.toMatchObject({ code: 'POOL_QUERY_TIMEOUT' })
    expect(await long).toMatchObject({ rowCount: 1 })
  })

  it('may be the parts of a batch, whose handler is wrapped as well as theirs', async () => {
    open({ max: 3 })
    const one = wrapHandler(async (record: number) => {
      await pool.query('SELECT pg_sleep(0.02)')
      return (await pool.query('SELECT $1::int AS n', [record])).rows[0].n
    })
    const batch = wrapHandler(async (records: number[], _context: object) => {
      const answers = await Promise.all(records.map((record) => one(record)))
      return [...answers, (await pool.query('SELECT 9 AS n')).rows[0].n]
    })
    expect(await batch([1, 2, 3, 4], { getRemainingTimeInMillis: () => 5000 })).toEqual([1, 2, 3, 4, 9])
  })

  it('may be many', async () => {
    open({ max: 3 })
    const calls = Array.from({ length: 30 }, (_, n) =>
      invoke(5000, async () => {
        await pause(n % 7)
        await pool.transaction((client) => client.query('SELECT pg_sleep(0.005)'))
        await pause(n % 5)
        return (await pool.query('SELECT $1::int AS n', [n])).rows[0].n
      }),
    )
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 30 }, (_, n) => n))
    expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0, retired: { reclaimed: 0 } })
    expect((await database.sessions("state = 'active'")).length).toBe(0)
  })
})

/** Two calls in a process of its own: the first holds the only connection, and asks once more when the second has begun. */
async function overlapIn(variables: Record<string, string>): Promise<string> {
  const source = `
    import { createPool, wrapHandler } from 'pg-thaw'
    const pool = createPool({ ...${JSON.stringify(database.config)}, max: 2 })
    const context = { getRemainingTimeInMillis: () => 5000 }
    const code = (promise) => promise.then(() => 'ok', (error) => error.code ?? error.message)
    const pause = (millis) => new Promise((resolve) => setTimeout(resolve, millis))
    const first = wrapHandler(async () => {
      const running = code(pool.query('SELECT pg_sleep(0.3)'))
      return await running
    })({}, context)
    await pause(150)
    const second = await code(wrapHandler(() => pool.query('SELECT 1'))({}, context))
    console.log(await Promise.race([first, pause(600).then(() => 'left alone')]), second)
    process.exit()`
  const { PATH = '' } = process.env
  const options = { timeout: 8000, env: { PATH, ...variables } }
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', source], options)
  return stdout.trim()
}

describe('which calls overlap', () => {
  const lambda = { AWS_LAMBDA_FUNCTION_NAME: 'orders', AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9001' }

  it.each([
    { where: 'outside Lambda', variables: {} },
    { where: 'on Vercel', variables: { ...lambda, VERCEL: '1' } },
    {
      where: 'on Lambda Managed Instances',
      variables: { ...lambda, AWS_LAMBDA_INITIALIZATION_TYPE: 'lambda-managed-instances' },
    },
    { where: 'where only the name of a function is set', variables: { AWS_LAMBDA_FUNCTION_NAME: 'orders' } },
  ])('is not guessed: all live $where', async ({ variables }) => {
    open()
    expect(await overlapIn(variables)).toBe('ok ok')
  })
})
