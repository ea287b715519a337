import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { DataSource, type EntityManager, EntitySchema } from 'typeorm'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { barrier, expectOnlySessionsOf } from './support/guard'

interface Author {
  id: number
  name: string
  books: Book[]
}

interface Book {
  id: number
  title: string
  author: Author
}

const authors = new EntitySchema<Author>({
  name: 'author',
  columns: { id: { type: Number, primary: true, generated: true }, name: { type: 'text', unique: true } },
  relations: { books: { type: 'one-to-many', target: 'book', inverseSide: 'author', cascade: true } },
})
const books = new EntitySchema<Book>({
  name: 'book',
  columns: { id: { type: Number, primary: true, generated: true }, title: { type: 'text' } },
  relations: { author: { type: 'many-to-one', target: 'author', inverseSide: 'books', onDelete: 'CASCADE' } },
})

let database: TestDatabase
let source: DataSource
let pool: Pool
let made: Pool[]
let poolErrors: Error[]

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())
beforeEach(() => {
  made = []
  poolErrors = []
})
afterEach(async () => {
  const open = source.isInitialized
  try {
    expect(made).toHaveLength(1)
    expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0, faults: 0 })
    if (open) await expectOnlySessionsOf(database, pool)
  } finally {
    if (open) await source.destroy()
  }
  expect(pool.ended).toBe(true)
  await database.untilSessions(0)
})

/** TypeORM makes its pool itself: from the driver that it is given, which is pg with another Pool. */
async function open(extra: PoolOptions = {}): Promise<DataSource> {
  class ObservedPool extends Pool {
    constructor(options: PoolOptions) {
      super(options)
      pool = this
      made.push(this)
    }
  }
  const { host, port, user, password, database: name } = database.config
  source = new DataSource({
    type: 'postgres',
    driver: { ...pg, Pool: ObservedPool },
    host,
    port,
    username: user,
    password,
    database: name,
    applicationName: 'typeorm',
    entities: [authors, books],
    dropSchema: true,
    synchronize: true,
    installExtensions: false,
    poolErrorHandler: (error: Error) => poolErrors.push(error),
    extra,
  })
  await source.initialize()
  return source
}

async function backend(of: Pick<EntityManager, 'query'>): Promise<number> {
  return (await of.query('SELECT pg_backend_pid() AS pid'))[0].pid
}

describe('TypeORM', () => {
  it('makes its pool of ours, with its options', async () => {
    await open({ max: 3, leaseMillis: 60_000 })
    expect(pool.options.max).toBe(3)
    const [session] = await database.sessions()
    expect(session?.applicationName).toBe('typeorm')
    expect(await source.query('SHOW idle_session_timeout')).toEqual([{ idle_session_timeout: '1min' }])
  })

  it('hands on whatever stands in `extra`, as text too', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    await open({ max: '2', idleTimeoutMillis: '5000', statement_timeout: '4000', logNotifications: true } as object)
    const said = warn.mock.calls.map(([text]) => text)
    warn.mockRestore()
    expect(pool.options).toMatchObject({ max: 2, idleTimeoutMillis: 5000 })
    expect(await source.query('SHOW statement_timeout')).toEqual([{ statement_timeout: '4s' }])
    expect(said).toContain('Unknown option `logNotifications` of a pool: it is passed over; did you mean `log`?')
  })

  it('saves, finds, updates and removes entities with their relations', async () => {
    const { manager } = await open()
    await manager.save(authors, { name: 'Ada', books: [{ title: 'Notes' }, { title: 'Letters' }] })
    const found = await manager.findOneOrFail(authors, {
      where: { name: 'Ada' },
      relations: { books: true },
      order: { books: { id: 'ASC' } },
    })
    expect(found.books.map((book) => book.title)).toEqual(['Notes', 'Letters'])
    await manager.update(authors, { name: 'Ada' }, { name: 'Lovelace' })
    await expect(manager.insert(authors, { name: 'Lovelace' })).rejects.toMatchObject({ code: '23505' })
    await manager.remove(authors, await manager.findOneByOrFail(authors, { name: 'Lovelace' }))
    expect([await manager.count(authors), await manager.count(books)]).toEqual([0, 0])
  })

  it('runs a transaction on one client, while others query', async () => {
    const { manager } = await open({ max: 4 })
    const pids = await manager.transaction(async (tx) => {
      const seen: number[] = []
      for (let n = 0; n < 3; n++) {
        const [pid] = await Promise.all([backend(tx), backend(manager), backend(manager)])
        seen.push(pid)
        await tx.insert(authors, { name: `author ${n}` })
        expect(await manager.count(authors)).toBe(0)
      }
      return seen
    })
    expect(new Set(pids).size).toBe(1)
    expect(await manager.count(authors)).toBe(3)
  })

  it('rolls back a transaction that throws, and nests by savepoints', async () => {
    const { manager } = await open({ max: 1 })
    await expect(
      manager.transaction(async (tx) => {
        await tx.insert(authors, { name: 'Ada' })
        throw new Error('no')
      }),
    ).rejects.toThrow('no')
    await manager.transaction('SERIALIZABLE', async (tx) => {
      await tx.insert(authors, { name: 'Grace' })
      await tx.transaction((nested) => nested.insert(authors, { name: 'Grace' })).catch(() => {})
    })
    expect((await manager.find(authors)).map((author) => author.name)).toEqual(['Grace'])
  })

  it('keeps concurrent transactions apart', async () => {
    const { manager } = await open({ max: 3 })
    const [written, read] = [barrier(3), barrier(3)]
    const seen = await Promise.all(
      ['Ada', 'Grace', 'Mary'].map((name) =>
        manager.transaction(async (tx) => {
          await tx.insert(authors, { name })
          await written()
          const found = await tx.count(authors)
          await read()
          return { found, pid: await backend(tx) }
        }),
      ),
    )
    expect(seen.map(({ found }) => found)).toEqual([1, 1, 1])
    expect(new Set(seen.map(({ pid }) => pid)).size).toBe(3)
    expect(await manager.count(authors)).toBe(3)
  })

  it('holds a client as long as a query runner is not released', async () => {
    await open({ max: 2 })
    const runner = source.createQueryRunner()
    await runner.connect()
    expect(pool.stats().lent).toBe(1)
    await runner.startTransaction()
    const pid = await backend(runner.manager)
    await runner.manager.insert(authors, { name: 'Ada' })
    expect(await backend(runner.manager)).toBe(pid)
    await runner.rollbackTransaction()
    await runner.release()
    expect(pool.stats().lent).toBe(0)
    expect(await source.manager.count(authors)).toBe(0)
  })

  it('streams rows and gives the client back', async () => {
    const { manager } = await open({ max: 2 })
    await manager.insert(
      authors,
      Array.from({ length: 250 }, (_, n) => ({ name: `author ${n}` })),
    )
    const names: string[] = []
    for await (const row of await manager.createQueryBuilder(authors, 'author').orderBy('author.id').stream()) {
      names.push((row as { author_name: string }).author_name)
    }
    expect(names).toEqual(Array.from({ length: 250 }, (_, n) => `author ${n}`))
    for (let turn = 0; pool.stats().lent > 0 && turn < 50; turn++) await pause(10)
    expect(pool.stats().lent).toBe(0)
  })

  it('ends the pool and its sessions on destroy, releasing runners that were forgotten', async () => {
    await open({ max: 2 })
    const runner = source.createQueryRunner()
    await runner.connect()
    await source.destroy()
    expect(pool.stats()).toMatchObject({ lent: 0, total: 0 })
  })

  it('hears of a session that was lost while it was idle, and goes on', async () => {
    const { manager } = await open({ max: 1 })
    const pid = await backend(manager)
    await database.admin.query('SELECT pg_terminate_backend($1)', [pid])
    for (let turn = 0; pool.stats().total > 0 && turn < 50; turn++) await pause(10)
    expect(poolErrors).toMatchObject([{ code: '57P01' }])
    expect(await backend(manager)).not.toBe(pid)
  })
})
