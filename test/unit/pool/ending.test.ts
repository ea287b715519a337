import { expect, test } from 'vitest'
import { settled } from '../../support/fake-clock'
import { createFakePool } from '../../support/fake-pool'

test('D1: newcomers are refused at once, and who asked before the end is served, in the order in which they came', async () => {
  const { heard, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  const calls = [call({}, 'a'), call({}, 'b')]
  heard.length = 0
  const ended = pool.end()
  call({}, 'late')
  await settled()
  held.release()
  for (const it of calls) {
    await settled()
    it.checkout.release()
  }
  await expect(ended).resolves.toEqual({ reclaimed: 0 })
  expect(heard.filter((it) => /got|failed|retired/.test(it))).toEqual([
    'late failed',
    'a got 1',
    'b got 1',
    'retired 1: end',
  ])
})

test('D1: who asked before the end is dialled for, also again after a failure', async () => {
  const { clock, far, pool, call } = createFakePool()
  far.gates.dial = 'reject'
  const waiting = call({ timeoutMillis: 60_000 })
  await settled()
  const ended = pool.end()
  far.gates.dial = 'ok'
  await clock.advance(100)
  waiting.checkout.release()
  await expect(ended).resolves.toEqual({ reclaimed: 0 })
  expect(clock.liveTimers).toBe(0)
})

test('D1: who still waits when the patience is over is rejected, before what is lent is reclaimed', async () => {
  const { clock, heard, pool, call, take } = createFakePool({ max: 1 })
  await take()
  const calls = [call({}, 'a'), call({}, 'b')]
  heard.length = 0
  const ended = pool.end(1000)
  await clock.advance(999)
  expect(heard).toEqual([])
  await clock.advance(1)
  await expect(ended).resolves.toEqual({ reclaimed: 1 })
  for (const it of calls) expect(it.error).toMatchObject({ code: 'POOL_ENDED' })
  expect(heard).toEqual(['a failed', 'b failed', 'retired 1: reclaimed'])
})

test.each([0, -1])('D1: a patience of %i is none', async (patienceMillis) => {
  const { heard, pool, call, take } = createFakePool({ max: 1 })
  await take()
  call({}, 'a')
  heard.length = 0
  await expect(pool.end(patienceMillis)).resolves.toEqual({ reclaimed: 1 })
  expect(heard).toEqual(['a failed', 'retired 1: reclaimed'])
})

test('D1: an end without patience ends that of an earlier one, whose answer it shares', async () => {
  const { clock, heard, pool, call, take } = createFakePool({ max: 1 })
  await take()
  call({}, 'a')
  const ended = pool.end(30_000)
  await settled()
  expect(pool.end(0)).toBe(ended)
  await expect(ended).resolves.toEqual({ reclaimed: 1 })
  expect([heard.includes('a failed'), clock.liveTimers]).toEqual([true, 0])
})

test('D1: a patience that was slept through runs once more', async () => {
  const { clock, pool, take } = createFakePool()
  const held = await take()
  const ended = pool.end(1000)
  clock.stall(60_000)
  await clock.advance(999)
  held.release()
  await expect(ended).resolves.toEqual({ reclaimed: 0 })
})

test('D1: who waits when the pool ends can still be turned away, time out, or be the last whom a return serves', async () => {
  const { clock, pool, call, take } = createFakePool({ max: 2 })
  const held = [await take(), await take()]
  const [first, gone, late] = [call(), call(), call({ timeoutMillis: 100 })]
  const ended = pool.end()
  gone.leave(new Error('enough'))
  await clock.advance(100)
  expect([first.state, gone.state, late.state]).toEqual(['pending', 'failed', 'failed'])
  for (const checkout of held) checkout.release()
  await settled()
  expect(pool.gauges()).toMatchObject({ lent: 1, total: 1 })
  first.checkout.release()
  await expect(ended).resolves.toEqual({ reclaimed: 0 })
})

test('D1: when the last who waited is served, what else is idle, asked or dialled is closed at once', async () => {
  const { clock, far, pool, call, fill, take } = createFakePool({ max: 4 })
  await fill(3)
  const held = await take()
  clock.stall(5000)
  far.gates.ping = 'never'
  far.gates.dial = 'never'
  const waiting = [call(), call(), call()]
  waiting[2]?.leave()
  const ended = pool.end()
  waiting[1]?.leave()
  held.resource.sign = clock.now()
  held.release()
  await settled()
  expect(pool.gauges()).toMatchObject({ lent: 1, total: 1 })
  waiting[0]?.checkout.release()
  await ended
})

test('D2: end resolves when the sockets are closed, and not before', async () => {
  const { far, pool, fill } = createFakePool()
  await fill(2)
  far.gates.close = 'slow'
  let report: unknown
  const ended = pool.end().then((it) => {
    report = it
  })
  await settled()
  expect(pool.gauges().closing).toBe(2)
  far.answer('close')
  await settled()
  expect(report).toBeUndefined()
  far.answer('close')
  await ended
  expect(report).toEqual({ reclaimed: 0 })
  expect(pool.stats().retired.end).toBe(2)
})

test('D2: a close that hangs holds up the end for no longer than its limit', async () => {
  const { clock, far, pool, fill } = createFakePool()
  await fill(2)
  far.gates.close = 'never'
  const ended = pool.end()
  await clock.advance(500)
  await expect(ended).resolves.toEqual({ reclaimed: 0 })
  expect(far.open).toBe(0)
})

test('D2: end of a pool that never had anything resolves at once', async () => {
  const { clock, pool } = createFakePool()
  await expect(pool.end(1000)).resolves.toEqual({ reclaimed: 0 })
  expect(clock.liveTimers).toBe(0)
})

test('D2: a loan that comes back within the patience is closed and not reclaimed', async () => {
  const { clock, pool, take } = createFakePool()
  const checkout = await take()
  const ended = pool.end(1000)
  await clock.advance(999)
  checkout.release()
  await expect(ended).resolves.toEqual({ reclaimed: 0 })
  expect(pool.stats().retired).toMatchObject({ end: 1, reclaimed: 0 })
  expect(clock.liveTimers).toBe(0)
})

test('D2: a loan that does not come back is reclaimed when the patience is over, and reported', async () => {
  const { clock, pool, take } = createFakePool()
  const [kept, , returned] = [await take(), await take(), await take()]
  const ended = pool.end(1000)
  returned.release()
  await clock.advance(1000)
  await expect(ended).resolves.toEqual({ reclaimed: 2 })
  expect(kept.state).toBe('reclaimed')
})

test('D2: without patience given, end waits for the last loan', async () => {
  const { clock, pool, take } = createFakePool()
  const checkout = await take()
  let done = false
  const ended = pool.end().then(() => {
    done = true
  })
  await clock.advance(3_600_000)
  expect(done).toBe(false)
  checkout.release()
  await ended
})

test('D2: what is being reset when the pool ends is closed once it is reset', async () => {
  const { far, pool, take } = createFakePool()
  const checkout = await take()
  checkout.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  checkout.release()
  const ended = pool.end()
  far.answer('reset')
  await ended
  expect(pool.stats().retired.end).toBe(1)
})

test('D2: a dirty loan that comes back after the end is closed without a reset', async () => {
  const { far, pool, take } = createFakePool()
  const checkout = await take()
  const ended = pool.end()
  checkout.resource.condition = 'dirty'
  checkout.release()
  await ended
  expect(far.count('reset')).toBe(0)
})

test('D2: what is being validated when the pool ends is closed without waiting for its answer', async () => {
  const { clock, far, pool, call, fill } = createFakePool()
  await fill(1)
  clock.stall(5000)
  far.gates.ping = 'slow'
  const waiting = call()
  await pool.end(0)
  expect(waiting.state).toBe('failed')
  far.answer('ping')
  await settled()
  expect(far.open).toBe(0)
  expect(pool.stats()).toMatchObject({ total: 0, generation: 0 })
})

test('D3: a dial in flight that nobody waits for is given up, and what it lets go of counts no more', async () => {
  const { clock, far, pool, call } = createFakePool()
  far.gates.dial = 'never'
  call()
  await expect(pool.end(0)).resolves.toEqual({ reclaimed: 0 })
  expect(far.events).toEqual(['dial 1', 'abandoned 1'])
  expect(far.open).toBe(0)
  expect(clock.liveTimers).toBe(0)
  expect(pool.stats().dialFailures).toBe(0)
})

test('D3: a dial that succeeds after the end is destroyed', async () => {
  const { far, pool, call } = createFakePool()
  far.gates.dial = 'slow'
  far.letsGo = false
  call()
  await pool.end(0)
  far.answer('dial')
  await settled()
  expect(far.events).toEqual(['dial 1', 'abandoned 1', 'dialled 1', 'destroy 1'])
  expect(far.open).toBe(0)
})

test('D4: acquire after the end is a distinct error, at once', async () => {
  const { far, pool, call } = createFakePool()
  expect(pool.ended).toBe(false)
  const ended = pool.end()
  expect(pool.ended).toBe(true)
  const refused = call()
  await settled()
  expect(refused.error).toMatchObject({
    code: 'POOL_ENDED',
    message: 'Cannot use a pool after calling end on the pool',
  })
  expect(pool.tryAcquire()).toBeUndefined()
  expect(far.events).toEqual([])
  await ended
})

test('D5: ending twice, concurrently or afterwards, is the same end', async () => {
  const { far, pool, fill } = createFakePool()
  await fill(1)
  const [one, two] = [pool.end(), pool.end(0)]
  expect(one).toBe(two)
  await one
  await expect(pool.end()).resolves.toEqual({ reclaimed: 0 })
  expect(far.count('close')).toBe(1)
})

test('D5: wake, trim, drain and reclaim after the end do nothing', async () => {
  const { clock, pool, fill } = createFakePool()
  await fill(1)
  await pool.end()
  const before = pool.gauges()
  pool.wake()
  expect(pool.trim(0)).toBe(0)
  await pool.drain()
  expect(pool.reclaim()).toEqual([])
  expect(pool.gauges()).toEqual(before)
  expect(clock.liveTimers).toBe(0)
})

test('D6: a release after the end has reclaimed the loan is reported and does nothing more', async () => {
  const { clock, heard, pool, take } = createFakePool()
  const checkout = await take()
  const ended = pool.end(100)
  await clock.advance(100)
  await ended
  checkout.release()
  expect(heard.at(-1)).toBe('returned late 1')
  expect(pool.stats()).toMatchObject({ lateReturns: 1, total: 0 })
})

test('D8: an idle pool keeps no process alive', async () => {
  const { clock, fill } = createFakePool({ idleTimeoutMillis: 10_000 })
  await fill(3)
  expect(clock.liveTimers).toBe(1)
  expect(clock.keepsProcess).toBe(false)
})

test('D8: a loan that is out keeps no process alive, a waiter with a time limit does', async () => {
  const { clock, call, take } = createFakePool({ max: 1 })
  const checkout = await take()
  expect(clock.keepsProcess).toBe(false)
  const waiting = call({ timeoutMillis: 1000 })
  expect(clock.keepsProcess).toBe(true)
  checkout.release()
  await settled()
  waiting.checkout.release()
  expect(clock.keepsProcess).toBe(false)
})

test('D8: the pause before the next dial keeps the process for those who wait without a time limit', async () => {
  const { clock, far, call, take } = createFakePool({ max: 2 })
  await take()
  far.gates.dial = 'reject'
  call()
  const waiting = call()
  await settled()
  expect(waiting.state).toBe('pending')
  expect(clock.keepsProcess).toBe(true)
})

test('D8: the end keeps the process while it waits for a loan', async () => {
  const { clock, pool, take } = createFakePool()
  const checkout = await take()
  const ended = pool.end(1000)
  expect(clock.keepsProcess).toBe(true)
  checkout.release()
  await ended
  expect(clock.keepsProcess).toBe(false)
})

test('while an end closes what is idle, nobody gets what it has not come to', async () => {
  const got: unknown[] = []
  const fake = createFakePool({}, { retiring: () => got.push(fake.pool.tryAcquire()) })
  await fake.fill(2)
  await fake.pool.end()
  expect(got).toEqual([undefined, undefined])
  expect(fake.pool.stats().retired.end).toBe(2)
})

test('a second end that has patience does not hurry the first', async () => {
  const { pool, take } = createFakePool()
  const held = await take()
  const ended = pool.end()
  expect(pool.end(5000)).toBe(ended)
  expect(held.state).toBe('open')
  held.release()
  expect(await ended).toEqual({ reclaimed: 0 })
})

test('an end with patience does not turn away who waits', async () => {
  const { pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  const waiting = call()
  const ended = pool.end(5000)
  held.release()
  await settled()
  waiting.checkout.release()
  expect(await ended).toEqual({ reclaimed: 0 })
})

test('what is reset while the pool ends is closed for the end', async () => {
  const { far, pool, take } = createFakePool({ maxIdle: 0 })
  const checkout = await take()
  checkout.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  checkout.release()
  const ended = pool.end()
  far.answer('reset')
  await ended
  expect(pool.stats().retired).toMatchObject({ end: 1, surplus: 0 })
})
