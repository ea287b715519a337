import { PrismaPg } from '@prisma/adapter-pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { barrier, expectClean, expectOnlySessionsOf } from './support/guard'
import {
  type GeneratedClient,
  generatePrismaClient,
  type LibraryClient,
  type LibraryQueries,
} from './support/prisma-client'

let database: TestDatabase
let generated: GeneratedClient
let pool: Pool

beforeAll(async () => {
  ;[database, generated] = await Promise.all([createDatabase(), generatePrismaClient()])
  await database.admin.query('CREATE TABLE "Author" (id serial PRIMARY KEY, name text NOT NULL UNIQUE)')
  await database.admin.query(
    'CREATE TABLE "Book" (id serial PRIMARY KEY, title text NOT NULL, "authorId" int NOT NULL REFERENCES "Author")',
  )
})
afterAll(() => Promise.all([database.dispose(), generated.dispose()]))
beforeEach(() => database.admin.query('TRUNCATE "Author", "Book"'))
afterEach(() => expectClean(database, pool))

function open(options: PoolOptions = {}): Pool {
  pool = new Pool({ ...database.config, ...options })
  return pool
}

function openClient(options: PoolOptions = {}): LibraryClient {
  return new generated.PrismaClient({ adapter: new PrismaPg(open(options)) })
}

async function backend(of: LibraryQueries): Promise<number> {
  const rows = await of.$queryRaw<{ pid: number }[]>`SELECT pg_backend_pid() AS pid`
  return rows[0]?.pid ?? Number.NaN
}

function sql(text: string, ...args: number[]) {
  const argTypes = args.map(() => ({ scalarType: 'int' as const, arity: 'scalar' as const }))
  return { sql: text, args, argTypes }
}

describe("Prisma's adapter-pg", () => {
  it('works on the pool itself, not on a copy', async () => {
    open()
    const adapter = await new PrismaPg(pool).connect()
    expect(adapter.underlyingDriver()).toBe(pool)
    expect(await adapter.queryRaw(sql('SELECT $1::int + 1 AS answer', 41))).toMatchObject({
      columnNames: ['answer'],
      rows: [[42]],
    })
    expect(await adapter.executeRaw(sql("INSERT INTO \"Author\" (name) VALUES ('Ada'), ('Grace')"))).toBe(2)
    await expectOnlySessionsOf(database, pool)
    expect(pool.stats().acquires).toBe(2)
    await adapter.dispose()
  })

  it('tells the kind of a database error', async () => {
    open()
    const adapter = await new PrismaPg(pool).connect()
    await adapter.executeRaw(sql('INSERT INTO "Author" (name) VALUES (\'Ada\')'))
    await expect(adapter.executeRaw(sql('INSERT INTO "Author" (name) VALUES (\'Ada\')'))).rejects.toMatchObject({
      cause: { kind: 'UniqueConstraintViolation' },
    })
    await adapter.dispose()
  })

  it('runs a transaction on one client, which commit gives back', async () => {
    open({ max: 2 })
    const adapter = await new PrismaPg(pool).connect()
    const transaction = await adapter.startTransaction('SERIALIZABLE')
    const pids: unknown[] = []
    for (let n = 0; n < 3; n++) {
      pids.push((await transaction.queryRaw(sql('SELECT pg_backend_pid()'))).rows[0]?.[0])
      await adapter.queryRaw(sql('SELECT 1'))
    }
    expect(new Set(pids).size).toBe(1)
    const { rows } = await transaction.queryRaw(sql("SELECT current_setting('transaction_isolation')"))
    expect(rows).toEqual([['serializable']])
    expect(pool.stats().lent).toBe(1)
    await transaction.executeRaw(sql('COMMIT'))
    await transaction.commit()
    expect(pool.stats().lent).toBe(0)
    await adapter.dispose()
  })

  it('does not hand on a transaction that was given back open', async () => {
    open({ max: 1 })
    const adapter = await new PrismaPg(pool).connect()
    const transaction = await adapter.startTransaction()
    await transaction.executeRaw(sql('INSERT INTO "Author" (name) VALUES (\'Ada\')'))
    await transaction.rollback()
    expect((await adapter.queryRaw(sql('SELECT count(*)::int FROM "Author"'))).rows).toEqual([[0]])
    await adapter.dispose()
  })

  it('takes its listeners off a pool that it was lent, and ends one that it was given', async () => {
    open()
    const lent = await new PrismaPg(pool).connect()
    expect(pool.listenerCount('error')).toBe(1)
    await lent.dispose()
    expect(pool.listenerCount('error')).toBe(0)
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)

    const given = await new PrismaPg(pool, { disposeExternalPool: true }).connect()
    await given.dispose()
    expect(pool.ended).toBe(true)
    await database.untilSessions(0)
  })
})

describe('the Prisma client', () => {
  it('creates, reads, updates and deletes through the pool alone', async () => {
    const prisma = openClient({ max: 2 })
    await prisma.author.create({ data: { name: 'Ada', books: { create: [{ title: 'Notes' }, { title: 'Letters' }] } } })
    await prisma.author.update({ where: { name: 'Ada' }, data: { name: 'Lovelace' } })
    const author = await prisma.author.findUniqueOrThrow({ where: { name: 'Lovelace' }, include: { books: true } })
    expect(author.books.map((book) => book.title)).toEqual(['Notes', 'Letters'])
    await expect(prisma.author.create({ data: { name: 'Lovelace' } })).rejects.toMatchObject({ code: 'P2002' })
    await expectOnlySessionsOf(database, pool)
    await prisma.$disconnect()
    expect(pool.ended).toBe(false)
  })

  it('runs an interactive transaction on one client', async () => {
    const prisma = openClient()
    const pids = await prisma.$transaction(async (tx) => {
      const first = await backend(tx)
      await tx.author.create({ data: { name: 'Ada' } })
      // Nobody else sees it yet, also when asked from within.
      expect(await prisma.author.count()).toBe(0)
      expect(await tx.author.count()).toBe(1)
      return [first, await backend(tx)]
    })
    expect(pids[1]).toBe(pids[0])
    expect(await prisma.author.count()).toBe(1)
    await prisma.$disconnect()
  })

  it('rolls back an interactive transaction that throws', async () => {
    const prisma = openClient({ max: 1 })
    await expect(
      prisma.$transaction(async (tx) => {
        await tx.author.create({ data: { name: 'Ada' } })
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    expect(await prisma.author.count()).toBe(0)
    await prisma.$disconnect()
  })

  it('rolls back one that takes too long, and has its client back', async () => {
    const prisma = openClient({ max: 1 })
    await expect(
      prisma.$transaction(
        async (tx) => {
          await tx.author.create({ data: { name: 'Ada' } })
          await tx.$queryRaw`SELECT pg_sleep(0.3)::text`
          await tx.author.create({ data: { name: 'Grace' } })
        },
        { timeout: 100 },
      ),
    ).rejects.toMatchObject({ code: 'P2028' })
    expect(await prisma.author.count()).toBe(0)
    expect(pool.stats().lent).toBe(0)
    await prisma.$disconnect()
  })

  it('keeps concurrent transactions on clients of their own', async () => {
    const prisma = openClient({ max: 3 })
    const [written, read] = [barrier(3), barrier(3)]
    const seen = await Promise.all(
      ['Ada', 'Grace', 'Mary'].map((name) =>
        prisma.$transaction(async (tx) => {
          const first = await backend(tx)
          await tx.author.create({ data: { name } })
          await written()
          const authors = await tx.author.count()
          await read()
          return { authors, pids: [first, await backend(tx)] }
        }),
      ),
    )
    expect(seen.map(({ authors }) => authors)).toEqual([1, 1, 1])
    for (const { pids } of seen) expect(pids[1]).toBe(pids[0])
    expect(new Set(seen.flatMap(({ pids }) => pids)).size).toBe(3)
    expect(await prisma.author.count()).toBe(3)
    await prisma.$disconnect()
  })

  it('runs a batch as one transaction', async () => {
    const prisma = openClient({ max: 2 })
    await expect(
      prisma.$transaction([
        prisma.author.create({ data: { name: 'Ada' } }),
        prisma.author.create({ data: { name: 'Ada' } }),
      ]),
    ).rejects.toMatchObject({ code: 'P2002' })
    expect(await prisma.author.count()).toBe(0)
    await prisma.$disconnect()
  })

  it('gives each of many concurrent queries its own rows', async () => {
    const prisma = openClient({ max: 2 })
    const names = Array.from({ length: 20 }, (_, n) => `author ${n}`)
    for (const name of names) await prisma.author.create({ data: { name } })
    const found = await Promise.all(names.map((name) => prisma.author.findMany({ where: { name } })))
    expect(found.map((authors) => authors.map((author) => author.name))).toEqual(names.map((name) => [name]))
    await prisma.$disconnect()
  })
})
