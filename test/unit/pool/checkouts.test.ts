import { expect, test } from 'vitest'
import { PoolError } from '../../../src/pool/errors'
import { settled } from '../../support/fake-clock'
import { createFakePool } from '../../support/fake-pool'

test('C1: a second release throws, and changes nothing', async () => {
  const { pool, take } = createFakePool()
  const checkout = await take()
  checkout.release()
  const before = pool.stats()
  expect(() => checkout.release()).toThrow(PoolError)
  expect(() => checkout.release(true)).toThrow(expect.objectContaining({ code: 'POOL_DOUBLE_RELEASE' }))
  expect(pool.stats()).toEqual(before)
})

test('C2: a stale release can’t touch the next loan of the same resource', async () => {
  const { pool, take } = createFakePool({ max: 1 })
  const first = await take()
  first.release()
  const second = await take()
  expect(second.resource).toBe(first.resource)
  expect(() => first.release(true)).toThrow(expect.objectContaining({ code: 'POOL_DOUBLE_RELEASE' }))
  expect(second.state).toBe('open')
  expect(pool.gauges()).toMatchObject({ lent: 1, idle: 0, closing: 0 })
})

test('C3: a checkout knows whether it may still be used', async () => {
  const { pool, take } = createFakePool()
  const [released, reclaimed] = [await take(), await take()]
  expect(released.state).toBe('open')
  released.release()
  pool.reclaim()
  expect([released.state, reclaimed.state]).toEqual(['released', 'reclaimed'])
})

test('C4: what comes back dirty is reset before it is lent again', async () => {
  const { far, pool, call, take } = createFakePool({ max: 1 })
  const checkout = await take()
  checkout.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  checkout.release()
  const next = call()
  expect(pool.gauges()).toMatchObject({ returning: 1, idle: 0, waiting: 1, total: 1 })
  far.answer('reset')
  await settled()
  expect(next.checkout.resource.id).toBe(1)
  expect(far.count('dial')).toBe(1)
  expect(pool.stats().resets).toBe(1)
})

test('C4: what is reset while nobody waits becomes idle, and whenNone tells when', async () => {
  const { far, pool, take } = createFakePool()
  const checkout = await take()
  checkout.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  checkout.release()
  let restored = false
  const done = pool.whenNone('returning').then(() => {
    restored = true
  })
  await settled()
  expect(restored).toBe(false)
  far.answer('reset')
  await done
  expect(pool.gauges()).toMatchObject({ idle: 1, returning: 0 })
})

test('C4: whenNone resolves at once when nothing is being reset', async () => {
  const { pool, fill } = createFakePool()
  await fill(1)
  await expect(pool.whenNone('returning')).resolves.toBeUndefined()
})

test('C4: what is clean goes to the next borrower as it is', async () => {
  const { far, take } = createFakePool()
  const checkout = await take()
  checkout.release()
  await take()
  expect(far.events).toEqual(['dial 1', 'dialled 1'])
})

test('C5: what comes back while something runs on it is closed, not reset', async () => {
  const { far, pool, take } = createFakePool()
  const checkout = await take()
  checkout.resource.condition = 'unusable'
  checkout.release()
  await settled()
  expect(far.events).toEqual(['dial 1', 'dialled 1', 'close 1', 'closed 1'])
  expect(pool.stats().retired.busy).toBe(1)
})

test.each(['reject', 'throw'] as const)(
  'C6: a reset that fails (%s) costs its resource, not its slot',
  async (gate) => {
    const { far, pool, call, take } = createFakePool({ max: 1 })
    const checkout = await take()
    checkout.resource.condition = 'dirty'
    far.gates.reset = gate
    checkout.release()
    const next = call()
    await settled()
    expect(next.checkout.resource.id).toBe(2)
    expect(pool.stats().retired.reset).toBe(1)
  },
)

test('C6: a reset that hangs costs its time limit', async () => {
  const { clock, far, pool, call, take } = createFakePool({ max: 1 })
  const checkout = await take()
  checkout.resource.condition = 'dirty'
  far.gates.reset = 'never'
  checkout.release()
  const restored = pool.whenNone('returning')
  const next = call()
  await clock.advance(299)
  expect(next.state).toBe('pending')
  await clock.advance(1)
  await restored
  expect(next.checkout.resource.id).toBe(2)
})

test('C6: a reset that answers after its time limit changes nothing', async () => {
  const { clock, far, pool, take } = createFakePool({ max: 1 })
  const checkout = await take()
  checkout.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  checkout.release()
  await clock.advance(300)
  const before = pool.stats()
  far.answer('reset')
  await settled()
  expect(pool.stats()).toEqual(before)
  expect(before).toMatchObject({ total: 0 })
})

test('C6: what was used too often or grew too old is closed without a reset', async () => {
  const { far, pool, take } = createFakePool({ maxUses: 1 })
  const checkout = await take()
  checkout.resource.condition = 'dirty'
  checkout.release()
  await settled()
  expect(far.count('reset')).toBe(0)
  expect(pool.stats().retired.uses).toBe(1)
})

test('C8: a checkout goes back to the pool it came from', async () => {
  const one = createFakePool()
  const other = createFakePool()
  const checkout = await one.take()
  await other.take()
  checkout.release()
  expect([one.pool.gauges().lent, other.pool.gauges().lent]).toEqual([0, 1])
})

test('C9: a resource that its borrower ended is never lent again', async () => {
  const { far, heard, pool, call, take } = createFakePool({ max: 1 })
  const checkout = await take()
  far.lose(1, new Error('ended by its borrower'))
  expect(pool.gauges().lent).toBe(1)
  checkout.release()
  const next = call()
  await settled()
  expect(next.checkout.resource.id).toBe(2)
  expect(pool.stats().retired.broken).toBe(1)
  expect(heard.some((it) => it.startsWith('lost'))).toBe(false)
})

test('the borrower’s word counts more than what is known otherwise', async () => {
  const { far, heard, pool, take } = createFakePool()
  const checkout = await take()
  far.lose(1)
  checkout.release(new Error('it broke'))
  await settled()
  expect(pool.stats().retired).toMatchObject({ discarded: 1, broken: 0 })
  expect(heard).toEqual(['dialled 1', 'acquired 1', 'released 1', 'retired 1: discarded'])
})

test('a borrower may say on return that the other side has just answered: it is handed on unasked', async () => {
  const { clock, far, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  const next = call()
  clock.stall(5000)
  pool.release(held, false, true)
  await settled()
  expect(next.checkout.resource.id).toBe(1)
  expect(far.count('ping')).toBe(0)
})

test('such a word takes back no suspicion: nobody knows which of the two came first', async () => {
  const { far, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  call()
  pool.wake()
  pool.release(held, false, true)
  expect(far.count('ping')).toBe(1)
})

test('whoever wants to know whether something is being reset can ask', async () => {
  const { far, pool, take } = createFakePool()
  const held = await take()
  held.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  held.release()
  expect(pool.isPreparing).toBe(true)
  far.answer('reset')
  await pool.whenNone('returning')
  expect(pool.isPreparing).toBe(false)
})

test('whoever waits until nothing is reset or closed hears of it while a failed dial pauses, too', async () => {
  const { clock, far, pool, call, take } = createFakePool({ max: 2, random: () => 1 })
  const held = await take()
  far.gates.close = 'slow'
  held.release(true)
  far.gates.dial = 'reject'
  call({ timeoutMillis: 60_000 })
  await settled()
  let closed = false
  void pool.whenNone('closing').then(() => {
    closed = true
  })
  far.answer('close')
  await settled()
  expect(closed).toBe(true)
  expect(clock.now().monotonic).toBe(1000)
})
