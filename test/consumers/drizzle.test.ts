import { count, eq, sql } from 'drizzle-orm'
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres'
import { integer, pgTable, serial, text, timestamp } from 'drizzle-orm/pg-core'
import { relations } from 'drizzle-orm/relations'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { barrier, expectClean } from './support/guard'

const authors = pgTable('authors', {
  id: serial().primaryKey(),
  name: text().notNull().unique(),
  born: timestamp({ mode: 'date' }),
})
const books = pgTable('books', {
  id: serial().primaryKey(),
  title: text().notNull(),
  authorId: integer('author_id')
    .notNull()
    .references(() => authors.id),
})
const schema = {
  authors,
  books,
  authorsRelations: relations(authors, ({ many }) => ({ books: many(books) })),
  booksRelations: relations(books, ({ one }) => ({
    author: one(authors, { fields: [books.authorId], references: [authors.id] }),
  })),
}

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await createDatabase()
  await database.admin.query('CREATE TABLE authors (id serial PRIMARY KEY, name text NOT NULL UNIQUE, born timestamp)')
  await database.admin.query(
    'CREATE TABLE books (id serial PRIMARY KEY, title text NOT NULL, author_id int NOT NULL REFERENCES authors)',
  )
})
afterAll(() => database.dispose())
beforeEach(() => database.admin.query('TRUNCATE authors, books'))
afterEach(() => expectClean(database, pool))

function open(options: PoolOptions = {}): NodePgDatabase<typeof schema> {
  pool = new Pool({ ...database.config, ...options })
  return drizzle(pool, { schema })
}

async function backend(of: Pick<NodePgDatabase<typeof schema>, 'execute'>): Promise<number> {
  const { rows } = await of.execute<{ pid: number }>(sql`SELECT pg_backend_pid() AS pid`)
  return rows[0]?.pid ?? Number.NaN
}

describe('Drizzle', () => {
  it('inserts, selects, updates and deletes', async () => {
    const db = open()
    const born = new Date('1815-12-10T00:00:00Z')
    const [ada] = await db.insert(authors).values({ name: 'Ada', born }).returning()
    expect(ada).toEqual({ id: ada?.id, name: 'Ada', born })
    await db.update(authors).set({ name: 'Lovelace' }).where(eq(authors.name, 'Ada'))
    expect(await db.select({ name: authors.name }).from(authors)).toEqual([{ name: 'Lovelace' }])
    const { rowCount } = await db.delete(authors)
    expect(rowCount).toBe(1)
  })

  it('reads relations', async () => {
    const db = open()
    const [ada] = await db.insert(authors).values({ name: 'Ada' }).returning()
    await db.insert(books).values([
      { title: 'Notes', authorId: ada?.id ?? 0 },
      { title: 'Letters', authorId: ada?.id ?? 0 },
    ])
    const found = await db.query.authors.findMany({ with: { books: { columns: { title: true } } } })
    expect(found[0]?.books).toEqual([{ title: 'Notes' }, { title: 'Letters' }])
  })

  it('prepares statements by name and uses them again', async () => {
    const db = open({ max: 2 })
    await db.insert(authors).values([{ name: 'Ada' }, { name: 'Grace' }])
    const byName = db
      .select({ name: authors.name })
      .from(authors)
      .where(eq(authors.name, sql.placeholder('name')))
      .prepare('by_name')
    const names = Array.from({ length: 12 }, (_, n) => (n % 2 === 0 ? 'Ada' : 'Grace'))
    const found = await Promise.all(names.map((name) => byName.execute({ name })))
    expect(found).toEqual(names.map((name) => [{ name }]))
  })

  it('runs a transaction on one client, while others query', async () => {
    const db = open({ max: 4 })
    const pids = await db.transaction(async (tx) => {
      const seen: number[] = []
      for (let n = 0; n < 5; n++) {
        const [pid] = await Promise.all([backend(tx), backend(db), backend(db)])
        seen.push(pid)
        await tx.insert(authors).values({ name: `author ${n}` })
        // Nobody outside sees what is not committed.
        expect(await db.$count(authors)).toBe(0)
      }
      return seen
    })
    expect(new Set(pids).size).toBe(1)
    expect(await db.$count(authors)).toBe(5)
  })

  it('rolls back a transaction that throws, and one that asks for it', async () => {
    const db = open({ max: 1 })
    const failing = db.transaction(async (tx) => {
      await tx.insert(authors).values({ name: 'Ada' })
      await tx.insert(authors).values({ name: 'Ada' })
    })
    await expect(failing).rejects.toMatchObject({ cause: { code: '23505' } })
    const undone = db.transaction(async (tx) => {
      await tx.insert(authors).values({ name: 'Grace' })
      tx.rollback()
    })
    await expect(undone).rejects.toThrow('Rollback')
    expect(await db.select({ n: count() }).from(authors)).toEqual([{ n: 0 }])
  })

  it('nests transactions by savepoints', async () => {
    const db = open({ max: 2 })
    await db.transaction(async (tx) => {
      await tx.insert(authors).values({ name: 'Ada' })
      const outer = await backend(tx)
      const inner = tx.transaction(async (nested) => {
        expect(await backend(nested)).toBe(outer)
        await nested.insert(authors).values({ name: 'Ada' })
      })
      await expect(inner).rejects.toMatchObject({ cause: { code: '23505' } })
      await tx.insert(authors).values({ name: 'Grace' })
    })
    expect(await db.select({ name: authors.name }).from(authors).orderBy(authors.name)).toEqual([
      { name: 'Ada' },
      { name: 'Grace' },
    ])
  })

  it('keeps concurrent transactions apart', async () => {
    const db = open({ max: 3 })
    const [written, read] = [barrier(3), barrier(3)]
    const seen = await Promise.all(
      ['Ada', 'Grace', 'Mary'].map((name) =>
        db.transaction(
          async (tx) => {
            await tx.insert(authors).values({ name })
            await written()
            const found = await tx.$count(authors)
            await read()
            return { found, pid: await backend(tx) }
          },
          { isolationLevel: 'read committed' },
        ),
      ),
    )
    expect(seen.map(({ found }) => found)).toEqual([1, 1, 1])
    expect(new Set(seen.map(({ pid }) => pid)).size).toBe(3)
    expect(await db.$count(authors)).toBe(3)
  })

  it('queues more transactions than there are connections', async () => {
    const db = open({ max: 2 })
    await db.insert(authors).values({ name: '0' })
    await Promise.all(
      Array.from({ length: 20 }, () =>
        db.transaction(async (tx) => {
          const [row] = await tx.select().from(authors).for('update')
          await tx.update(authors).set({ name: String(Number(row?.name) + 1) })
        }),
      ),
    )
    expect(await db.select({ name: authors.name }).from(authors)).toEqual([{ name: '20' }])
  })
})
