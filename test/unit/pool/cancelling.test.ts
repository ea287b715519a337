import { expect, test } from 'vitest'
import { settled } from '../../support/fake-clock'
import { createFakePool } from '../../support/fake-pool'

test('A1: a waiter that times out in the tick in which it is served settles once, and nothing is lost', async () => {
  const { clock, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  const waiting = call({ timeoutMillis: 100 })
  clock.stall(99)
  held.release()
  await clock.advance(1)
  expect(waiting.state).toBe('served')
  expect(pool.stats()).toMatchObject({ lent: 1, waiting: 0, acquireTimeouts: 0 })
})

test('A1: a waiter whose time is over while the process had no turn is served if it is its turn first', async () => {
  const { clock, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  const late = call({ timeoutMillis: 100 })
  const next = call()
  clock.stall(100)
  held.release()
  await clock.advance(1000)
  expect([late.state, next.state]).toEqual(['served', 'pending'])
  expect(pool.stats()).toMatchObject({ acquireTimeouts: 0, waiting: 1 })
})

test('A1: a waiter that is turned away in the tick in which it was served keeps what it got', async () => {
  const { call, take } = createFakePool({ max: 1 })
  const held = await take()
  const waiting = call()
  held.release()
  expect(waiting.leave(new Error('enough'))).toBe(0)
  await settled()
  expect(waiting.state).toBe('served')
})

test('A2: who is turned away during the dial gets the error it is turned away with, and the connection serves the next', async () => {
  const { far, call } = createFakePool()
  far.gates.dial = 'slow'
  const reason = new Error('the deadline')
  const gone = call()
  expect(gone.leave(reason)).toBe(1)
  const next = call()
  await settled()
  expect(gone.error).toBe(reason)
  far.answer('dial')
  await settled()
  expect(next.checkout.resource.id).toBe(1)
  expect(far.count('dial')).toBe(1)
})

test('A2: a connection whose requester has gone stays idle when nobody else waits', async () => {
  const { far, pool, call } = createFakePool()
  far.gates.dial = 'slow'
  call().leave()
  far.answer('dial')
  await settled()
  expect(pool.gauges()).toMatchObject({ idle: 1, total: 1 })
})

test('A3: who is turned away during the ping hears of it at once, and the connection that answers stays in the pool', async () => {
  const { clock, far, pool, call, fill } = createFakePool()
  await fill(1)
  clock.stall(5000)
  far.gates.ping = 'slow'
  const gone = call()
  expect(pool.gauges().validating).toBe(1)
  gone.leave(new Error('enough'))
  await settled()
  expect(gone.state).toBe('failed')
  far.answer('ping')
  await settled()
  expect(pool.gauges()).toMatchObject({ idle: 1, total: 1, waiting: 0 })
})

test('A3: who is turned away during the reset hears of it at once, and the connection that was reset serves the next', async () => {
  const { far, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  held.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  held.release()
  const gone = call()
  const next = call()
  gone.leave(new Error('enough'))
  await settled()
  expect(gone.state).toBe('failed')
  far.answer('reset')
  await settled()
  expect(next.checkout.resource.id).toBe(1)
  expect(pool.gauges()).toMatchObject({ lent: 1, total: 1 })
})

test('A4: a dial that throws before it has begun gives its slot back', async () => {
  const { clock, far, pool, call } = createFakePool({ max: 1 })
  far.gates.dial = 'throw'
  const waiting = call({ timeoutMillis: 1000 })
  await settled()
  expect(pool.gauges()).toMatchObject({ total: 0, waiting: 1 })
  far.gates.dial = 'ok'
  await clock.advance(100)
  expect(waiting.state).toBe('served')
})

test('A6: a thousand waiters whose deadlines fall together need no more dials than max', async () => {
  const { clock, far, pool, call } = createFakePool({ max: 5, dialTimeoutMillis: 10_000 })
  far.gates.dial = 'never'
  const calls = Array.from({ length: 1000 }, () => call({ timeoutMillis: 100 }))
  await clock.advance(100)
  expect(calls.every(({ state }) => state === 'failed')).toBe(true)
  expect(far.count('dial')).toBe(5)
  expect(pool.stats()).toMatchObject({ waiting: 0, acquireTimeouts: 1000, dialing: 5 })
  await clock.advance(20_000)
  expect(far.count('dial')).toBe(5)
  expect(pool.gauges().total).toBe(0)
})

test('A6: those that time out together hear of it in the order in which they came', async () => {
  const { clock, far, heard, call } = createFakePool({ max: 1 })
  far.gates.dial = 'never'
  const names = [...'abcdefghij']
  for (const name of names) call({ timeoutMillis: 100 }, name)
  await clock.advance(100)
  expect(heard).toEqual(names.map((name) => `${name} failed`))
})

test('A7: with every gate stuck, one waiter after the other is turned away in time and the pool ends clean', async () => {
  const { clock, far, pool, call } = createFakePool({ max: 2 })
  far.gates.close = 'never'
  far.gates.reset = 'never'
  far.gates.ping = 'never'
  const first = call({ timeoutMillis: 1000 })
  await settled()
  first.checkout.resource.condition = 'dirty'
  first.checkout.release()
  far.gates.dial = 'never'
  const stuck = call({ timeoutMillis: 1000 })
  await clock.advance(1000)
  expect(stuck.state).toBe('failed')
  const ended = pool.end()
  await clock.advance(1000)
  await expect(ended).resolves.toEqual({ reclaimed: 0 })
  expect(far.open).toBe(0)
  expect(clock.liveTimers).toBe(0)
})

test('A8: what comes back while a query of its borrower may still be running is never lent again', async () => {
  const { far, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  held.resource.condition = 'unusable'
  held.release()
  const next = call()
  await settled()
  expect(next.checkout.resource.id).toBe(2)
  expect(far.count('reset')).toBe(0)
  expect(pool.stats().retired.busy).toBe(1)
})

test('who is turned away without an error is never settled, and in nobody’s way', async () => {
  const { clock, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  const [gone, next] = [call({ timeoutMillis: 100 }), call()]
  expect(gone.leave()).toBe(1)
  expect(clock.liveTimers).toBe(0)
  held.release()
  await clock.advance(1000)
  expect([gone.state, next.state]).toEqual(['pending', 'served'])
  expect(pool.stats()).toMatchObject({ waiting: 0, acquireTimeouts: 0 })
})

test('those who wait are turned away by their labels, in the order in which they came, each with an error of its own', async () => {
  const { heard, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  heard.length = 0
  const left = { label: 'left' }
  const calls = [call(left, 'a'), call({ label: 'stays' }, 'b'), call(left, 'c')]
  let made = 0
  const error = () => {
    made += 1
    return new Error(`over ${made}`)
  }
  expect(pool.turnAway((label) => label === 'left', error)).toBe(2)
  expect(pool.turnAway((label) => label === 'left', error)).toBe(0)
  await settled()
  expect(heard).toEqual(['a failed', 'c failed'])
  expect([calls[0]?.error, calls[2]?.error].map(String)).toEqual(['Error: over 1', 'Error: over 2'])
  held.release()
  await settled()
  expect(calls[1]?.state).toBe('served')
})
