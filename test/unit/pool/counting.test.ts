import { expect, test } from 'vitest'
import { AcquireTimeoutError } from '../../../src/pool/errors'
import { settled } from '../../support/fake-clock'
import { type Call, createFakePool } from '../../support/fake-pool'

test('B1: a failed dial gives its slot to the next waiter', async () => {
  const { far, call } = createFakePool({ max: 1 })
  far.gateOf = (operation, id) => (operation === 'dial' && id === 1 ? 'reject' : undefined)
  far.failure = 'permanent'
  const failed = call()
  await settled()
  const next = call()
  await settled()
  expect(failed.state).toBe('failed')
  expect(next.checkout.resource.id).toBe(2)
})

test('B1: with one living, a dial that fails for good is the first waiter’s error, and the next is dialled for', async () => {
  const { far, call, take } = createFakePool({ max: 2 })
  await take()
  far.gateOf = (operation, id) => (operation === 'dial' && id === 2 ? 'reject' : undefined)
  far.failure = 'permanent'
  const [first, second] = [call(), call()]
  await settled()
  expect(first.state).toBe('failed')
  expect(second.checkout.resource.id).toBe(3)
})

test('B2: a broken connection that is discarded at release makes room for the next waiter', async () => {
  const { pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  const next = call()
  held.release(new Error('protocol error'))
  await settled()
  expect(next.checkout.resource.id).toBe(2)
  expect(pool.stats().retired.discarded).toBe(1)
})

test('B2: a reset that fails lets the next waiter dial at once where another slot is free', async () => {
  const { far, call, take } = createFakePool({ max: 2 })
  const held = await take()
  held.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  far.gates.close = 'slow'
  held.release()
  const next = call()
  far.answer('reset', 'reject')
  await settled()
  expect(next.checkout.resource.id).toBe(2)
  expect(far.pending('close')).toEqual([1])
})

test('B2: a reset of one that has grown too old lets the next waiter dial at once', async () => {
  const { clock, far, call, take } = createFakePool({ max: 2, maxLifetimeMillis: 200 })
  const held = await take()
  held.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  far.gates.close = 'slow'
  held.release()
  const next = call()
  clock.stall(200)
  far.answer('reset')
  await settled()
  expect(next.checkout.resource.id).toBe(2)
})

test('B3: a slot is held until its socket is closed, so the far side never counts more than max', async () => {
  const { clock, far, pool, call, take } = createFakePool({ max: 2 })
  const held = [await take(), await take()]
  far.gates.close = 'slow'
  for (const checkout of held) checkout.release(true)
  const next = call()
  await settled()
  expect(far.count('dial')).toBe(2)
  expect(pool.gauges()).toMatchObject({ closing: 2, total: 2, dialing: 0, waiting: 1 })
  far.answer('close')
  await settled()
  expect(next.state).toBe('served')
  await clock.advance(500)
  expect(far.mostOpen).toBe(2)
})

test('B3: a close that hangs is forced when its time is over, and only then is the slot free', async () => {
  const { clock, far, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  far.gates.close = 'never'
  held.release(true)
  const next = call()
  await clock.advance(499)
  expect(next.state).toBe('pending')
  await clock.advance(1)
  expect(next.checkout.resource.id).toBe(2)
  expect(far.events).toContain('destroy 1')
  expect(far.mostOpen).toBe(1)
  expect(pool.stats().forcedCloses).toBe(1)
})

test('B5: with ten times more workers than connections, each gets its share in turn', async () => {
  const { pool } = createFakePool({ max: 3 })
  const turns = new Array<number>(30).fill(0)
  const order: number[] = []
  const work = async (worker: number) => {
    for (let turn = 0; turn < 10; turn += 1) {
      const checkout = await pool.acquire()
      turns[worker] = (turns[worker] ?? 0) + 1
      order.push(worker)
      await settled()
      checkout.release()
    }
  }
  await Promise.all(turns.map((_, worker) => work(worker)))
  expect(turns).toEqual(turns.map(() => 10))
  for (let round = 0; round < 10; round += 1) {
    expect(new Set(order.slice(round * 30, (round + 1) * 30)).size).toBe(30)
  }
})

test('B6: a newcomer does not overtake those who wait, even when one is free at that moment', async () => {
  const { far, heard, pool, call, take } = createFakePool({ max: 2 })
  const [a, b] = [await take(), await take()]
  heard.length = 0
  call({}, 'first')
  a.release()
  call({}, 'second')
  expect(pool.tryAcquire()).toBeUndefined()
  b.release()
  await settled()
  expect(heard.filter((it) => it.includes('got'))).toEqual(['first got 1', 'second got 2'])
  expect(far.count('dial')).toBe(2)
})

test('B6: whoever tries without waiting gets nothing while another waits', async () => {
  const { clock, far, pool, call, fill } = createFakePool()
  await fill(2)
  clock.stall(5000)
  far.gates.ping = 'slow'
  call()
  expect(pool.gauges()).toMatchObject({ idle: 1, validating: 1, waiting: 1 })
  expect(pool.tryAcquire()).toBeUndefined()
})

test('B6: nobody overtakes when the wall clock steps back and makes an idle one look fresh again', async () => {
  const { clock, far, pool, call, fill } = createFakePool()
  await fill(2)
  const { wall } = clock.now()
  clock.setWall(wall + 3_600_000)
  far.gates.ping = 'slow'
  const first = call()
  clock.setWall(wall)
  expect(pool.gauges()).toMatchObject({ idle: 1, validating: 1, waiting: 1 })
  expect(pool.tryAcquire()).toBeUndefined()
  const second = call()
  await settled()
  expect([first.state, second.state]).toEqual(['served', 'pending'])
})

test('B7: a pool that was drained to nothing fills again', async () => {
  const { pool, fill } = createFakePool()
  await fill(3)
  await pool.drain()
  expect(pool.gauges().total).toBe(0)
  await fill(3)
  expect(pool.gauges()).toMatchObject({ idle: 3, total: 3 })
})

test('B8: a spike is served by those that come back, with few dials and none after it', async () => {
  const { clock, far, call, take } = createFakePool({ max: 50 })
  const held = await take()
  far.gates.dial = 'slow'
  const calls: Call[] = []
  for (let worker = 0; worker < 5; worker += 1) calls.push(call())
  expect(far.count('dial')).toBe(6)
  held.release()
  for (let turn = 0; turn < 5; turn += 1) {
    await settled()
    for (const it of calls) if (it.state === 'served' && it.checkout.state === 'open') it.checkout.release()
  }
  expect(calls.every(({ state }) => state === 'served')).toBe(true)
  far.answerAll('dial')
  await clock.advance(10_000)
  expect(far.count('dial')).toBe(6)
})

test('B8: who comes while enough is under way starts no dial of its own', async () => {
  const { far, call } = createFakePool({ max: 10 })
  far.gates.dial = 'slow'
  call().leave()
  call()
  expect(far.count('dial')).toBe(1)
})

test('B9: at max 1, who acquires a second one while holding the first waits a bounded time for an error that explains', async () => {
  const { clock, call, take } = createFakePool({ max: 1 })
  await take()
  const nested = call({ timeoutMillis: 100 })
  await clock.advance(100)
  expect(nested.error).toBeInstanceOf(AcquireTimeoutError)
  expect(nested.error).toMatchObject({ phase: 'wait', waitedMillis: 100 })
  expect(String(nested.error)).toContain('a caller that holds one while it acquires another can wait for itself')
})

test('B10: many that died while idle cost one validation, not one each', async () => {
  const { clock, far, pool, call, fill } = createFakePool({ max: 20 })
  await fill(20)
  clock.freeze(600_000)
  far.gates.ping = 'never'
  const waiting = call({ timeoutMillis: 10_000 })
  await clock.advance(200)
  expect(waiting.checkout.resource.id).toBe(21)
  expect(far.count('ping')).toBe(1)
  expect(pool.stats()).toMatchObject({ generation: 1, total: 1 })
})

test('B10: as many pings go out as there are waiters, and no more', async () => {
  const { clock, far, pool, call, fill } = createFakePool({ max: 10 })
  await fill(10)
  clock.freeze(600_000)
  far.gates.ping = 'slow'
  for (let caller = 0; caller < 3; caller += 1) call()
  expect(pool.gauges()).toMatchObject({ validating: 3, idle: 7, dialing: 0 })
  expect(far.pending('ping')).toEqual([10, 9, 8])
})

test('as many callers wait as may, beside those for whom a resource is under way; another one is refused at once', async () => {
  const fake = createFakePool({ max: 2, maxWaiting: 1 })
  const calls = [fake.call(), fake.call(), fake.call()]
  await settled()
  expect(calls.map(({ state }) => state)).toEqual(['served', 'served', 'pending'])
  await expect(fake.pool.acquire()).rejects.toMatchObject({ code: 'POOL_QUEUE_FULL', retry: 'safe' })
  expect(fake.pool.stats()).toMatchObject({ waiting: 1, acquireRefusals: 1 })
  calls[0]?.checkout.release()
  await settled()
  expect(calls[2]?.state).toBe('served')
})

test('counts how many were lent or waited for at once, never more than max, and anew when it is told to', async () => {
  const { pool, call } = createFakePool({ max: 2 })
  const calls = [call(), call(), call()]
  await settled()
  expect(pool.mostWanted).toBe(2)
  calls[0]?.checkout.release()
  await settled()
  for (const it of calls.slice(1)) it.checkout.release()
  pool.countWantedAnew()
  expect(pool.mostWanted).toBe(0)
  const one = call()
  await settled()
  expect(pool.mostWanted).toBe(1)
  one.checkout.release()
})

test('an idle resource that has to give an answer first is under way for who waits for it', async () => {
  const { clock, far, pool, call, fill } = createFakePool({ max: 1, maxWaiting: 0 })
  await fill(1)
  clock.stall(5000)
  far.gates.ping = 'slow'
  const asking = call()
  await expect(pool.acquire()).rejects.toMatchObject({
    code: 'POOL_QUEUE_FULL',
    message: '1 callers wait for a connection already, and no more may',
  })
  far.answer('ping')
  await settled()
  expect(asking.state).toBe('served')
})

test('a resource that is closing is under way for nobody', async () => {
  const { far, pool, call, take } = createFakePool({ max: 1, maxWaiting: 0 })
  const held = await take()
  far.gates.close = 'slow'
  held.release(true)
  await expect(pool.acquire()).rejects.toMatchObject({ code: 'POOL_QUEUE_FULL' })
  far.answer('close')
  await settled()
  expect(call().state).toBe('pending')
})

test('what was wanted at once stays counted while it is served one by one', async () => {
  const { pool, call, take } = createFakePool({ max: 3 })
  const held = [await take(), await take()]
  const waiting = call()
  await settled()
  expect(pool.mostWanted).toBe(3)
  for (const it of held) it.release()
  waiting.checkout.release()
  const one = await take()
  expect(pool.mostWanted).toBe(3)
  one.release()
})

test('who waited is counted among those who wanted one, also when nobody got any', async () => {
  const { far, pool, call } = createFakePool({ max: 3 })
  far.gates.dial = 'slow'
  for (const it of [call(), call()]) it.leave()
  expect(pool.gauges()).toMatchObject({ lent: 0, waiting: 0 })
  expect(pool.mostWanted).toBe(2)
})

test('one that is being reset is under way for who comes: nobody dials beside it', async () => {
  const { far, pool, call, take } = createFakePool()
  const checkout = await take()
  checkout.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  checkout.release()
  expect(pool.isPreparing).toBe(true)
  const waiting = call()
  expect(pool.gauges()).toMatchObject({ returning: 1, dialing: 0, waiting: 1 })
  far.answer('reset')
  await settled()
  expect(waiting.checkout.resource.id).toBe(1)
  expect(pool.isPreparing).toBe(false)
})

test('a pool that dials is preparing', async () => {
  const { far, pool, call } = createFakePool()
  far.gates.dial = 'slow'
  call()
  expect(pool.isPreparing).toBe(true)
  far.answer('dial')
  await settled()
  expect(pool.isPreparing).toBe(false)
})

test('trimming gives up dials that nobody waits for, but for those that make up what is to be kept', async () => {
  const { far, pool, call, take } = createFakePool()
  const held = await take()
  far.gates.dial = 'slow'
  for (const it of [call(), call()]) it.leave()
  held.release()
  expect(pool.gauges()).toMatchObject({ idle: 1, dialing: 2, waiting: 0 })
  expect(pool.trim(2)).toBe(0)
  expect(pool.gauges()).toMatchObject({ idle: 1, dialing: 1 })
})

test('who waits until none is closing waits for the last of them', async () => {
  const { far, pool, fill } = createFakePool()
  await fill(2)
  far.gates.close = 'slow'
  let areClosed = false
  void pool.drain().then(() => {
    areClosed = true
  })
  far.answer('close')
  await settled()
  expect(areClosed).toBe(false)
  far.answer('close')
  await settled()
  expect(areClosed).toBe(true)
})
