import { expect, test } from 'vitest'
import { createFakePool } from '../../support/fake-pool'

const NEVER = Number.POSITIVE_INFINITY

test('what would be lent again as it is may be used again, which counts as a use', async () => {
  const { pool, take } = createFakePool({ maxUses: 3 })
  const checkout = await take()
  expect([1, 2, 3].map(() => pool.reuse(checkout))).toEqual([true, true, false])
  expect(pool.stats()).toMatchObject({ acquires: 1, lent: 1 })
  checkout.release()
  expect(pool.stats().retired.uses).toBe(1)
})

test('it may be used again however old its last answer is: it answers all the time', async () => {
  const { clock, pool, take } = createFakePool({ validationBypassMillis: 100 })
  const checkout = await take()
  clock.stall(5000)
  expect(pool.reuse(checkout)).toBe(true)
})

test('it may not once something may have killed it unseen, unless nothing is ever asked', async () => {
  const one = createFakePool()
  const suspect = await one.take()
  one.pool.wake()
  expect(one.pool.reuse(suspect)).toBe(false)
  const other = createFakePool({ validationBypassMillis: NEVER })
  const trusted = await other.take()
  other.pool.wake()
  expect(other.pool.reuse(trusted)).toBe(true)
})

test.each(['lost', 'condemned', 'too old', 'past its lease'] as const)('it may not when it is %s', async (how) => {
  const { clock, far, pool, take } = createFakePool({
    maxLifetimeMillis: how === 'too old' ? 1000 : NEVER,
    leaseMillis: how === 'past its lease' ? 1000 : NEVER,
  })
  const checkout = await take()
  if (how === 'lost') far.lose(1)
  else if (how === 'condemned') pool.condemn()
  else clock.stall(1000)
  expect(pool.reuse(checkout)).toBe(false)
  expect(checkout.state).toBe('open')
})
