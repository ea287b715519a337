import createPgPromise, { type IDatabase, type IMain, type ITask } from 'pg-promise'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { barrier, expectOnlySessionsOf } from './support/guard'

let database: TestDatabase
let pool: Pool
let db: IDatabase<unknown>
let made: Pool[]
let errors: string[]

beforeAll(async () => {
  database = await createDatabase()
  await database.admin.query('CREATE TABLE authors (id serial PRIMARY KEY, name text NOT NULL UNIQUE)')
})
afterAll(() => database.dispose())
beforeEach(async () => {
  made = []
  errors = []
  await database.admin.query('TRUNCATE authors')
})
afterEach(async () => {
  expect(made).toEqual([pool])
  expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0, faults: 0 })
  if (!pool.ending) {
    await expectOnlySessionsOf(database, pool)
    await db.$pool.end()
  }
  await database.untilSessions(0)
})

/** pg-promise makes its pool itself, of the pg that it is given by `pgp.pg`. */
function open(options: PoolOptions = {}): IDatabase<unknown> {
  class ObservedPool extends Pool {
    constructor(given: PoolOptions) {
      super(given)
      pool = this
      made.push(this)
    }
  }
  const pgp: IMain = createPgPromise({ error: (error) => void errors.push(error?.message ?? String(error)) })
  // Its types call the property read-only, its code keeps it writable on purpose.
  Object.assign(pgp, { pg: { ...pgp.pg, Pool: ObservedPool } })
  db = pgp({ ...database.config, ...options } as object)
  return db
}

async function backend(of: Pick<ITask<unknown>, 'one'>): Promise<number> {
  return (await of.one<{ pid: number }>('SELECT pg_backend_pid() AS pid')).pid
}

async function countAuthors(of: Pick<ITask<unknown>, 'one'> = db): Promise<number> {
  return (await of.one<{ n: number }>('SELECT count(*)::int AS n FROM authors')).n
}

describe('pg-promise', () => {
  it('makes its pool of ours, and queries through it', async () => {
    open({ max: 2, leaseMillis: 60_000 })
    expect(db.$pool).toBe(pool)
    expect(await db.one('SHOW idle_session_timeout')).toEqual({ idle_session_timeout: '1min' })
    await db.none('INSERT INTO authors (name) VALUES ($1), ($2)', ['Ada', 'Grace'])
    expect(await db.map('SELECT name FROM authors ORDER BY name', [], (row) => row.name)).toEqual(['Ada', 'Grace'])
    expect(await db.oneOrNone('SELECT 1 FROM authors WHERE name = $<name>', { name: 'Mary' })).toBeNull()
    expect((await db.result('DELETE FROM authors')).rowCount).toBe(2)
    expect(errors).toEqual([])
  })

  it('runs a task and a transaction on one client each, while others query', async () => {
    open({ max: 4 })
    const work = async (task: ITask<unknown>) => {
      const seen: number[] = []
      for (let n = 0; n < 3; n++) {
        const [pid] = await Promise.all([backend(task), backend(db), backend(db)])
        seen.push(pid)
      }
      return seen
    }
    const [inTask, inTransaction] = await Promise.all([db.task(work), db.tx(work)])
    expect(new Set(inTask).size).toBe(1)
    expect(new Set(inTransaction).size).toBe(1)
    expect(inTask[0]).not.toBe(inTransaction[0])
  })

  it('rolls back a transaction that throws, and nests by savepoints', async () => {
    open({ max: 1 })
    const failing = db.tx(async (tx) => {
      await tx.none("INSERT INTO authors (name) VALUES ('Ada')")
      await tx.none("INSERT INTO authors (name) VALUES ('Ada')")
    })
    await expect(failing).rejects.toMatchObject({ code: '23505' })
    await db.tx(async (tx) => {
      await tx.none("INSERT INTO authors (name) VALUES ('Grace')")
      await tx.tx((nested) => nested.none("INSERT INTO authors (name) VALUES ('Grace')")).catch(() => {})
    })
    expect(await countAuthors()).toBe(1)
  })

  it('keeps concurrent transactions apart', async () => {
    open({ max: 3 })
    const [written, read] = [barrier(3), barrier(3)]
    const seen = await Promise.all(
      ['Ada', 'Grace', 'Mary'].map((name) =>
        db.tx(async (tx) => {
          await tx.none('INSERT INTO authors (name) VALUES ($1)', [name])
          await written()
          const found = await countAuthors(tx)
          await read()
          return { found, pid: await backend(tx) }
        }),
      ),
    )
    expect(seen.map(({ found }) => found)).toEqual([1, 1, 1])
    expect(new Set(seen.map(({ pid }) => pid)).size).toBe(3)
    expect(await countAuthors()).toBe(3)
  })

  it('counts the loans of each connection on the client', async () => {
    const loans: number[] = []
    open({ max: 1 })
    db.$config.options.connect = ({ useCount }) => void loans.push(useCount)
    for (let n = 0; n < 3; n++) await countAuthors()
    expect(loans).toEqual([0, 1, 2])
  })

  it('lends a client until done, and closes it when asked to', async () => {
    open({ max: 1 })
    const kept = await db.connect()
    const pid = await backend(kept)
    kept.done()
    expect(await backend(db)).toBe(pid)
    const killed = await db.connect()
    killed.done(true)
    expect(await backend(db)).not.toBe(pid)
  })

  it('knows when its pool has ended', async () => {
    open({ max: 2 })
    await countAuthors()
    await db.$pool.end()
    expect(pool.ended).toBe(true)
    expect(await database.sessions()).toEqual([])
    await expect(countAuthors()).rejects.toThrow('Connection pool of the database object has been destroyed')
  })
})
