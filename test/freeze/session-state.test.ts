import type { PoolClient } from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'

let database: TestDatabase
let pool: Pool

beforeAll(async () => {
  database = await createDatabase()
  await database.admin.query('CREATE SEQUENCE numbers')
  await database.admin.query('CREATE ROLE session_state_other')
})
afterAll(async () => {
  await database.admin.query('DROP ROLE session_state_other')
  await database.dispose()
})
afterEach(() => pool.end())

/** What a borrower may leave in a session, and how the next one would notice. */
const states: { state: string; leave: string; isThere: string }[] = [
  {
    state: 'a setting',
    leave: "SET work_mem = '7MB'",
    isThere: "SELECT current_setting('work_mem') = '7MB' AS it",
  },
  {
    state: 'a temporary table',
    leave: 'CREATE TEMP TABLE scratch (n int)',
    isThere: "SELECT to_regclass('pg_temp.scratch') IS NOT NULL AS it",
  },
  { state: 'a subscription', leave: 'LISTEN news', isThere: 'SELECT count(*) > 0 AS it FROM pg_listening_channels()' },
  {
    state: 'an advisory lock',
    leave: 'SELECT pg_advisory_lock(7)',
    isThere: "SELECT count(*) > 0 AS it FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
  },
  {
    state: 'a cursor that outlives its transaction',
    leave: 'DECLARE rest CURSOR WITH HOLD FOR SELECT 1',
    isThere: "SELECT count(*) > 0 AS it FROM pg_cursors WHERE name = 'rest'",
  },
  {
    state: 'the identity of somebody else',
    leave: 'SET SESSION AUTHORIZATION session_state_other',
    isThere: "SELECT session_user = 'session_state_other' AS it",
  },
  {
    state: 'a role',
    leave: 'SET ROLE session_state_other',
    isThere: "SELECT current_user = 'session_state_other' AS it",
  },
  {
    state: "a sequence's last value",
    leave: "SELECT nextval('numbers')",
    isThere: "SELECT pg_sequence_last_value('numbers') = lastval() AS it",
  },
  {
    state: 'a prepared statement',
    leave: 'PREPARE kept AS SELECT 1',
    isThere: "SELECT count(*) > 0 AS it FROM pg_prepared_statements WHERE name = 'kept'",
  },
]

const levels: { level: string; options: PoolOptions; stays: (state: string) => boolean }[] = [
  { level: 'rollback', options: {}, stays: () => true },
  { level: 'none', options: { reset: 'none' }, stays: () => true },
  { level: 'clean', options: { reset: 'clean' }, stays: (state) => state === 'a prepared statement' },
  {
    level: 'a function that discards all',
    options: { reset: async (client) => void (await client.query('DISCARD ALL')) },
    stays: () => false,
  },
]

async function isThere(client: PoolClient, question: string): Promise<boolean> {
  try {
    return (await client.query(question)).rows[0].it
  } catch (error) {
    // lastval() in a session that never called nextval().
    if (error instanceof Error && 'code' in error && error.code === '55000') return false
    throw error
  }
}

describe.each(levels)('C7: what a borrower leaves in a session, with reset level $level', ({ options, stays }) => {
  it.each(states)('$state', async ({ state, leave, isThere: question }) => {
    pool = new Pool({ ...database.config, max: 1, connectionTimeoutMillis: 10_000, ...options })
    const borrower = await pool.connect()
    const { rows } = await borrower.query('SELECT pg_backend_pid() AS pid')
    await borrower.query(leave)
    expect(await isThere(borrower, question)).toBe(true)
    borrower.release()
    const next = await pool.connect()
    expect(await isThere(next, question)).toBe(stays(state))
    await next.query('RESET SESSION AUTHORIZATION')
    expect((await next.query('SELECT pg_backend_pid() AS pid')).rows).toEqual(rows)
    next.release()
  })
})
