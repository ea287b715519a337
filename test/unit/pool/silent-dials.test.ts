import { expect, test } from 'vitest'
import { settled } from '../../support/fake-clock'
import { type Call, createFakePool } from '../../support/fake-pool'

const LONG = { dialTimeoutMillis: 10_000, random: () => 1 }

test('L3: a dial that says nothing for a second is no supply: another slot is dialled beside it, and serves', async () => {
  const { clock, far, pool, call } = createFakePool(LONG)
  far.gateOf = (operation, id) => (operation === 'dial' && id === 1 ? 'never' : undefined)
  const waiting = call({ timeoutMillis: 60_000 })
  await clock.advance(999)
  expect([far.count('dial'), waiting.state]).toEqual([1, 'pending'])
  await clock.advance(1)
  expect(waiting.checkout.resource.id).toBe(2)
  expect(pool.gauges()).toMatchObject({ dialing: 1, lent: 1, total: 2 })
})

test('L3: a caller with little time has another dialled when half of it is over', async () => {
  const { clock, far, call } = createFakePool(LONG)
  far.gateOf = (operation, id) => (operation === 'dial' && id === 1 ? 'never' : undefined)
  const waiting = call({ timeoutMillis: 600 })
  await clock.advance(299)
  expect(far.count('dial')).toBe(1)
  await clock.advance(1)
  expect(waiting.checkout.resource.id).toBe(2)
})

test('L3: of several that are dialled, the first to be done serves, and the other is idle', async () => {
  const { clock, far, pool, call } = createFakePool(LONG)
  far.gates.dial = 'slow'
  const waiting = call()
  await clock.advance(1000)
  expect(far.pending('dial')).toEqual([1, 2])
  far.answer('dial', 'ok', 1)
  await settled()
  expect(waiting.checkout.resource.id).toBe(1)
  far.answer('dial', 'ok', 2)
  await settled()
  expect(pool.gauges()).toMatchObject({ dialing: 0, lent: 1, idle: 1 })
})

test('L3: as long as all say nothing, one after the other is dialled, and never more than max', async () => {
  const { clock, far, pool, call } = createFakePool({ ...LONG, max: 3 })
  far.gates.dial = 'never'
  call()
  const seen: number[] = []
  for (let second = 0; second < 5; second += 1) {
    seen.push(far.count('dial'))
    await clock.advance(1000)
  }
  expect(seen).toEqual([1, 2, 3, 3, 3])
  expect(pool.gauges()).toMatchObject({ dialing: 3, total: 3 })
  expect(far.mostOpen).toBe(3)
})

test('L3: at max 1 nothing can be dialled beside it: it serves when it speaks', async () => {
  const { clock, far, call } = createFakePool({ ...LONG, max: 1 })
  far.gates.dial = 'slow'
  const waiting = call({ timeoutMillis: 60_000 })
  await clock.advance(5000)
  expect(far.count('dial')).toBe(1)
  far.answer('dial')
  await settled()
  expect(waiting.checkout.resource.id).toBe(1)
})

test('L3: at max 1 a newcomer does not wait for a dial of somebody who has gone longer than that dial’s limit', async () => {
  const { clock, far, call } = createFakePool({ ...LONG, max: 1, dialTimeoutMillis: 2000, random: () => 0 })
  far.gateOf = (operation, id) => (operation === 'dial' && id === 1 ? 'never' : undefined)
  const gone = call({ timeoutMillis: 1500 })
  await clock.advance(1500)
  const next = call({ timeoutMillis: 1500 })
  await clock.advance(500)
  expect([gone.state, next.state]).toEqual(['failed', 'served'])
})

test.each(['ok', 'reject'] as const)('L3: one that is silent no more (%s) does not count as silent', async (how) => {
  const { clock, far, pool, call } = createFakePool({ ...LONG, max: 4, random: () => 0 })
  far.gates.dial = 'slow'
  const waiting = call({ timeoutMillis: 60_000 })
  await clock.advance(1000)
  far.answer('dial', how, 1)
  await settled()
  expect(waiting.state).toBe(how === 'ok' ? 'served' : 'pending')
  // Whoever comes now waits for the second dial, which is not silent: nothing else is dialled for it.
  if (how === 'ok') call({ timeoutMillis: 60_000 })
  await settled()
  expect(far.count('dial')).toBe(2)
  expect(pool.gauges()).toMatchObject({ dialing: 1, waiting: 1 })
})

test('L3: one that is dialled beside a silent one counts as supply for one caller only', async () => {
  const { clock, far, pool, call } = createFakePool({ ...LONG, max: 5 })
  far.gates.dial = 'never'
  call()
  await clock.advance(1000)
  call()
  expect(pool.gauges()).toMatchObject({ dialing: 3, waiting: 2 })
})

test('L3: a prober that says nothing is no prober: after the pause another goes out', async () => {
  const { clock, far, call } = createFakePool({ ...LONG, max: 3 })
  far.gateOf = (operation, id) => (operation !== 'dial' || id > 2 ? undefined : id === 1 ? 'reject' : 'never')
  const waiting = call({ timeoutMillis: 60_000 })
  await clock.advance(50)
  expect(far.count('dial')).toBe(2)
  await clock.advance(1000)
  expect(waiting.checkout.resource.id).toBe(3)
})

test('L3: trim gives up the silent ones before any that may still speak', async () => {
  const { clock, far, pool, call } = createFakePool(LONG)
  far.gates.dial = 'slow'
  const waiting = call()
  await clock.advance(1000)
  pool.trim(0)
  expect(far.events.slice(2)).toEqual(['abandoned 1'])
  far.answer('dial', 'ok', 2)
  await settled()
  expect(waiting.checkout.resource.id).toBe(2)
  expect(pool.stats()).toMatchObject({ dials: 2, dialFailures: 0, total: 1 })
})

test('L3: silent dials are given up when the pool has ended and nobody waits', async () => {
  const { clock, far, pool, call } = createFakePool(LONG)
  far.gates.dial = 'slow'
  const waiting = call()
  await clock.advance(1000)
  const ended = pool.end()
  far.answer('dial', 'ok', 2)
  await settled()
  expect(far.events).toContain('abandoned 1')
  waiting.checkout.release()
  await expect(ended).resolves.toEqual({ reclaimed: 0 })
  expect(far.open).toBe(0)
  expect(clock.liveTimers).toBe(0)
})

test('L3: a silence that the process slept through is none', async () => {
  const { clock, far, call } = createFakePool(LONG)
  far.gates.dial = 'slow'
  const waiting = call()
  clock.freeze(60_000)
  clock.stall(1000)
  await clock.advance(0)
  expect(far.count('dial')).toBe(1)
  far.answer('dial')
  await settled()
  expect(waiting.checkout.resource.id).toBe(1)
})

test('L3: the time of one caller does not depend on that of another', async () => {
  const { clock, far, call } = createFakePool({ ...LONG, max: 2 })
  far.gates.dial = 'slow'
  const calls: Call[] = [call({ timeoutMillis: 60_000 }), call({ timeoutMillis: 100 })]
  await clock.advance(100)
  expect(calls.map(({ state }) => state)).toEqual(['pending', 'failed'])
  far.answer('dial')
  await settled()
  expect(calls[0]?.state).toBe('served')
})
