import { expect, test } from 'vitest'
import { settled } from '../../support/fake-clock'
import { createFakePool, type FakePool } from '../../support/fake-pool'

/** A pool with idle resources that something may have killed unseen. */
async function suspected(count: number): Promise<FakePool> {
  const fake = createFakePool({ max: 3 })
  await fake.fill(count)
  fake.pool.wake(false)
  return fake
}

test('a resource that may be dead is lent to who proves it, and nobody is asked', async () => {
  const { pool, far } = await suspected(1)
  expect(pool.tryAcquire()).toBeUndefined()
  const checkout = pool.tryAcquire('a', true)
  expect(checkout).toMatchObject({ isUnproven: true, silenceMillis: 200, label: 'a' })
  expect(far.pending('ping')).toEqual([])
  expect(pool.stats()).toMatchObject({ lent: 1, pings: 1 })
})

test('once proved it is lent like any other', async () => {
  const { pool } = await suspected(1)
  const checkout = pool.tryAcquire(undefined, true)
  if (checkout === undefined) throw new Error('nothing was lent')
  pool.proved(checkout)
  pool.proved(checkout)
  expect(checkout.isUnproven).toBe(false)
  checkout.release()
  expect(pool.tryAcquire()?.isUnproven).toBe(false)
})

test('what was not proved stays suspect, and so does what became suspect again meanwhile', async () => {
  const { pool } = await suspected(1)
  pool.tryAcquire(undefined, true)?.release()
  expect(pool.tryAcquire()).toBeUndefined()
  const again = pool.tryAcquire(undefined, true)
  if (again === undefined) throw new Error('nothing was lent')
  pool.wake(false)
  pool.proved(again)
  again.release()
  expect(pool.tryAcquire()).toBeUndefined()
})

test('disproved it is closed, its generation condemned, and its borrower has nothing to give back', async () => {
  const { pool } = await suspected(3)
  const checkout = pool.tryAcquire(undefined, true)
  if (checkout === undefined) throw new Error('nothing was lent')
  pool.disproved(checkout)
  pool.disproved(checkout)
  await settled()
  expect(pool.stats()).toMatchObject({ total: 0, generation: 1, retired: { invalid: 1, generation: 2 } })
  expect(() => checkout.release()).toThrow(expect.objectContaining({ code: 'POOL_DOUBLE_RELEASE' }))
})

test('several may use it before it is proved, but not when something else may have killed it since', async () => {
  const { pool } = await suspected(1)
  const checkout = pool.tryAcquire(undefined, true)
  if (checkout === undefined) throw new Error('nothing was lent')
  expect(pool.reuse(checkout)).toBe(true)
  pool.wake(false)
  expect(pool.reuse(checkout)).toBe(false)
})

test('where it is known in a moment what happened, nobody is asked, and who waits is served then', async () => {
  const { pool, far, call, fill } = createFakePool({ max: 1 })
  await fill(1)
  let seen = () => {}
  pool.wake(
    false,
    new Promise<void>((resolve) => {
      seen = resolve
    }),
  )
  expect(pool.isGlancing).toBe(true)
  const waiting = call()
  expect(waiting.state).toBe('pending')
  expect(far.pending('ping')).toEqual([])
  seen()
  await settled()
  expect(waiting.checkout.resource.id).toBe(1)
  expect(pool.isGlancing).toBe(false)
  expect(pool.stats()).toMatchObject({ pings: 0, dials: 1 })
})

test('meanwhile it is lent to who proves it, which is not counted as a ping', async () => {
  const { pool, fill } = createFakePool()
  await fill(1)
  pool.wake(false, new Promise(() => {}))
  expect(pool.tryAcquire(undefined, true)?.isUnproven).toBe(true)
  expect(pool.stats().pings).toBe(0)
})

test('what came to light in that moment, or was suspected again, stays suspect', async () => {
  const { pool, far, fill } = createFakePool({ max: 2 })
  await fill(2)
  pool.wake(false, Promise.resolve())
  far.lose(1)
  await settled()
  expect(pool.tryAcquire()).toBeUndefined()
  pool.wake(false, Promise.resolve())
  pool.wake(false, Promise.resolve())
  await settled()
  expect(pool.tryAcquire()).toBeUndefined()
})

test.each([false, true])('what reports an error of its own is not lent again (discarded: %s)', async (discard) => {
  const { pool, take } = createFakePool()
  const checkout = await take()
  checkout.resource.condition = 'faulty'
  checkout.release(discard)
  await settled()
  expect(pool.stats().retired).toMatchObject(discard ? { discarded: 1, fault: 0 } : { discarded: 0, fault: 1 })
})

test('who proves for himself gets nothing that is to be closed for good', async () => {
  const { clock, pool, fill } = createFakePool({ maxLifetimeMillis: 1000 })
  await fill(1)
  clock.stall(1000)
  expect(pool.tryAcquire(undefined, true)).toBeUndefined()
})

test('an answer that was not owed proves nothing', async () => {
  const { pool, fill, take } = createFakePool()
  await fill(1)
  const checkout = await take()
  pool.proved(checkout)
  checkout.release()
  pool.wake(false)
  expect(pool.tryAcquire()).toBeUndefined()
})

test('what turned out to be dead is heard of as released, and then as closed', async () => {
  const { heard, pool } = await suspected(1)
  const checkout = pool.tryAcquire('borrower', true)
  heard.length = 0
  if (checkout !== undefined) pool.disproved(checkout)
  await settled()
  expect(heard).toEqual(['released 1', 'retired 1: invalid'])
})

test.each([
  ['about as long as its dial took', 100, 100],
  ['for a little while, however quick its dial was', 10, 50],
  ['never for longer than it may at the most', 500, 200],
])('a resource may say nothing %s', async (_, dialMillis, silenceMillis) => {
  const { clock, far, call } = createFakePool({ leastValidationMillis: 50, validationTimeoutMillis: 200 })
  far.gates.dial = 'slow'
  const asking = call()
  await clock.advance(dialMillis)
  far.answer('dial')
  await settled()
  expect(asking.checkout.silenceMillis).toBe(silenceMillis)
})
