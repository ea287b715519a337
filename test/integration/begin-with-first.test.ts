import { afterAll, beforeEach, expect, it, vi } from 'vitest'
import { AnswerProxy } from '../support/answer-proxy'
import { database, openPool, pool } from '../support/pool-under-test'

const WRITE = 'INSERT INTO notes VALUES ($1)'
const circular: { self?: unknown } = {}
circular.self = circular

let proxy: AnswerProxy | undefined

beforeEach(() => database.admin.query('DROP TABLE IF EXISTS notes; CREATE TABLE notes (id int)'))
afterAll(() => proxy?.[Symbol.asyncDispose]())

const ids = async () =>
  (await database.admin.query<{ id: number }>('SELECT id FROM notes ORDER BY id')).map(({ id }) => id)

const undone = new Error('undone on purpose')

it('a first statement whose values can not be sent leaves the transaction to those that follow', async () => {
  openPool({ max: 1 })
  const work = pool.transaction(async (client) => {
    await expect(client.query(WRITE, [circular])).rejects.toThrow('circular')
    await client.query(WRITE, [1])
    expect(client.getTransactionStatus()).toBe('T')
    throw undone
  })
  await expect(work).rejects.toBe(undone)
  expect(await ids()).toEqual([])
})

it('so it does where they were asked in one breath', async () => {
  openPool({ max: 1 })
  const work = pool.transaction(async (client) => {
    const asked = [client.query(WRITE, [circular]), client.query(WRITE, [1]), client.query(WRITE, [2])]
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual([
      'rejected',
      'fulfilled',
      'fulfilled',
    ])
    throw undone
  })
  await expect(work).rejects.toBe(undone)
  expect(await ids()).toEqual([])
  await pool.transaction(async (client) => {
    await client.query(WRITE, [circular]).catch(() => {})
    await client.query(WRITE, [3])
  })
  expect(await ids()).toEqual([3])
})

it('values that are no array are refused as ever', async () => {
  openPool({ max: 1 })
  const work = (client: { query(text: string, values: unknown[]): Promise<unknown> }) =>
    client.query('SELECT 1', 'no array' as unknown as unknown[])
  await expect(pool.transaction(work)).rejects.toThrow('Query values must be an array')
})

it('a first statement that fails is rolled back before anybody goes on, however late the server says where it stands', async () => {
  proxy = await AnswerProxy.start(database.config, 1000)
  await database.admin.query('CREATE SEQUENCE tries')
  await database.admin.query(`CREATE FUNCTION conflict(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN
    IF nextval('tries') % 2 = 1 THEN RAISE EXCEPTION 'a conflict' USING ERRCODE = '40001'; END IF; RETURN n; END $$`)
  vi.spyOn(Math, 'random').mockReturnValue(0)
  try {
    // Where the return cleans nothing, what is left open would be lent.
    openPool({ max: 1, host: proxy.host, port: proxy.port, reset: 'none' })
    await pool.query('SELECT 1')
    proxy.dribble(true)
    const rows = await pool.transaction(async (client) => (await client.query('SELECT conflict($1) AS n', [7])).rows, {
      retries: 1,
    })
    expect(rows).toEqual([{ n: 7 }])
    await expect(pool.transaction((client) => client.query('SELECT 1 / $1::int', [0]))).rejects.toThrow('by zero')
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  } finally {
    vi.restoreAllMocks()
    proxy.dribble(false)
  }
})
