import { expect, test } from 'vitest'
import { settled } from '../../support/fake-clock'
import { createFakePool } from '../../support/fake-pool'

test('twenty dead connections of one generation end it once, and all of them are closed', async () => {
  const { clock, far, pool, fill } = createFakePool({ max: 20 })
  await fill(20)
  clock.freeze(600_000)
  far.gates.ping = 'reject'
  pool.wake()
  await settled()
  expect(pool.stats()).toMatchObject({ generation: 1, total: 0, pings: 20 })
  expect(pool.stats().retired).toMatchObject({ invalid: 1, generation: 19 })
})

test('a connection of a younger generation may end that one as well', async () => {
  const { clock, far, pool, fill } = createFakePool()
  far.gates.ping = 'reject'
  for (let generation = 1; generation <= 3; generation += 1) {
    await fill(2)
    clock.freeze(600_000)
    pool.wake()
    await settled()
    expect(pool.stats()).toMatchObject({ generation, total: 0 })
  }
})

test('one of an older generation that turns out dead does not end the younger one', async () => {
  const { far, pool, take } = createFakePool()
  const old = await take()
  await pool.drain()
  const young = await take()
  young.release()
  far.lose(1)
  old.release()
  await settled()
  expect(pool.stats()).toMatchObject({ generation: 1, idle: 1, total: 1 })
})

test('what is lent when its generation ends is closed when it comes back', async () => {
  const { clock, far, pool, fill, take } = createFakePool()
  await fill(2)
  const held = await take()
  clock.stall(5000)
  far.gates.ping = 'reject'
  pool.wake()
  await settled()
  held.release()
  await settled()
  expect(pool.stats().retired).toMatchObject({ invalid: 1, generation: 1 })
  expect(pool.gauges().total).toBe(0)
})

test('a generation that ends while its first dead is being closed ends once', async () => {
  const { clock, far, pool, fill } = createFakePool()
  await fill(3)
  clock.stall(5000)
  far.gates.ping = 'reject'
  let drained = false
  far.before = (operation) => {
    if (operation !== 'close' || drained) return
    drained = true
    void pool.drain()
  }
  pool.wake()
  await settled()
  expect(pool.stats()).toMatchObject({ generation: 1, total: 0 })
})

test('a dial that was under way when a generation ended belongs to the next', async () => {
  const { clock, far, pool, call, fill } = createFakePool({ max: 2 })
  await fill(1)
  clock.stall(5000)
  far.gates.ping = 'slow'
  far.gates.dial = 'slow'
  const calls = [call(), call()]
  far.answer('ping', 'reject')
  await settled()
  far.answerAll('dial')
  await settled()
  expect(calls.every(({ state }) => state === 'served')).toBe(true)
  for (const it of calls) it.checkout.release()
  expect(pool.stats()).toMatchObject({ generation: 1, idle: 2 })
})

test('a sign of life within the bypass window is trusted', async () => {
  const { clock, far, take, fill } = createFakePool({ validationBypassMillis: 1000 })
  await fill(1)
  clock.stall(999)
  const checkout = await take()
  expect(far.count('ping')).toBe(0)
  checkout.resource.sign = clock.now()
  checkout.release()
  clock.stall(1000)
  await take()
  expect(far.count('ping')).toBe(1)
})

test('a ping is a sign of life like any other', async () => {
  const { clock, far, pool, fill, take } = createFakePool()
  await fill(1)
  clock.stall(5000)
  pool.wake()
  await settled()
  clock.stall(999)
  expect(pool.tryAcquire()?.resource.id).toBe(1)
  expect(far.count('ping')).toBe(1)
  expect((await take()).resource.id).toBe(2)
})

test('without a bypass window every loan is preceded by a sign of life, except the first', async () => {
  const { far, call, take } = createFakePool({ max: 1, validationBypassMillis: 0 })
  const first = await take()
  expect(far.count('ping')).toBe(0)
  first.release()
  const second = await take()
  expect(far.count('ping')).toBe(1)
  const next = call()
  second.release()
  await settled()
  expect(next.state).toBe('served')
  expect(far.count('ping')).toBe(2)
})

test('with an endless bypass window nothing is ever asked', async () => {
  const { clock, far, pool, fill, take } = createFakePool({ validationBypassMillis: Number.POSITIVE_INFINITY })
  await fill(2)
  clock.freeze(3_600_000)
  far.lose(1)
  pool.wake()
  await take()
  expect(far.count('ping')).toBe(0)
})

test('after a loss the others are asked, however fresh they are', async () => {
  const { far, fill, take } = createFakePool()
  await fill(2)
  far.lose(1)
  await take()
  expect(far.events.slice(4)).toEqual(['close 1', 'ping 2', 'closed 1'])
})

test('after the loss of a lent one the idle ones are asked, once', async () => {
  const { far, pool, fill, take } = createFakePool()
  await fill(2)
  const held = await take()
  far.lose(2)
  expect(pool.tryAcquire()).toBeUndefined()
  const other = await take()
  other.release()
  far.lose(2)
  await take()
  expect(held.state).toBe('open')
  expect(far.count('ping')).toBe(1)
})

test('what became suspect while it was being asked is asked again before it is lent from idle', async () => {
  const { far, pool, fill } = createFakePool()
  await fill(2)
  far.gates.ping = 'slow'
  pool.wake()
  pool.wake()
  far.answerAll('ping')
  await settled()
  expect(pool.gauges().idle).toBe(2)
  expect(pool.tryAcquire()).toBeUndefined()
})

test('after waking all that is idle is asked at once, ahead of the first acquire', async () => {
  const { far, pool, call, fill } = createFakePool()
  await fill(3)
  far.gates.ping = 'slow'
  pool.wake()
  expect(far.pending('ping')).toEqual([1, 2, 3])
  const waiting = call()
  far.answer('ping')
  await settled()
  expect(waiting.checkout.resource.id).toBe(1)
  far.answerAll('ping')
  await settled()
  expect(pool.gauges()).toMatchObject({ idle: 2, lent: 1 })
  expect(far.count('dial')).toBe(3)
})

test('waking closes what has certainly ended without asking it', async () => {
  const { clock, far, pool, fill } = createFakePool({ leaseMillis: 75_000 })
  await fill(2)
  clock.freeze(75_000)
  pool.wake()
  await settled()
  expect(far.count('ping')).toBe(0)
  expect(pool.stats().retired.lease).toBe(2)
})

test('waking serves those whose turn has come: the pause after a failed dial passes while the process sleeps', async () => {
  const { clock, far, pool, call } = createFakePool({ max: 1, random: () => 1 })
  far.gates.dial = 'reject'
  const waiting = call({ timeoutMillis: 60_000 })
  await settled()
  far.gates.dial = 'ok'
  clock.freeze(1000)
  pool.wake()
  await settled()
  expect(waiting.checkout.resource.id).toBe(2)
})

test('what became suspect while it was asked for a sign of life is asked again before it is lent to one who waits', async () => {
  const { clock, far, pool, call, fill } = createFakePool({ max: 1 })
  await fill(1)
  clock.stall(5000)
  far.gates.ping = 'slow'
  const waiting = call()
  pool.wake()
  far.answer('ping')
  await settled()
  expect(waiting.state).toBe('pending')
  expect(far.pending('ping')).toEqual([1])
  far.answer('ping')
  await settled()
  expect(waiting.checkout.resource.id).toBe(1)
})

test('what was lent when the process woke gives a sign of life before the next in the queue gets it', async () => {
  const { far, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  const next = call()
  pool.wake()
  far.gates.ping = 'slow'
  held.release()
  expect(far.pending('ping')).toEqual([1])
  far.answer('ping')
  await settled()
  expect(next.checkout.resource.id).toBe(1)
})

test('the lease is counted from the last sign of life, not from the return', async () => {
  const { clock, pool, take } = createFakePool({ leaseMillis: 10_000 })
  const checkout = await take()
  clock.stall(9000)
  checkout.release()
  clock.stall(1000)
  const next = await take()
  expect(next.resource.id).toBe(2)
  expect(pool.stats().retired.lease).toBe(1)
})

test('a sign of life renews the lease', async () => {
  const { clock, take } = createFakePool({ leaseMillis: 10_000 })
  const checkout = await take()
  clock.stall(9000)
  checkout.resource.sign = clock.now()
  checkout.release()
  clock.stall(9000)
  expect((await take()).resource.id).toBe(1)
})

test('what was dialled before a condemnation is closed, when it is idle or comes back', async () => {
  const fake = createFakePool({ max: 2 })
  const lent = await fake.take()
  const idle = await fake.take()
  idle.release()
  fake.pool.condemn()
  await settled()
  expect(fake.pool.stats()).toMatchObject({ lent: 1, total: 1, retired: { generation: 1 } })
  lent.release()
  await settled()
  expect(fake.pool.stats()).toMatchObject({ total: 0, retired: { generation: 2 } })
})
