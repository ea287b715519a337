import { promisify } from 'node:util'
import connectPgSimple from 'connect-pg-simple'
import session, { type SessionData } from 'express-session'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { expectClean } from './support/guard'

const PGStore = connectPgSimple(session)

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())
afterEach(() => expectClean(database, pool))

/** The store, with promises for its callbacks. */
function open(options: PoolOptions = {}) {
  pool = new Pool({ ...database.config, ...options })
  const store = new PGStore({ pool, createTableIfMissing: true, pruneSessionInterval: false })
  return {
    get: promisify<string, SessionData | null | undefined>(store.get.bind(store)),
    set: promisify<string, SessionData>(store.set.bind(store)),
    touch: promisify((id: string, data: SessionData, done: () => void) => store.touch(id, data, done)),
    destroy: promisify<string>(store.destroy.bind(store)),
    prune: promisify(store.pruneSessions.bind(store)),
    close: () => store.close(),
  }
}

function visitor(user: string, expires = new Date(Date.now() + 60_000)): SessionData {
  return { cookie: { originalMaxAge: 60_000, expires }, user } as SessionData
}

describe('connect-pg-simple', () => {
  it('sets, gets, touches and destroys a session', async () => {
    const store = open({ max: 2 })
    await store.set('a', visitor('Ada'))
    expect(await store.get('a')).toMatchObject({ user: 'Ada' })
    await store.set('a', visitor('Grace'))
    await store.touch('a', visitor('Grace', new Date('2100-01-01')))
    expect(await store.get('a')).toMatchObject({ user: 'Grace' })
    expect((await pool.query('SELECT extract(year FROM expire)::int AS year FROM session')).rows).toEqual([
      { year: 2100 },
    ])
    await store.destroy('a')
    expect(await store.get('a')).toBeFalsy()
  })

  it('does not find what has expired, and prunes it', async () => {
    const store = open()
    await store.set('old', visitor('Ada', new Date(Date.now() - 60_000)))
    expect(await store.get('old')).toBeFalsy()
    await store.prune()
    expect((await pool.query('SELECT sid FROM session')).rows).toEqual([])
  })

  it('keeps many visitors apart over few connections', async () => {
    const store = open({ max: 2 })
    const ids = Array.from({ length: 20 }, (_, n) => `visitor ${n}`)
    await Promise.all(ids.map((id) => store.set(id, visitor(id))))
    const found = await Promise.all(ids.map((id) => store.get(id)))
    expect(found).toMatchObject(ids.map((user) => ({ user })))
  })

  it('leaves the pool that it was lent open when it closes', async () => {
    const store = open()
    await store.set('a', visitor('Ada'))
    await store.close()
    expect(pool.ended).toBe(false)
    expect((await pool.query('SELECT 1')).rowCount).toBe(1)
  })
})
