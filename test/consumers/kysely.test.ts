import { type ControlledTransaction, type Generated, Kysely, PostgresDialect, sql } from 'kysely'
import Cursor from 'pg-cursor'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { barrier, expectClean } from './support/guard'

interface Library {
  authors: { id: Generated<number>; name: string }
}

let database: TestDatabase
let pool: Pool
let db: Kysely<Library>

beforeAll(async () => {
  database = await createDatabase()
  await database.admin.query('CREATE TABLE authors (id serial PRIMARY KEY, name text NOT NULL UNIQUE)')
})
afterAll(() => database.dispose())
beforeEach(() => database.admin.query('TRUNCATE authors'))
afterEach(() => expectClean(database, pool))

function open(options: PoolOptions = {}): Kysely<Library> {
  pool = new Pool({ ...database.config, ...options })
  db = new Kysely<Library>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) })
  return db
}

async function backend(of: Kysely<Library>): Promise<number> {
  const { rows } = await sql<{ pid: number }>`SELECT pg_backend_pid() AS pid`.execute(of)
  return rows[0]?.pid ?? Number.NaN
}

async function countAuthors(): Promise<number> {
  const { n } = await db
    .selectFrom('authors')
    .select(({ fn }) => fn.countAll<string>().as('n'))
    .executeTakeFirstOrThrow()
  return Number(n)
}

describe('Kysely', () => {
  it('inserts, selects, updates and deletes', async () => {
    open()
    const { id } = await db.insertInto('authors').values({ name: 'Ada' }).returning('id').executeTakeFirstOrThrow()
    const updated = await db.updateTable('authors').set({ name: 'Lovelace' }).where('id', '=', id).executeTakeFirst()
    expect(updated.numUpdatedRows).toBe(1n)
    expect(await db.selectFrom('authors').selectAll().execute()).toEqual([{ id, name: 'Lovelace' }])
    await expect(db.insertInto('authors').values({ name: 'Lovelace' }).execute()).rejects.toMatchObject({
      code: '23505',
    })
    const deleted = await db.deleteFrom('authors').executeTakeFirst()
    expect(deleted.numDeletedRows).toBe(1n)
  })

  it('recognises a connection at each of its loans', async () => {
    let created = 0
    pool = new Pool({ ...database.config, max: 1 })
    db = new Kysely<Library>({
      dialect: new PostgresDialect({
        pool,
        onCreateConnection: async () => {
          created++
        },
      }),
    })
    for (let n = 0; n < 3; n++) await countAuthors()
    expect(created).toBe(1)
    expect(pool.stats().dials).toBe(1)
  })

  it('runs a transaction on one client, while others query', async () => {
    open({ max: 4 })
    const pids = await db.transaction().execute(async (tx) => {
      const seen: number[] = []
      for (let n = 0; n < 3; n++) {
        const [pid] = await Promise.all([backend(tx), backend(db), backend(db)])
        seen.push(pid)
        await tx
          .insertInto('authors')
          .values({ name: `author ${n}` })
          .execute()
        expect(await countAuthors()).toBe(0)
      }
      return seen
    })
    expect(new Set(pids).size).toBe(1)
    expect(await countAuthors()).toBe(3)
  })

  it('rolls back a transaction that throws, and one it is told to, to a savepoint or whole', async () => {
    open({ max: 1 })
    await expect(
      db
        .transaction()
        .setIsolationLevel('serializable')
        .execute(async (tx) => {
          await tx.insertInto('authors').values({ name: 'Ada' }).execute()
          throw new Error('no')
        }),
    ).rejects.toThrow('no')
    let tx: ControlledTransaction<Library, string[]> = await db.startTransaction().execute()
    await tx.insertInto('authors').values({ name: 'Grace' }).execute()
    const saved = await tx.savepoint('before').execute()
    await saved.insertInto('authors').values({ name: 'Mary' }).execute()
    await saved.rollbackToSavepoint('before').execute()
    await tx.commit().execute()
    expect(await countAuthors()).toBe(1)
    tx = await db.startTransaction().execute()
    await tx.deleteFrom('authors').execute()
    await tx.rollback().execute()
    expect(await countAuthors()).toBe(1)
  })

  it('keeps concurrent transactions apart', async () => {
    open({ max: 3 })
    const [written, read] = [barrier(3), barrier(3)]
    const seen = await Promise.all(
      ['Ada', 'Grace', 'Mary'].map((name) =>
        db.transaction().execute(async (tx) => {
          await tx.insertInto('authors').values({ name }).execute()
          await written()
          const found = await tx.selectFrom('authors').select('name').execute()
          await read()
          return { found, pid: await backend(tx) }
        }),
      ),
    )
    expect(seen.map(({ found }) => found)).toEqual([[{ name: 'Ada' }], [{ name: 'Grace' }], [{ name: 'Mary' }]])
    expect(new Set(seen.map(({ pid }) => pid)).size).toBe(3)
    expect(await countAuthors()).toBe(3)
  })

  it('streams through a cursor, to the end or not, and gives the client back', async () => {
    open({ max: 1 })
    const names = Array.from({ length: 250 }, (_, n) => ({ name: `author ${n}` }))
    await db.insertInto('authors').values(names).execute()
    const query = db.selectFrom('authors').select('name').orderBy('id')
    const streamed = []
    for await (const row of query.stream(100)) streamed.push(row)
    expect(streamed).toEqual(names)
    for await (const row of query.stream(10)) {
      expect(row).toEqual(names[0])
      break
    }
    // The only client: it would be stuck in the cursor, if that were still open.
    expect(await countAuthors()).toBe(250)
    expect(pool.stats().dials).toBe(1)
  })

  it('tells an error of a stream and goes on', async () => {
    open({ max: 1 })
    const failing = sql<{ one: number }>`SELECT 1 / (3 - n) AS one FROM generate_series(1, 5) AS n`.compile(db)
    const read = async () => {
      for await (const _ of db.getExecutor().stream(failing, 1)) {
        // Until it fails.
      }
    }
    await expect(read()).rejects.toMatchObject({ code: '22012' })
    expect(await countAuthors()).toBe(0)
  })

  it('ends the pool on destroy', async () => {
    open({ max: 3 })
    await Promise.all([countAuthors(), countAuthors(), countAuthors()])
    await db.destroy()
    expect(pool.ended).toBe(true)
    expect(await database.sessions()).toEqual([])
    await expect(countAuthors()).rejects.toThrow('driver has already been destroyed')
  })
})
