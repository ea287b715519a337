import { expect, test } from 'vitest'
import { settled } from '../../support/fake-clock'
import { createFakePool } from '../../support/fake-pool'

test('a resource is lent as often as allowed', async () => {
  const { pool, take } = createFakePool({ maxUses: 2 })
  for (const id of [1, 1, 2, 2, 3]) {
    const checkout = await take()
    expect(checkout.resource.id).toBe(id)
    checkout.release()
    await settled()
  }
  expect(pool.stats().retired.uses).toBe(2)
})

test('a resource whose lifetime passes while it is lent is closed when it comes back', async () => {
  const { clock, pool, take } = createFakePool({ maxLifetimeMillis: 1000 })
  const checkout = await take()
  clock.stall(1000)
  expect(pool.gauges().lent).toBe(1)
  checkout.release()
  await settled()
  expect(pool.stats().retired.lifetime).toBe(1)
})

test('a resource whose lifetime passes while it is idle is not lent', async () => {
  const { clock, pool, fill } = createFakePool({
    maxLifetimeMillis: 1000,
    validationBypassMillis: Number.POSITIVE_INFINITY,
  })
  await fill(1)
  clock.stall(1000)
  expect(pool.tryAcquire()).toBeUndefined()
})

test('when the newest has grown too old, the next one is lent at once', async () => {
  const { clock, far, pool, call, take } = createFakePool({ maxLifetimeMillis: 1000 })
  const old = await take()
  clock.stall(500)
  const young = await take()
  young.release()
  old.release()
  clock.stall(500)
  const waiting = call({ timeoutMillis: 1 })
  expect(pool.gauges()).toMatchObject({ lent: 1, closing: 1 })
  await settled()
  expect(waiting.checkout.resource.id).toBe(2)
  expect(far.count('dial')).toBe(2)
})

test('whoever has no time at all gets what is fit as it is, whatever has to be closed first', async () => {
  const { clock, pool, call, take } = createFakePool({ maxLifetimeMillis: 1000 })
  const old = await take()
  clock.stall(500)
  const young = await take()
  young.release()
  old.release()
  clock.stall(500)
  const waiting = call({ timeoutMillis: 0 })
  await settled()
  expect(waiting.checkout.resource.id).toBe(2)
  expect(pool.gauges()).toMatchObject({ idle: 0, lent: 1, dialing: 0 })
})

test('whoever has no time at all does not wait for a sign of life', async () => {
  const { clock, far, pool, call, fill } = createFakePool()
  await fill(1)
  clock.stall(5000)
  far.gates.ping = 'slow'
  const waiting = call({ timeoutMillis: 0 })
  await clock.advance(0)
  expect(waiting.error).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT', phase: 'validate' })
  far.answer('ping')
  await settled()
  expect(pool.gauges()).toMatchObject({ idle: 1, waiting: 0, total: 1 })
})

test('those idle too long are closed by the clock, oldest first, and the timer follows the next', async () => {
  const { clock, heard, fill, take } = createFakePool({ idleTimeoutMillis: 1000 })
  await fill(2)
  const newest = await take()
  await clock.advance(600)
  newest.release()
  heard.length = 0
  await clock.advance(400)
  expect(heard).toEqual(['retired 1: idle'])
  await clock.advance(599)
  expect(heard).toHaveLength(1)
  await clock.advance(1)
  expect(heard).toEqual(['retired 1: idle', 'retired 2: idle'])
  expect(clock.keepsProcess).toBe(false)
  await clock.advance(500)
  expect(clock.liveTimers).toBe(0)
})

test('the time for which a resource was lent is no time for which it was idle', async () => {
  const { clock, pool, take, fill } = createFakePool({ idleTimeoutMillis: 1000 })
  await fill(1)
  const checkout = await take()
  clock.stall(5000)
  checkout.release()
  expect(pool.gauges()).toMatchObject({ idle: 1, closing: 0 })
})

test('what min spares is lent however long it was idle', async () => {
  const { clock, pool, take, fill } = createFakePool({ min: 1, idleTimeoutMillis: 1000 })
  await fill(1)
  clock.freeze(60_000)
  expect((await take()).resource.id).toBe(1)
  expect(pool.stats().retired.idle).toBe(0)
})

test('the idle timeout spares min, the newest of them', async () => {
  const { clock, heard, pool, fill } = createFakePool({ max: 5, min: 2, idleTimeoutMillis: 1000 })
  await fill(5)
  heard.length = 0
  await clock.advance(1000)
  expect(heard).toEqual(['retired 1: idle', 'retired 2: idle', 'retired 3: idle'])
  await clock.advance(100_000)
  expect(pool.gauges()).toMatchObject({ idle: 2, total: 2 })
  expect(clock.liveTimers).toBe(0)
})

test('the idle timeout spares min after a freeze as well', async () => {
  const { clock, far, pool, fill } = createFakePool({ max: 5, min: 2, idleTimeoutMillis: 1000 })
  await fill(5)
  clock.freeze(60_000)
  pool.wake()
  await settled()
  expect(pool.gauges()).toMatchObject({ idle: 2, total: 2 })
  expect(far.events.filter((it) => it.startsWith('ping'))).toEqual(['ping 4', 'ping 5'])
})

test('those that are spared from the idle timeout are judged by everything else', async () => {
  const { clock, pool, fill, take } = createFakePool({ min: 1, idleTimeoutMillis: 1000, maxLifetimeMillis: 5000 })
  await fill(1)
  clock.stall(5000)
  const checkout = await take()
  expect(checkout.resource.id).toBe(2)
  expect(pool.stats().retired.lifetime).toBe(1)
})

test('once more than min are idle, the timeout is looked at again', async () => {
  const { clock, pool, fill, take } = createFakePool({ min: 1, idleTimeoutMillis: 1000 })
  await fill(1)
  await clock.advance(5000)
  const held = [await take(), await take()]
  for (const checkout of held) checkout.release()
  await clock.advance(1000)
  expect(pool.gauges()).toMatchObject({ idle: 1, total: 1 })
})

test('min resources of an ended generation are not spared', async () => {
  const { pool, fill } = createFakePool({ min: 3 })
  await fill(3)
  await pool.drain()
  expect(pool.gauges().total).toBe(0)
})

test('with maxIdle 0 nothing outlives its release, and those who wait are still served from what comes back', async () => {
  const { far, pool, call, take } = createFakePool({ max: 1, maxIdle: 0 })
  const checkout = await take()
  const next = call()
  checkout.release()
  await settled()
  expect(next.checkout.resource.id).toBe(1)
  next.checkout.release()
  expect(pool.gauges()).toMatchObject({ idle: 0, closing: 1 })
  await settled()
  expect(pool.stats()).toMatchObject({ total: 0 })
  expect(pool.stats().retired.surplus).toBe(1)
  expect((await take()).resource.id).toBe(2)
  expect(far.mostOpen).toBe(1)
})

test('no more than maxIdle stay idle', async () => {
  const { pool, fill } = createFakePool({ max: 3, maxIdle: 2 })
  await fill(3)
  await settled()
  expect(pool.gauges()).toMatchObject({ idle: 2, total: 2 })
})

test('the newest is lent first, so that the others can grow old', async () => {
  const { take } = createFakePool()
  const held = [await take(), await take(), await take()]
  for (const place of [1, 0, 2]) held[place]?.release()
  expect([(await take()).resource.id, (await take()).resource.id, (await take()).resource.id]).toEqual([3, 1, 2])
})

test('trim keeps the newest, says how many it closed, and says goodbye before it returns', async () => {
  const { far, pool, fill } = createFakePool({ max: 5 })
  await fill(5)
  expect(pool.trim(2)).toBe(3)
  expect(far.events.slice(10)).toEqual(['close 1', 'close 2', 'close 3'])
  await settled()
  expect(pool.gauges()).toMatchObject({ idle: 2, total: 2 })
  expect(pool.trim(2)).toBe(0)
  expect(pool.stats().retired.trim).toBe(3)
})

test('trim gives up dials that nobody waits for, the youngest first, and no others', async () => {
  const { far, pool, call } = createFakePool()
  far.gates.dial = 'never'
  call()
  for (const gone of [call(), call()]) gone.leave()
  pool.trim(0)
  expect(far.events.slice(3)).toEqual(['abandoned 3', 'abandoned 2'])
  expect(pool.gauges()).toMatchObject({ dialing: 1, waiting: 1, total: 1 })
  await settled()
  expect(pool.stats()).toMatchObject({ dials: 3, dialFailures: 0 })
})

test('trim closes those that are not worth keeping, and of the others those idle longest', async () => {
  const { heard, pool, fill } = createFakePool({ max: 5 })
  await fill(5)
  const isOdd = ({ id }: { readonly id: number }) => id % 2 === 1
  expect(pool.trim(2, isOdd)).toBe(3)
  await settled()
  expect(heard.filter((it) => it.startsWith('retired')).sort()).toEqual([
    'retired 1: trim',
    'retired 2: trim',
    'retired 4: trim',
  ])
  expect(pool.trim(2, isOdd)).toBe(0)
})

test('trim leaves what is lent alone', async () => {
  const { pool, take } = createFakePool()
  const checkout = await take()
  expect(pool.trim(0)).toBe(0)
  expect(checkout.state).toBe('open')
})

test('trim counts those that are asked for a sign of life while nobody waits: no more than keep survive', async () => {
  const { far, pool, fill } = createFakePool({ max: 4 })
  await fill(4)
  far.gates.ping = 'slow'
  pool.wake()
  expect(pool.trim(1)).toBe(3)
  await settled()
  far.answerAll('ping')
  await settled()
  expect(pool.gauges()).toMatchObject({ idle: 1, total: 1 })
})

test('trim leaves those alone whose sign of life somebody waits for', async () => {
  const { far, pool, call, fill } = createFakePool({ max: 4 })
  await fill(4)
  far.gates.ping = 'slow'
  pool.wake()
  const calls = [call(), call()]
  expect(pool.trim(0)).toBe(2)
  far.answerAll('ping')
  await settled()
  expect(calls.every(({ state }) => state === 'served')).toBe(true)
})

test('drain closes what is idle, lets what is lent come back once more, and stays usable', async () => {
  const { far, pool, fill, take } = createFakePool()
  await fill(3)
  const held = await take()
  await pool.drain()
  expect(pool.gauges()).toMatchObject({ lent: 1, idle: 0, total: 1 })
  held.release()
  await settled()
  expect(pool.stats().retired.generation).toBe(3)
  expect((await take()).resource.id).toBe(4)
  expect(far.open).toBe(1)
})

test('drain resolves when what it closed is closed', async () => {
  const { far, pool, fill } = createFakePool()
  await fill(1)
  far.gates.close = 'slow'
  let drained = false
  const done = pool.drain().then(() => {
    drained = true
  })
  await settled()
  expect(drained).toBe(false)
  far.answer('close')
  await done
})

test('drain dials anew for those who were waiting for an older dial', async () => {
  const { far, pool, call } = createFakePool({ max: 1 })
  far.gates.dial = 'slow'
  const waiting = call()
  await pool.drain()
  expect(far.events).toEqual(['dial 1', 'abandoned 1', 'dial 2'])
  far.answer('dial')
  far.answer('dial')
  await settled()
  expect(waiting.checkout.resource.id).toBe(2)
})

test('drain dials at once for those who were waiting for a sign of life, where another slot is free', async () => {
  const { clock, far, pool, call, fill } = createFakePool({ max: 2 })
  await fill(1)
  clock.stall(5000)
  far.gates.ping = 'never'
  far.gates.close = 'never'
  const waiting = call()
  void pool.drain()
  await settled()
  expect(waiting.checkout.resource.id).toBe(2)
})

test('a connection that is being reset when its generation ends is closed afterwards', async () => {
  const { far, pool, take } = createFakePool()
  const held = await take()
  held.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  held.release()
  await pool.drain()
  far.answer('reset')
  await settled()
  expect(pool.stats().retired.generation).toBe(1)
})
