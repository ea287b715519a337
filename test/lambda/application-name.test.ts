import { afterEach, describe, expect, it, vi } from 'vitest'
import type { PoolOptions } from '../../src/index'
import { database, openPool as open, pool } from '../support/pool-under-test'

vi.hoisted(() => {
  process.env.AWS_LAMBDA_FUNCTION_NAME = 'orders-api'
})
afterEach(() => vi.unstubAllEnvs())

async function shownName(): Promise<string> {
  await pool.query('SELECT 1')
  const [session] = await database.sessions()
  return session?.applicationName ?? 'no session'
}

describe('the name of a session in pg_stat_activity', () => {
  it("is the function's", async () => {
    open()
    expect(await shownName()).toBe('orders-api')
  })

  it('is cut to what the server keeps of a name', async () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'n'.repeat(64))
    open()
    expect(await shownName()).toBe('n'.repeat(63))
  })

  it('is none outside of Lambda', async () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', undefined)
    open()
    expect(await shownName()).toBe('')
  })

  it.each<[string, () => PoolOptions]>([
    ['application_name', () => ({ application_name: 'mine' })],
    ['fallback_application_name', () => ({ fallback_application_name: 'mine' })],
    ['options', () => ({ options: '-c application_name=mine' })],
    ['a connection string', () => ({ connectionString: `${database.url}?application_name=mine` })],
    ["a connection string's fallback", () => ({ connectionString: `${database.url}?fallback_application_name=mine` })],
  ])('is the one that was given by %s', async (_, options) => {
    open(options())
    expect(await shownName()).toBe('mine')
  })

  it.each([
    ['PGAPPNAME', 'mine'],
    ['PGOPTIONS', '-c application_name=mine'],
  ])('is the one in %s', async (variable, value) => {
    vi.stubEnv(variable, value)
    open()
    expect(await shownName()).toBe('mine')
  })
})
