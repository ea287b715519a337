import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database'

const run = promisify(execFile)
let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())

/** Runs a program that has `pool` and may `await`; resolves with what it prints once it has ended by itself. */
async function program(body: string, options: object = {}): Promise<string> {
  const source = `
    import { Pool } from 'pg-thaw'
    const pool = new Pool(${JSON.stringify({ ...database.config, ...options })})
    ${body}`
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', source], { timeout: 8000 })
  return stdout.trim()
}

describe('the process', () => {
  it('D8: ends by itself while connections are idle', async () => {
    expect(await program("await pool.query('SELECT 1'); console.log('done')", { idleTimeoutMillis: 0 })).toBe('done')
  })

  it('D8: ends by itself after end()', async () => {
    expect(await program("await pool.query('SELECT 1'); await pool.end(); console.log('done')")).toBe('done')
  })

  it('D8: ends by itself after a ping under a query_timeout', async () => {
    const body = "await pool.query('SELECT 1'); await pool.query('SELECT 1'); await pool.end(); console.log('done')"
    const began = performance.now()
    expect(await program(body, { query_timeout: 7000, validationBypassMillis: 0 })).toBe('done')
    expect(performance.now() - began).toBeLessThan(6000)
  })

  it('stays for a query while another that shared its connection is done', async () => {
    const body = `
      await pool.query('SELECT 1')
      pool.query('SELECT pg_sleep(0.2)').then(() => console.log('slow'))
      pool.query('SELECT 1').then(() => console.log('quick'))`
    expect(await program(body, { max: 1 })).toBe('slow\nquick')
  })

  it('stays for those who wait', async () => {
    const body = `
      const client = await pool.connect()
      client.unref()
      await pool.connect().catch((error) => console.log(error.code))`
    expect(await program(body, { max: 1, connectionTimeoutMillis: 200 })).toBe('POOL_ACQUIRE_TIMEOUT')
  })

  it('G2: is not ended by a lent connection that dies without anybody listening', async () => {
    const body = `
      const client = await pool.connect()
      const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
      const ended = new Promise((resolve) => client.once('end', resolve))
      await pool.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
      await ended
      client.release()
      console.log((await pool.query('SELECT 1 AS one')).rows[0].one)`
    expect(await program(body)).toBe('1')
  })
})
