import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { describeBoth } from '../../support/both-pools'

describeBoth('the size of a pool', ({ open }) => {
  it('makes the next caller wait for the same client', async () => {
    const pool = open({ max: 1 })
    expect(pool.waitingCount).toBe(0)
    const client = await pool.connect()
    const waiting = pool.connect()
    expect(pool.waitingCount).toBe(1)
    client.release()
    const again = await waiting
    expect(again).toBe(client)
    again.release()
  })

  it('keeps `min` past the idle timeout, and no more', async () => {
    for (const [min, left] of [
      [2, 2],
      [1, 1],
      [0, 0],
    ]) {
      const pool = open({ max: 2, min, idleTimeoutMillis: 30 })
      const [first, second] = await Promise.all([pool.connect(), pool.connect()])
      first.release()
      await pause(60)
      second.release()
      await pause(200)
      expect(pool.idleCount, `min ${min}`).toBe(left)
    }
  })

  it('keeps `min` where clients come back at the same time', async () => {
    const pool = open({ max: 2, min: 1, idleTimeoutMillis: 30 })
    const clients = await Promise.all([pool.connect(), pool.connect()])
    for (const client of clients) client.release()
    await pause(200)
    expect(pool.idleCount).toBe(1)
  })

  it('follows what `options.max` is changed to', async () => {
    const pool = open({ max: 1 })
    const first = await pool.connect()
    pool.options.max = 2
    const second = await pool.connect()
    expect(pool.totalCount).toBe(2)
    pool.options.max = 1
    second.release(true)
    await once(pool, 'remove')
    const waiting = pool.connect()
    expect(pool.waitingCount).toBe(1)
    first.release()
    ;(await waiting).release()
    expect(pool.totalCount).toBe(1)
  })
})

describeBoth('what ends a connection', ({ open }) => {
  it('is the idle timeout, and the next query opens another', async () => {
    const pool = open({ idleTimeoutMillis: 10 })
    for (let time = 0; time < 5; time += 1) {
      const removed = once(pool, 'remove')
      await pool.query('SELECT 1')
      expect(pool.totalCount).toBe(1)
      await removed
      expect([pool.idleCount, pool.totalCount]).toEqual([0, 0])
    }
  })

  it('is the idle timeout, also where another is removed at the same time', async () => {
    const pool = open({ idleTimeoutMillis: 10 })
    const [first, second] = await Promise.all([pool.connect(), pool.connect()])
    const both = new Promise<void>((resolve) => {
      let left = 2
      pool.on('remove', () => {
        left -= 1
        if (left === 0) resolve()
      })
    })
    first.release()
    second.release(new Error('of no use'))
    await both
    expect([pool.idleCount, pool.totalCount]).toEqual([0, 0])
  })

  it('is no timeout while it is in use', async () => {
    const pool = open({ idleTimeoutMillis: 20 })
    for (let time = 0; time < 5; time += 1) {
      const client = await pool.connect()
      await pause(50)
      await client.query('SELECT 1')
      expect([pool.idleCount, pool.totalCount]).toEqual([0, 1])
      client.release()
      expect([pool.idleCount, pool.totalCount]).toEqual([1, 1])
    }
  })

  it('is its number of uses, below `min` too', async () => {
    const pool = open({ maxUses: 2, min: 1 })
    const client = await pool.connect()
    client.release()
    const again = await pool.connect()
    expect(again).toBe(client)
    const ending = () => (client as unknown as { _ending: boolean })._ending
    expect(ending()).toBe(false)
    again.release()
    expect(ending()).toBe(true)
    expect([pool.idleCount, pool.totalCount]).toEqual([0, 0])
    const third = await pool.connect()
    expect(third).not.toBe(client)
    third.release()
  })

  it('is its lifetime while it is idle, below `min` too', async () => {
    const pool = open({ maxLifetimeSeconds: 1, min: 1 })
    await pool.query('SELECT 1')
    await once(pool, 'remove')
    expect([pool.idleCount, pool.totalCount, pool.expiredCount]).toEqual([0, 0, 0])
  })

  it('is its lifetime once its query is done, and another takes its place', async () => {
    const pool = open({ maxLifetimeSeconds: 1 })
    const removed = once(pool, 'remove')
    const slow = pool.query('SELECT pg_sleep(1.3)')
    expect([pool.totalCount, pool.expiredCount]).toEqual([1, 0])
    await slow
    await removed
    expect([pool.totalCount, pool.expiredCount]).toEqual([0, 0])
    await pool.query('SELECT 1')
    expect([pool.totalCount, pool.expiredCount]).toEqual([1, 0])
  })
})
