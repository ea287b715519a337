import type pg from 'pg'
import type { PoolClient } from 'pg'
import { describe, expect, it, vi } from 'vitest'
import type { PoolOptions } from '../../src/index'
import { database, openPool, pool } from '../support/pool-under-test'

const BY_KEY = 'SELECT id, label FROM items WHERE id = $1'

/** A pool of one, with a table of its own. */
async function open(options: PoolOptions = {}): Promise<void> {
  await database.admin.query('DROP TABLE IF EXISTS items')
  await database.admin.query('CREATE TABLE items (id int PRIMARY KEY, label text)')
  await database.admin.query("INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 10) AS n")
  openPool({ max: 1, ...options })
}

/** What the one session knows by a name of the pool's own. */
async function prepared(): Promise<string[]> {
  const { rows } = await pool.query(
    "SELECT statement FROM pg_prepared_statements WHERE name LIKE 'pg_thaw_%' ORDER BY prepare_time",
  )
  return rows.map((it) => it.statement)
}

const byKey = async (id: number) => (await pool.query(BY_KEY, [id])).rows

describe('a statement with values', () => {
  it('is prepared when it comes again, and its results stay what they were', async () => {
    await open()
    const results: pg.QueryResult[] = []
    for (let id = 1; id <= 4; id += 1) {
      results.push(await pool.query(BY_KEY, [id]))
      expect(await prepared()).toEqual(id === 1 ? [] : [BY_KEY])
    }
    const [first, , third] = results
    expect(third).toEqual({ ...first, rows: [{ id: 3, label: 'item 3' }] })
    expect(pool.stats()).toMatchObject({ prepared: 1, reused: 2, forgotten: 0 })
  })

  it('returns rows as they are asked for each time: as arrays, with types of its own, with none', async () => {
    await open()
    for (let time = 0; time < 3; time += 1) {
      expect((await pool.query({ text: BY_KEY, values: [1], rowMode: 'array' })).rows).toEqual([[1, 'item 1']])
      const types = { getTypeParser: () => (value: string) => `<${value}>` } as unknown as typeof pg.types
      expect((await pool.query({ text: BY_KEY, values: [1], types })).rows).toEqual([{ id: '<1>', label: '<item 1>' }])
      const { rows, rowCount, fields } = await pool.query('UPDATE items SET label = label WHERE id = $1', [1])
      expect({ rows, rowCount, fields }).toEqual({ rows: [], rowCount: 1, fields: [] })
      expect(await byKey(99)).toEqual([])
    }
    expect(pool.stats()).toMatchObject({ prepared: 2, reused: 8 })
  })

  it('is prepared on a lent client, in promises and callbacks', async () => {
    await open()
    const client = await pool.connect()
    await client.query('BEGIN')
    for (let id = 1; id <= 3; id += 1) {
      expect((await client.query(BY_KEY, [id])).rows).toEqual([{ id, label: `item ${id}` }])
      const answer = await new Promise((resolve, reject) =>
        client.query(BY_KEY, [id], (error, result) => (error ? reject(error) : resolve(result.rows))),
      )
      expect(answer).toEqual([{ id, label: `item ${id}` }])
    }
    await client.query('COMMIT')
    client.release()
    expect(pool.stats()).toMatchObject({ prepared: 1, reused: 4 })
  })

  it('is prepared in a pipeline, even when it comes twice before it has run', async () => {
    await open()
    for (let round = 0; round < 3; round += 1) {
      expect((await Promise.all([1, 2, 3, 4].map(byKey))).flat()).toHaveLength(4)
    }
    expect(pool.stats()).toMatchObject({ prepared: 1, dials: 1 })
    expect(pool.stats().reused).toBeGreaterThanOrEqual(8)
  })

  it.each(['pool', 'client'] as const)('is answered whatever callback stands in the query itself (%s)', async (by) => {
    await open()
    const client = by === 'client' ? await pool.connect() : undefined
    for (let time = 0; time < 3; time += 1) {
      const own = new Promise((resolve) => {
        const config = { text: BY_KEY, values: [1], callback: resolve } as pg.QueryConfig
        const answer: unknown = client === undefined ? pool.query(config) : client.query(config)
        // As with pg: the pool goes by its own callback, a client by that of the query.
        if (client === undefined) resolve(answer)
      })
      await own
    }
    client?.release()
    expect(pool.stats()).toMatchObject({ lent: 0, prepared: 1 })
  })

  it('has one of a bounded number of names, and the one not used for longest is closed', async () => {
    await open({ preparedStatements: 3 })
    const text = (n: number) => `SELECT ${n} + $1::int AS sum`
    for (const n of [1, 2, 3, 1, 4]) for (let time = 0; time < 2; time += 1) await pool.query(text(n), [n])
    expect(await prepared()).toEqual([text(1), text(3), text(4)])
    expect((await pool.query(text(2), [2])).rows).toEqual([{ sum: 4 }])
  })

  it.each([
    ['that is one of several', 'SELECT 1; SELECT 2', undefined],
    ['without values', 'SELECT 1 AS n', []],
    ['that names a time by a word, which would stay what it was', "SELECT 'now'::timestamptz, $1::int", [1]],
    ['beyond 16 kB', `SELECT $1::int AS n /* ${'x'.repeat(16_384)} */`, [1]],
    ['that changes a table', 'CREATE TABLE IF NOT EXISTS other (id int)', undefined],
  ])('is left alone where it is one %s', async (_, text, values) => {
    await open()
    for (let time = 0; time < 3; time += 1) await pool.query(text, values)
    expect(pool.stats().prepared).toBe(0)
  })

  it.each([{ name: 'mine' }, { prepare: false as const }, { rows: 5 }])(
    'is left alone where the query says how it is to run: %o',
    async (own) => {
      await open()
      for (let time = 0; time < 3; time += 1) await pool.query({ text: BY_KEY, values: [1], ...own })
      expect(pool.stats().prepared).toBe(0)
    },
  )

  it.each([
    { options: { prepare: false as const }, names: [0, 0, 0] },
    { options: { prepare: 0 }, names: [1, 1, 1] },
    { options: { prepare: 2 }, names: [0, 0, 1] },
  ])('is prepared as often as the option says: $options', async ({ options, names }) => {
    await open(options)
    const found: number[] = []
    for (let time = 0; time < 3; time += 1) {
      await byKey(1)
      found.push((await prepared()).length)
    }
    expect(found).toEqual(names)
  })
})

describe('a name that can not be used any more', () => {
  /** The session knows it, and so does the pool. */
  async function withName(): Promise<void> {
    await open()
    for (let time = 0; time < 3; time += 1) await pool.query('SELECT * FROM items WHERE id = $1', [1])
  }
  const all = (id: unknown) => pool.query('SELECT * FROM items WHERE id = $1', [id])

  it.each([
    ['a column was added', 'ALTER TABLE items ADD COLUMN price int DEFAULT 7', { id: 1, label: 'item 1', price: 7 }],
    ['a column was renamed', 'ALTER TABLE items RENAME COLUMN label TO title', { id: 1, title: 'item 1' }],
    ["the key's type has changed", 'ALTER TABLE items ALTER COLUMN id TYPE text', { id: '1', label: 'item 1' }],
    [
      'the table was made anew',
      "DROP TABLE items; CREATE TABLE items (id int, label text); INSERT INTO items VALUES (1, 'new')",
      { id: 1, label: 'new' },
    ],
  ])('fails no query: %s', async (_, migration, row) => {
    await withName()
    await database.admin.query(migration)
    const [key] = [typeof row.id === 'string' ? '1' : 1]
    for (let time = 0; time < 4; time += 1) expect((await all(key)).rows).toEqual([row])
    expect(pool.stats().dials).toBe(1)
  })

  it.each(['DEALLOCATE ALL', 'DISCARD ALL'])('fails no query after %s, which is no surprise', async (text) => {
    await withName()
    for (let time = 0; time < 4; time += 1) {
      await pool.query(text)
      await all(1)
      await all(1)
    }
    expect(await prepared()).toHaveLength(1)
    expect(pool.stats().forgotten).toBe(4)
  })

  it('fails no query in a pipeline', async () => {
    await withName()
    await database.admin.query('ALTER TABLE items ADD COLUMN price int')
    const answers = await Promise.all([1, 2, 3, 4].map(all))
    expect(answers.map(({ rows }) => rows[0].id)).toEqual([1, 2, 3, 4])
  })

  it('fails a transaction once, and with that the name is given up', async () => {
    await withName()
    await database.admin.query('ALTER TABLE items ADD COLUMN price int')
    const work = (client: PoolClient) => client.query('SELECT * FROM items WHERE id = $1', [1])
    await expect(
      pool.transaction(async (client) => {
        await client.query('SELECT 1')
        return work(client)
      }),
    ).rejects.toMatchObject({ code: '0A000' })
    expect((await pool.transaction(work)).rows).toHaveLength(1)
  })

  it('keeps the order in which a client was asked', async () => {
    await withName()
    await database.admin.query('ALTER TABLE items ADD COLUMN price int')
    const client = await pool.connect()
    const [read] = await Promise.all([
      client.query('SELECT * FROM items WHERE id = $1', [1]),
      client.query('DELETE FROM items'),
    ])
    client.release()
    expect(read.rows).toHaveLength(1)
  })

  it('that fails with a value goes on with the next one', async () => {
    await withName()
    await expect(all('no number')).rejects.toMatchObject({ code: '22P02' })
    for (let time = 0; time < 3; time += 1) expect((await all(1)).rows).toHaveLength(1)
    expect(pool.stats().dials).toBe(1)
  })

  it('was dropped by a DEALLOCATE, or another one was: no name is given twice, and nothing is given up for good', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await withName()
    for (let time = 0; time < 4; time += 1) {
      await pool.query('PREPARE mine AS SELECT 1')
      await pool.query('DEALLOCATE mine')
      for (let again = 0; again < 2; again += 1)
        expect((await pool.transaction((client) => client.query(BY_KEY, [1]))).rows).toHaveLength(1)
      const { rows } = await pool.query("SELECT name FROM pg_prepared_statements WHERE name LIKE 'pg_thaw_%'")
      expect(rows).toHaveLength(1)
      if (time % 2 === 1) await pool.query(`DEALLOCATE "${rows[0].name}"`)
    }
    expect(warned).not.toHaveBeenCalled()
    warned.mockRestore()
  })

  it('is given up where its text would be read otherwise now', async () => {
    await open()
    const midnight = "SELECT extract(epoch FROM '2024-07-01'::timestamptz)::int AS at, $1::int AS n"
    const july = "SELECT extract(month FROM '01/07/2024'::date)::int AS at, $1::int AS n"
    const ask = async (text: string) => (await pool.query(text, [1])).rows[0].at
    for (const zone of ['UTC', 'Asia/Tokyo']) {
      await pool.query(`SET timezone = '${zone}'`)
      for (let time = 0; time < 3; time += 1)
        expect(await ask(midnight)).toBe(Date.UTC(2024, 6, 1) / 1000 - (zone === 'UTC' ? 0 : 32_400))
    }
    for (const [style, month] of [
      ['MDY', 1],
      ['DMY', 7],
    ]) {
      await pool.query(`SET datestyle = '${style}'`)
      for (let time = 0; time < 3; time += 1) expect(await ask(july)).toBe(month)
    }
    expect(pool.stats().reused).toBeGreaterThan(3)
  })

  it('whose Parse was cancelled is not used', async () => {
    await open({ prepare: 0, statement_timeout: 200 })
    await database.admin.query('BEGIN; LOCK TABLE items IN ACCESS EXCLUSIVE MODE')
    await expect(byKey(1)).rejects.toMatchObject({ code: '57014' })
    await database.admin.query('ROLLBACK')
    expect((await pool.transaction((client) => client.query(BY_KEY, [1]))).rows).toHaveLength(1)
  })

  it("is none in a pipeline of the user's own, where what follows is sent already", async () => {
    await withName()
    await database.admin.query('ALTER TABLE items ADD COLUMN price int')
    const client = (await pool.connect()) as PoolClient & { pipeline: boolean }
    client.pipeline = true
    const asked = ['BEGIN', 'SELECT * FROM items WHERE id = $1', 'DELETE FROM items WHERE id <> $1', 'COMMIT']
    const results = await Promise.all(asked.map((text) => client.query(text, text.includes('$') ? [1] : undefined)))
    client.pipeline = false
    client.release()
    expect(results.map(({ command }) => command)).toEqual(['BEGIN', 'SELECT', 'DELETE', 'COMMIT'])
  })

  it('is given up for good where names do not stay with the session, and that is told once', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await withName()
    for (let time = 0; time < 4; time += 1) {
      // In a way that the client does not hear of, as if another session had been lent behind its back.
      await pool.query("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")
      for (let again = 0; again < 3; again += 1) expect((await all(1)).rows).toHaveLength(1)
    }
    expect(await prepared()).toEqual([])
    expect(pool.stats().forgotten).toBe(2)
    expect(warned.mock.calls.filter(([, it]) => (it as { code?: string }).code === 'PG_THAW_NO_PREPARE')).toHaveLength(
      1,
    )
    warned.mockRestore()
  })

  it('runs unprepared where the session knows the name already', async () => {
    await open()
    await byKey(1)
    await byKey(1)
    const [{ name }] = (await pool.query('SELECT name FROM pg_prepared_statements')).rows
    await pool.end()
    openPool({ max: 1, onConnect: (client) => client.query(`PREPARE "${name}" (int) AS SELECT 1`) })
    for (let time = 0; time < 4; time += 1) expect(await byKey(2)).toEqual([{ id: 2, label: 'item 2' }])
  })
})

describe('a value that can not be serialised', () => {
  const circular: { self?: unknown } = {}
  circular.self = circular

  it('fails its own query alone, prepared or not', async () => {
    await open()
    const client = await pool.connect()
    for (let time = 0; time < 3; time += 1) {
      await expect(client.query(BY_KEY, [circular])).rejects.toThrow('circular')
      expect((await client.query(BY_KEY, [time])).rowCount).toBe(time > 0 ? 1 : 0)
    }
    client.release()
    await expect(pool.query(BY_KEY, [circular])).rejects.toThrow('circular')
    expect(pool.stats().dials).toBe(1)
  })
})

describe('options that contradict', () => {
  it.each([
    [{ prepare: -1 }, '`prepare`'],
    [{ prepare: true as never }, '`prepare`'],
    [{ preparedStatements: 0.5 }, '`preparedStatements`'],
    [{ preparedStatements: 0 }, '`preparedStatements`'],
    [{ prepare: 'auto', target: 'rds-proxy' }, '`prepare`'],
    [{ preparedStatements: 10, target: 'rds-proxy' }, '`preparedStatements`'],
  ] as [PoolOptions, string][])('are refused by name: %o', (options, name) => {
    openPool()
    expect(() => openPool(options)).toThrow(name)
  })

  it('do not where nothing is prepared', async () => {
    openPool({ target: 'pgbouncer', prepare: false })
    for (let time = 0; time < 3; time += 1) await pool.query('SELECT $1::int', [1])
    expect(pool.stats().prepared).toBe(0)
  })
})
