import { expect, test } from 'vitest'
import { AcquireTimeoutError } from '../../../src/pool/errors'
import { settled } from '../../support/fake-clock'
import { createFakePool } from '../../support/fake-pool'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

test('E1: after a freeze a connection gives a sign of life before it is lent', async () => {
  const { clock, far, call, fill } = createFakePool()
  await fill(1)
  clock.freeze(5 * MINUTE)
  const waiting = call()
  expect(far.count('ping')).toBe(1)
  await settled()
  expect(waiting.checkout.resource.id).toBe(1)
  expect(far.count('dial')).toBe(1)
})

test('E1: after a freeze that killed everything, the first acquire gets a new connection', async () => {
  const { clock, far, call, fill } = createFakePool()
  await fill(3)
  clock.freeze(5 * MINUTE)
  far.gates.ping = 'reject'
  const waiting = call({ timeoutMillis: 1000 })
  await settled()
  expect(waiting.checkout.resource.id).toBe(4)
})

test('E1: a connection that was out during the freeze proves itself before the next in the queue gets it', async () => {
  const { clock, far, call, take } = createFakePool({ max: 1 })
  const held = await take()
  const next = call()
  clock.freeze(5 * MINUTE)
  far.gates.ping = 'reject'
  held.release()
  await settled()
  expect(far.count('ping')).toBe(1)
  expect(next.checkout.resource.id).toBe(2)
})

test('E1: a connection whose borrower heard from the far side after the freeze is handed on unasked', async () => {
  const { clock, far, call, take } = createFakePool({ max: 1 })
  const held = await take()
  const next = call()
  clock.freeze(5 * MINUTE)
  held.resource.sign = clock.now()
  held.release()
  await settled()
  expect(next.checkout.resource.id).toBe(1)
  expect(far.count('ping')).toBe(0)
})

test('E1: a waiter whose time passed while the process was frozen is served when it is its turn', async () => {
  const { clock, call, take } = createFakePool({ max: 1 })
  const held = await take()
  const late = call({ timeoutMillis: 3000 })
  clock.freeze(5 * MINUTE)
  held.release()
  await settled()
  expect(late.checkout.resource.id).toBe(1)
})

test('E1: a waiter whose time was slept through gets it once more, and no longer', async () => {
  const { clock, call, take } = createFakePool({ max: 1 })
  await take()
  const late = call({ timeoutMillis: 3000 })
  clock.freeze(5 * MINUTE)
  await clock.advance(3000)
  expect(late.state).toBe('pending')
  clock.stall(MINUTE)
  await clock.advance(0)
  expect(late.error).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT', waitedMillis: 6 * MINUTE + 3000 })
  expect(clock.liveTimers).toBe(0)
})

test('E2: a wall clock that steps back an hour makes nothing younger and nobody wait longer', async () => {
  const { clock, far, call, take, fill } = createFakePool({ max: 2 })
  await fill(1)
  clock.setWall(clock.now().wall - HOUR)
  clock.stall(2000)
  await take()
  expect(far.count('ping')).toBe(1)
  await take()
  const waiting = call({ timeoutMillis: 100 })
  clock.setWall(clock.now().wall - HOUR)
  await clock.advance(100)
  expect(waiting.error).toBeInstanceOf(AcquireTimeoutError)
})

test('E2: a wall clock that steps forward an hour costs a sign of life, and nothing else', async () => {
  const { clock, far, pool, take, fill } = createFakePool()
  await fill(2)
  clock.setWall(clock.now().wall + HOUR)
  const checkout = await take()
  expect(checkout.resource.id).toBe(2)
  expect(far.events.slice(4)).toEqual(['ping 2'])
  expect(pool.gauges().total).toBe(2)
})

test('E3: while the monotonic clock stands still, age is judged by the wall clock', async () => {
  const { clock, far, pool, fill, take } = createFakePool({ maxLifetimeMillis: 10 * MINUTE })
  await fill(1)
  clock.freeze(10 * MINUTE)
  const checkout = await take()
  expect(checkout.resource.id).toBe(2)
  expect(pool.stats().retired.lifetime).toBe(1)
  expect(far.count('ping')).toBe(0)
})

test.each(['freeze', 'stall'] as const)(
  'E3: a dial, a ping, a reset and a close whose limits fell due during a %s are asked once more what they say',
  async (sleep) => {
    const { clock, far, pool, call, take } = createFakePool({
      max: 4,
      validationTimeoutMillis: 1000,
      resetTimeoutMillis: 1000,
      closeTimeoutMillis: 1000,
    })
    const [pinged, dirty, discarded] = [await take(), await take(), await take()]
    pinged.release()
    clock.stall(2000)
    Object.assign(far.gates, { dial: 'slow', ping: 'slow', reset: 'slow', close: 'slow' })
    const calls = [call(), call(), call()]
    dirty.resource.condition = 'dirty'
    dirty.release()
    discarded.release(true)
    call()
    expect(pool.gauges()).toMatchObject({ dialing: 1, validating: 1, returning: 1, closing: 1 })
    clock[sleep](MINUTE)
    await clock.advance(sleep === 'stall' ? 0 : 1000)
    expect(pool.gauges()).toMatchObject({ dialing: 1, validating: 1, returning: 1, closing: 1 })
    for (const operation of ['dial', 'ping', 'reset', 'close'] as const) far.answerAll(operation)
    await settled()
    expect(calls.map(({ state }) => state)).toEqual(['served', 'served', 'served'])
    expect(pool.stats()).toMatchObject({ generation: 0, forcedCloses: 0, dialFailures: 0 })
    expect(pool.stats().retired).toMatchObject({ invalid: 0, reset: 0 })
  },
)

test('E3: a ping that says nothing the second time either has failed', async () => {
  const { clock, far, pool, call, fill } = createFakePool()
  await fill(1)
  clock.stall(5000)
  far.gates.ping = 'never'
  const waiting = call()
  clock.stall(MINUTE)
  await clock.advance(199)
  expect(pool.gauges().validating).toBe(1)
  await clock.advance(1)
  expect(waiting.checkout.resource.id).toBe(2)
})

test('E3: a limit that rings a little late means what it says', async () => {
  const { clock, far, call, fill } = createFakePool()
  await fill(1)
  clock.stall(5000)
  far.gates.ping = 'never'
  const waiting = call()
  clock.stall(449)
  await clock.advance(0)
  expect(waiting.checkout.resource.id).toBe(2)
})

test('E4: after a thaw a herd of callers costs one round of pings and no more dials than there are callers', async () => {
  const { clock, far, pool, call, fill } = createFakePool({ max: 10 })
  await fill(10)
  clock.freeze(10 * MINUTE)
  pool.wake()
  const calls = Array.from({ length: 8 }, () => call({ timeoutMillis: 1000 }))
  expect(far.count('ping')).toBe(10)
  expect(far.count('dial')).toBe(10)
  await settled()
  expect(calls.every(({ state }) => state === 'served')).toBe(true)
  expect(far.count('ping')).toBe(10)
  expect(far.count('dial')).toBe(10)
})

test('E4: waking on a dead pool dials for those who wait only', async () => {
  const { clock, far, pool, call, fill } = createFakePool({ max: 10 })
  await fill(10)
  clock.freeze(10 * MINUTE)
  far.gates.ping = 'reject'
  pool.wake()
  const calls = [call({ timeoutMillis: 1000 }), call({ timeoutMillis: 1000 })]
  await settled()
  expect(calls.every(({ state }) => state === 'served')).toBe(true)
  expect(far.count('dial')).toBe(12)
})

test('E5: connections that were dialled together don’t grow old together', async () => {
  let draw = 0
  const random = () => (draw++ % 10) / 10
  const { clock, pool, fill } = createFakePool({ max: 10, maxLifetimeMillis: 1000, lifetimeJitter: 0.5, random })
  await fill(10)
  const left: number[] = []
  for (let tenth = 5; tenth <= 10; tenth += 1) {
    clock.stall(tenth === 5 ? 500 : 100)
    pool.wake()
    await settled()
    left.push(pool.gauges().idle)
  }
  // Lifetimes lie between 550 and 1000 ms, 50 ms apart.
  expect(left).toEqual([10, 8, 6, 4, 2, 0])
})

test('E6: waiting, validating, dialling and backing off share one deadline', async () => {
  const { clock, far, call, fill } = createFakePool({ max: 1, dialTimeoutMillis: 250 })
  await fill(1)
  clock.freeze(MINUTE)
  far.gates.ping = 'never'
  far.gates.close = 'never'
  far.gates.dial = 'never'
  const waiting = call({ timeoutMillis: 1500 })
  await clock.advance(1499)
  expect(waiting.state).toBe('pending')
  await clock.advance(1)
  expect(waiting.error).toMatchObject({ phase: 'dial', waitedMillis: 1500 })
  // 200 of ping, 500 of close, 250 of dial, then pauses and further dials.
  expect(far.events.slice(0, 6)).toEqual(['dial 1', 'dialled 1', 'ping 1', 'close 1', 'destroy 1', 'dial 2'])
})

test('E6: a time limit of nothing is a look: what is idle and fit is lent, nobody waits', async () => {
  const { clock, call, fill } = createFakePool({ max: 1 })
  await fill(1)
  const lucky = call({ timeoutMillis: 0 })
  const unlucky = call({ timeoutMillis: 0 })
  await clock.advance(0)
  expect([lucky.state, unlucky.state]).toEqual(['served', 'failed'])
})

test('E7: after the end no timer is left, whatever was pending', async () => {
  const { clock, far, pool, call, fill, take } = createFakePool({ max: 4, idleTimeoutMillis: 5000 })
  await fill(3)
  const dirty = await take()
  clock.stall(2000)
  dirty.resource.condition = 'dirty'
  far.gates.reset = 'never'
  far.gates.ping = 'never'
  far.gates.dial = 'never'
  dirty.release()
  for (let caller = 0; caller < 5; caller += 1) call({ timeoutMillis: 10_000 })
  expect(pool.gauges()).toMatchObject({ returning: 1, validating: 2, dialing: 1, waiting: 5 })
  const ended = pool.end(100)
  await clock.advance(300)
  await ended
  expect(clock.liveTimers).toBe(0)
  expect(pool.gauges()).toMatchObject({ total: 0, waiting: 0 })
})

test('E8: what happens within one millisecond is told apart', async () => {
  const { clock, far, pool, call, fill } = createFakePool({ max: 2, validationBypassMillis: 0 })
  await fill(2)
  far.gates.ping = 'reject'
  const waiting = call()
  await settled()
  // Dead and new ones have the same timestamps; only the generation tells them apart.
  expect(waiting.checkout.resource.id).toBe(3)
  expect(pool.stats()).toMatchObject({ generation: 1, dials: 3, lent: 1 })
  expect(clock.now().monotonic).toBe(1000)
})

test('E8: what has grown too old while it is idle is closed by the clock, whatever was dialled or came back before it', async () => {
  const { clock, far, pool, take } = createFakePool({ max: 3, min: 3, maxLifetimeMillis: 10_000 })
  const first = await take()
  await clock.advance(4000)
  const second = await take()
  second.release()
  await clock.advance(1000)
  first.release()
  // The first was dialled at 0, the second at 4 s.
  await clock.advance(4999)
  expect(pool.gauges()).toMatchObject({ idle: 2 })
  await clock.advance(1)
  expect(pool.stats()).toMatchObject({ idle: 1, retired: { lifetime: 1 } })
  await clock.advance(4000)
  expect(pool.stats()).toMatchObject({ total: 0, retired: { lifetime: 2 } })
  expect(far.count('dial')).toBe(2)
  expect(clock.liveTimers).toBe(0)
})

test('E8: what is lent then is closed when it comes back, and nobody is woken for it before', async () => {
  const { clock, pool, take } = createFakePool({ max: 1, maxLifetimeMillis: 10_000 })
  const held = await take()
  await clock.advance(20_000)
  expect(clock.liveTimers).toBe(0)
  held.release()
  await settled()
  expect(pool.stats()).toMatchObject({ total: 0, retired: { lifetime: 1 } })
})

test('who trusts for good is not asked after a wake, and not closed either', async () => {
  const { clock, far, heard, pool, fill } = createFakePool({ validationBypassMillis: Number.POSITIVE_INFINITY })
  await fill(2)
  heard.length = 0
  clock.freeze(MINUTE)
  pool.wake()
  await settled()
  expect(heard).toEqual([])
  expect(far.count('ping')).toBe(0)
})

test('who trusts for good gets what was dialled during a wake as it is', async () => {
  const { pool, call } = createFakePool(
    { validationBypassMillis: Number.POSITIVE_INFINITY },
    { dialled: () => pool.wake() },
  )
  const waiting = call()
  await settled()
  expect(waiting.state).toBe('served')
  expect(pool.stats().pings).toBe(0)
})

test('a wake of a pool that has nothing waits for nothing', () => {
  const { pool } = createFakePool()
  pool.wake(true, new Promise(() => {}))
  expect(pool.isGlancing).toBe(false)
})

test('what an earlier wake has seen does not end the wait of a later one', async () => {
  const { pool, fill } = createFakePool()
  await fill(1)
  pool.wake(false, Promise.resolve())
  let see = () => {}
  pool.wake(false, new Promise<void>((resolve) => (see = resolve)))
  await settled()
  expect(pool.isGlancing).toBe(true)
  see()
  await settled()
  expect(pool.isGlancing).toBe(false)
})

test('a sign of life on return is dated by the clock of the pool', async () => {
  const { clock, far, pool, fill } = createFakePool()
  far.hears = true
  await fill(1)
  clock.stall(5000)
  expect(pool.tryAcquire()).toBeUndefined()
})

test('the clock closes nobody who has not been idle for long enough, whoever trusts it', async () => {
  const { clock, heard, take } = createFakePool({
    idleTimeoutMillis: 1000,
    validationBypassMillis: Number.POSITIVE_INFINITY,
  })
  const [older, younger] = [await take(), await take()]
  older.release()
  await clock.advance(500)
  younger.release()
  heard.length = 0
  await clock.advance(500)
  expect(heard).toEqual(['retired 1: idle'])
})
