import { type Relay, startRelay } from 'pg-thaw/testing'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Pool, PoolOptions } from '../../src/index'
import { useEnvironmentVariables } from '../support/environment-variables'
import { database, openPool, pool } from '../support/pool-under-test'
import { within } from '../support/within'

const set = useEnvironmentVariables()
let relay: Relay

beforeEach(async () => {
  relay = await startRelay(database.config)
})
afterEach(async () => {
  await within(5000, pool.end(), 'the pool ended')
  await relay.close()
})

function open(options: PoolOptions): Pool {
  const { host, port } = relay
  return openPool({ ...options, host, port })
}

const asks: Record<string, (pool: Pool) => Promise<unknown>> = {
  query: (pool) => pool.query('SELECT 1'),
  connect: async (pool) => (await pool.connect()).release(),
  transaction: (pool) => pool.transaction((client) => client.query('SELECT 1')),
}

/** Asks for a connection whose dial meets silence; those that come after it don't. */
async function meetSilence(ask: (pool: Pool) => Promise<unknown>, dials = 1): Promise<{ asked: Promise<unknown>[] }> {
  relay.newcomersMeet = 'deaf'
  const asked = Array.from({ length: dials }, () => ask(pool))
  for (const it of asked) it.catch(() => {})
  await vi.waitUntil(() => relay.connects >= 1)
  await vi.waitUntil(() => pool.stats().dialing === 0 || relay.connects >= pool.stats().dialing)
  relay.newcomersMeet = undefined
  return { asked }
}

describe.each([
  { where: 'on Lambda', variables: { AWS_LAMBDA_FUNCTION_NAME: 'orders' } },
  { where: 'elsewhere', variables: { AWS_LAMBDA_FUNCTION_NAME: undefined } },
])('a dial that meets silence, $where', ({ variables }) => {
  it.each(Object.keys(asks))('does not hold up who asked for it, alone (%s)', async (name) => {
    set(variables)
    open({ max: 2 })
    const { asked } = await meetSilence(asks[name] as (pool: Pool) => Promise<unknown>)
    await within(1700, Promise.all(asked), 'served by another connection')
    expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0 })
  })

  it('holds up nobody who comes after it', async () => {
    set(variables)
    open({ max: 4 })
    const { asked } = await meetSilence((pool) => pool.query('SELECT 1'))
    const all = Promise.all([...asked, ...Array.from({ length: 20 }, () => pool.query('SELECT 1'))])
    await within(1700, all, 'all served by other connections')
    for (let n = 0; n < 20; n += 1) await within(200, pool.query('SELECT 1'), 'a later one served at once')
  })

  it('holds up nobody beside a client that is lent', async () => {
    set(variables)
    open({ max: 3 })
    const client = await pool.connect()
    const { asked } = await meetSilence((pool) => pool.query('SELECT 1'))
    await within(1700, Promise.all([...asked, pool.query('SELECT 1')]), 'both served by a third connection')
    client.release()
  })

  it('holds up nobody for much longer than half of the time that they have', async () => {
    set(variables)
    open({ max: 2, connectionTimeoutMillis: 800 })
    const { asked } = await meetSilence((pool) => pool.query('SELECT 1'))
    await within(790, Promise.all(asked), 'served by another connection')
  })

  it('leaves alone who is served by what is open', async () => {
    set(variables)
    open({ max: 3 })
    await pool.query('SELECT 1')
    const client = await pool.connect()
    const { asked } = await meetSilence((pool) => pool.use((it) => it.query('SELECT 1')))
    client.release()
    await within(500, Promise.all([...asked, pool.query('SELECT 1')]), 'both served by the open connection')
  })

  it('holds up nobody where several do', async () => {
    set(variables)
    open({ max: 4 })
    const { asked } = await meetSilence((pool) => pool.use((it) => it.query('SELECT 1')), 2)
    await within(2700, Promise.all(asked), 'all served')
  })
})
