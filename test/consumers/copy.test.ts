import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from, to } from 'pg-copy-streams'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Pool } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { expectClean } from './support/guard'

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await createDatabase()
  await database.admin.query('CREATE TABLE numbers (n int PRIMARY KEY)')
})
afterAll(() => database.dispose())
afterEach(async () => {
  await database.admin.query('TRUNCATE numbers')
  await expectClean(database, pool)
})

async function stored(): Promise<number> {
  return (await pool.query('SELECT count(*)::int AS count FROM numbers')).rows[0].count
}

describe('pg-copy-streams', () => {
  it('copies in and out on clients of their own, beside other queries', async () => {
    pool = new Pool({ ...database.config, max: 2 })
    const lines = Readable.from(Array.from({ length: 5_000 }, (_, n) => `${n}\n`))
    const copying = pool.use((client) => pipeline(lines, client.query(from('COPY numbers FROM STDIN'))))
    expect((await Promise.all([copying, pool.query('SELECT 1 AS one')]))[1].rows).toEqual([{ one: 1 }])
    expect(await stored()).toBe(5_000)
    const text = await pool.use(async (client) => {
      const chunks: Buffer[] = []
      for await (const chunk of client.query(to('COPY (SELECT n FROM numbers ORDER BY n) TO STDOUT')))
        chunks.push(chunk)
      return Buffer.concat(chunks).toString()
    })
    expect(text.split('\n').slice(0, 3)).toEqual(['0', '1', '2'])
    expect(pool.stats().retired.busy).toBe(0)
  })

  it('rejects a copy that fails and keeps the client', async () => {
    pool = new Pool({ ...database.config, max: 1 })
    await expect(
      pool.use((client) => pipeline(Readable.from(['1\n', 'two\n']), client.query(from('COPY numbers FROM STDIN')))),
    ).rejects.toMatchObject({ code: '22P02' })
    expect(await stored()).toBe(0)
    expect(pool.stats().dials).toBe(1)
  })

  it('closes a client that is released in the middle of a copy, and nothing is stored', async () => {
    pool = new Pool({ ...database.config, max: 1 })
    const client = await pool.connect()
    const stream = client.query(from('COPY numbers FROM STDIN'))
    stream.on('error', () => {})
    await new Promise((resolve) => stream.write('1\n', resolve))
    client.release()
    expect(await stored()).toBe(0)
    expect(pool.stats().retired.busy).toBe(1)
  })
})
