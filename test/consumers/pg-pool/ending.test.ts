import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { calledBack, describeBoth } from '../../support/both-pools'

const run = promisify(execFile)

describeBoth('the end of a pool', ({ open, database }) => {
  it('comes without any use, to a callback and to a promise', async () => {
    expect((await calledBack((callback) => open().end(callback as never))).error).toBeFalsy()
    expect(await open().end()).toBeUndefined()
  })

  it('closes its connections', async () => {
    const pool = open()
    await pool.query('SELECT 1')
    await pool.end()
    expect(pool.totalCount).toBe(0)
    await database().untilSessions(0)
  })

  it('lets a query finish that was asked before', async () => {
    const pool = open()
    const asked = pool.query('SELECT $1::text AS name', ['before'])
    await pool.end()
    expect((await asked).rows).toEqual([{ name: 'before' }])
  })

  it('refuses whoever comes later, with promises and with callbacks', async () => {
    const pool = open()
    await pool.end()
    const text = 'Cannot use a pool after calling end on the pool'
    await expect(pool.connect()).rejects.toThrow(text)
    await expect(pool.query('SELECT 1')).rejects.toThrow(text)
    const asked = await calledBack((callback) => pool.query('SELECT 1', callback as never))
    const lent = await calledBack((callback) => pool.connect(callback as never))
    expect([asked.error?.message, lent.error?.message]).toEqual([text, text])
  })
})

describeBoth('the process', ({ isStock, database }) => {
  /** What a program prints that asks twice, and has nothing else to do. */
  async function printed(options: object): Promise<string> {
    const source = `
      const { Pool } = require(${JSON.stringify(isStock ? 'pg' : 'pg-thaw')})
      const pool = new Pool(${JSON.stringify({ ...database().config, maxLifetimeSeconds: 2, idleTimeoutMillis: 200, ...options })})
      pool.on('remove', () => console.log('removed'))
      const again = () => pool.query('SELECT * FROM generate_series(0, 1000)', () => console.log('second'))
      pool.query('SELECT now()', () => console.log('first') ?? setTimeout(again, 50))`
    const { stdout } = await run(process.execPath, ['--input-type=commonjs', '--eval', source], { timeout: 15_000 })
    return stdout.trim()
  }

  it('ends while connections are idle, with `allowExitOnIdle`', async () => {
    expect(await printed({ allowExitOnIdle: true })).toBe('first\nsecond')
  })

  it('stays until they are closed, without', async () => {
    expect(await printed({ allowExitOnIdle: false })).toBe('first\nsecond\nremoved')
  })

  it('hears of an exception in a callback as of an uncaught one', async () => {
    for (const ask of ["query('SELECT 1', ", 'connect(', 'end(']) {
      const source = `
        const { Pool } = require(${JSON.stringify(isStock ? 'pg' : 'pg-thaw')})
        process.on('uncaughtException', ({ message }, origin) => { console.log(origin, message); process.exit() })
        new Pool(${JSON.stringify(database().config)}).${ask}() => { throw new Error('mine') })`
      const { stdout } = await run(process.execPath, ['--input-type=commonjs', '--eval', source], { timeout: 15_000 })
      expect(stdout.trim(), ask).toBe('uncaughtException mine')
    }
  })
})
