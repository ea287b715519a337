import { afterEach, describe, expect, it, vi } from 'vitest'
import { createPool } from '../../../src/lambda/create-pool'
import { Pool } from '../../../src/postgres/pool'
import { environment } from '../../../src/registry/environment'

afterEach(async () => {
  await Promise.all([...environment().pools].map((it) => (it.pool as Pool).end()))
  vi.unstubAllEnvs()
})

describe('createPool', () => {
  it('finds the pool with equal options again', () => {
    const onConnect = () => {}
    expect(createPool({ max: 2, ssl: { ca: 'x' }, onConnect })).toBe(
      createPool({ onConnect, ssl: { ca: 'x' }, max: 2 }),
    )
  })

  it('makes another pool for other options', () => {
    expect(createPool({ max: 2 })).not.toBe(createPool({ max: 3 }))
    expect(createPool({ onConnect: () => {} })).not.toBe(createPool({ onConnect: () => {} }))
  })

  it('finds a pool that was made with new', () => {
    const pool = new Pool({ max: 7 })
    expect(createPool({ max: 7 })).toBe(pool)
  })

  it('D7: makes a new pool where the module-scope one was ended', async () => {
    const ended = createPool({ max: 2 })
    await ended.end()
    const fresh = createPool({ max: 2 })
    expect(fresh).not.toBe(ended)
    expect(fresh.ended).toBe(false)
  })

  it('makes a new pool also while the one before it is ending', async () => {
    const ending = createPool({ max: 2, host: '127.0.0.1', port: 1 })
    const client = ending.connect().catch(() => {})
    const ended = ending.end()
    expect(createPool({ max: 2, host: '127.0.0.1', port: 1 })).not.toBe(ending)
    await Promise.all([client, ended])
  })

  it('refuses the name of a pool that has other options', () => {
    createPool({ name: 'orders', max: 2 })
    expect(() => createPool({ name: 'orders', max: 3 })).toThrow(
      expect.objectContaining({
        code: 'POOL_OPTION_INVALID',
        option: 'name',
        message: "Expected `name` to be unique (its pool has other options), got 'orders' (string)",
      }),
    )
    expect(createPool({ name: 'customers', max: 3 }).options.max).toBe(3)
  })

  it('needs no options', () => {
    expect(createPool()).toBeInstanceOf(Pool)
  })
})
