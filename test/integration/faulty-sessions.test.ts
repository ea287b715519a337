import { describe, expect, it } from 'vitest'
import type { Pool, PoolOptions } from '../../src/index'
import { database, openPool, pool } from '../support/pool-under-test'

/** Has the server report an error with such a code. */
const raise = (code: string) => `DO $$ BEGIN RAISE EXCEPTION 'it happens' USING ERRCODE = '${code}'; END $$`

const ways: readonly (readonly [string, (pool: Pool, text: string) => Promise<unknown>])[] = [
  ['query', (it, text) => it.query(text)],
  ['client', (it, text) => it.use((client) => client.query(text))],
  ['a client whose error is swallowed', (it, text) => it.use((client) => client.query(text).catch(() => {}))],
  ['transaction', (it, text) => it.transaction((client) => client.query(text))],
]

async function open(options: PoolOptions = {}): Promise<number> {
  openPool({ max: 1, ...options })
  return backend()
}

async function backend(): Promise<number> {
  return (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
}

describe.each(ways)('through %s', (_, ask) => {
  it.each(['XX000', 'XX001', '58030', '53100', '26000', '0A000', '08P01', 'F0001', '72000', 'ZZ123'])(
    'a session that reports %s is not lent again',
    async (code) => {
      const before = await open()
      await ask(pool, raise(code)).catch(() => {})
      expect(await backend()).not.toBe(before)
      expect(pool.stats().retired.fault).toBe(1)
    },
  )

  it.each(['21000', '22012', '23505', '25001', '40001', '42P01', '44000', '54000', '55P03', '57014', 'P0001'])(
    'one whose statement failed with %s is as good as before',
    async (code) => {
      const before = await open()
      await ask(pool, raise(code)).catch(() => {})
      expect(await backend()).toBe(before)
      expect(pool.stats().retired.fault).toBe(0)
    },
  )
})

describe('a server that takes no more writes', () => {
  const write = 'INSERT INTO notes VALUES (1)'

  /** Sessions that exist keep what the database had said when they began: as after a failover, new ones go where writes are taken. */
  async function demoted(options: PoolOptions = {}): Promise<void> {
    await database.admin.query('CREATE TABLE IF NOT EXISTS notes (id int)')
    await database.admin.query('TRUNCATE notes')
    const name = database.config.database
    await database.admin.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`)
    openPool({ max: 3, ...options })
    await Promise.all([1, 2, 3].map(() => pool.use((client) => client.query('SELECT pg_sleep(0.02)'))))
    await database.admin.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`)
  }
  const stored = async () => (await database.admin.query('SELECT * FROM notes')).length

  it('fails no query of the pool, and none of its sessions is lent again', async () => {
    await demoted()
    for (let time = 0; time < 3; time += 1) await pool.query(write)
    expect(await stored()).toBe(3)
    expect(pool.stats()).toMatchObject({ generation: 1, retired: { fault: 1, generation: 2 } })
  })

  it('fails no transaction with retries, and one without them once', async () => {
    await demoted()
    await pool.transaction((client) => client.query(write), { retries: 1 })
    await pool.end()
    await demoted()
    const once = () => pool.transaction((client) => client.query(write))
    await expect(once()).rejects.toMatchObject({ code: '25006' })
    await once()
    expect(await stored()).toBe(1)
  })

  it('is not meant where a transaction was read-only by its own wish', async () => {
    await database.admin.query('CREATE TABLE IF NOT EXISTS notes (id int)')
    const before = await open()
    await expect(
      pool.transaction((client) => client.query(write), { readOnly: true, retries: 2 }),
    ).rejects.toMatchObject({ code: '25006' })
    expect(await backend()).toBe(before)
    expect(pool.stats().generation).toBe(0)
  })
})

describe('a statement that its user has named', () => {
  it('works again after a migration, on another session', async () => {
    await database.admin.query('CREATE TABLE things (id int)')
    await open()
    const read = () => pool.query({ name: 'mine', text: 'SELECT * FROM things WHERE id = $1', values: [1] })
    await read()
    await database.admin.query('ALTER TABLE things ADD COLUMN label text')
    expect((await read()).fields).toHaveLength(2)
    expect(pool.stats().retired.fault).toBe(1)
    await pool.query('DEALLOCATE ALL')
    await read()
  })
})

describe('a transaction whose connection is lost before COMMIT', () => {
  it('runs again with retries, whole, and its rows are there once', async () => {
    await database.admin.query('CREATE TABLE IF NOT EXISTS notes (id int)')
    await database.admin.query('TRUNCATE notes')
    await open()
    let runs = 0
    await pool.transaction(
      async (client) => {
        runs += 1
        await client.query('INSERT INTO notes VALUES (1)')
        const { rows } = await client.query('SELECT pg_backend_pid() AS pid')
        if (runs === 1) await database.admin.query('SELECT pg_terminate_backend($1)', [rows[0].pid])
        await client.query('INSERT INTO notes VALUES (2)')
      },
      { retries: 1 },
    )
    expect(runs).toBe(2)
    expect(await database.admin.query('SELECT id FROM notes ORDER BY id')).toEqual([{ id: 1 }, { id: 2 }])
  })
})
