import { expect, test } from 'vitest'
import { settled } from '../../support/fake-clock'
import { createFakePool } from '../../support/fake-pool'

test('D1: those who wait are rejected at once when the pool ends, in the order in which they came', async () => {
  const { far, heard, pool, call, take } = createFakePool({ max: 1 })
  await take()
  const calls = [call({}, 'a'), call({}, 'b')]
  far.gates.close = 'never'
  void pool.end()
  await settled()
  for (const it of calls) expect(it.error).toMatchObject({ code: 'POOL_ENDED' })
  expect(heard.slice(-2)).toEqual(['a failed', 'b failed'])
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
  await pool.end()
  expect(waiting.state).toBe('failed')
  far.answer('ping')
  await settled()
  expect(far.open).toBe(0)
  expect(pool.stats()).toMatchObject({ total: 0, generation: 0 })
})

test('D3: a dial in flight is given up, and what it lets go of counts no more', async () => {
  const { clock, far, pool, call } = createFakePool()
  far.gates.dial = 'never'
  call()
  await expect(pool.end(1000)).resolves.toEqual({ reclaimed: 0 })
  expect(far.events).toEqual(['dial 1', 'aborted 1'])
  expect(far.open).toBe(0)
  expect(clock.liveTimers).toBe(0)
  expect(pool.stats().dialFailures).toBe(0)
})

test('D3: a dial that succeeds after the end is destroyed', async () => {
  const { far, pool, call } = createFakePool()
  far.gates.dial = 'slow'
  far.honoursAbort = false
  call()
  await pool.end()
  far.answer('dial')
  await settled()
  expect(far.events).toEqual(['dial 1', 'aborted 1', 'dialled 1', 'destroy 1'])
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
