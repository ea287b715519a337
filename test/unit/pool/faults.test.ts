import { expect, test } from 'vitest'
import { settled } from '../../support/fake-clock'
import { createFakePool } from '../../support/fake-pool'
import type { LocalCall } from '../../support/fake-resource'

test('G1: a connection that is lost while idle is closed and reported, and the pool goes on', async () => {
  const { far, heard, pool, fill, take } = createFakePool()
  await fill(1)
  heard.length = 0
  far.lose(1)
  far.lose(1)
  await settled()
  expect(heard).toEqual(['lost 1', 'retired 1: broken'])
  expect((await take()).resource.id).toBe(2)
  expect(pool.stats().retired.broken).toBe(1)
})

test('G1: a connection that is lost while it is validated is found dead at once', async () => {
  const { clock, far, heard, pool, call, fill } = createFakePool()
  await fill(1)
  clock.stall(5000)
  far.gates.ping = 'never'
  const waiting = call()
  far.lose(1)
  await settled()
  expect(waiting.checkout.resource.id).toBe(2)
  expect(heard).toContain('lost 1')
  expect(pool.stats()).toMatchObject({ generation: 1 })
  expect(pool.stats().retired.invalid).toBe(1)
})

test('G2: a connection that is lost while lent stays with its borrower and is closed when it comes back', async () => {
  const { far, pool, take } = createFakePool()
  const held = await take()
  far.lose(1)
  far.lose(1, new Error('once more'))
  expect(pool.gauges()).toMatchObject({ lent: 1 })
  held.release()
  await settled()
  expect(pool.stats().retired.broken).toBe(1)
  expect(far.open).toBe(0)
})

test('G2: a connection that is lost while it is reset is closed when the reset is over', async () => {
  const { far, pool, take } = createFakePool()
  const held = await take()
  held.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  held.release()
  far.lose(1)
  far.answer('reset')
  await settled()
  expect(pool.stats()).toMatchObject({ total: 0 })
  expect(pool.stats().retired.broken).toBe(1)
})

test('G2: a connection that is lost while its reset hangs is closed at once, and nobody waits for the reset', async () => {
  const { far, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  held.resource.condition = 'dirty'
  far.gates.reset = 'never'
  held.release()
  const restored = pool.whenNone('returning')
  const next = call()
  far.lose(1)
  far.lose(1)
  await restored
  await settled()
  expect(next.checkout.resource.id).toBe(2)
  expect(pool.stats().retired).toMatchObject({ broken: 1, reset: 0 })
})

test('G3: observers that throw cost nothing, and are counted as faults', async () => {
  const boom = () => {
    throw new Error('listener')
  }
  const { clock, far, heard, pool, take } = createFakePool(
    { max: 2 },
    {
      dialled: boom,
      acquired: boom,
      released: boom,
      returnedDirty: boom,
      retired: boom,
      lostIdle: boom,
      returnedLate: boom,
      fault: boom,
    },
  )
  const one = await take()
  one.resource.condition = 'dirty'
  one.release()
  await settled()
  far.lose(1)
  await settled()
  const two = await take()
  pool.reclaim()
  two.release()
  await clock.advance(1000)
  expect(pool.gauges()).toMatchObject({ total: 0, waiting: 0 })
  // dialled, acquired, released, returnedDirty, lostIdle, retired; dialled, acquired, returnedLate, retired
  expect(pool.stats().faults).toBe(10)
  expect(heard.filter((it) => it === 'fault: listener')).toHaveLength(10)
})

test('G4: a dial that throws instead of rejecting is a failed dial', async () => {
  const { far, pool, call } = createFakePool()
  far.gates.dial = 'throw'
  far.failure = 'permanent'
  const waiting = call()
  await settled()
  expect(waiting.error).toMatchObject({ name: 'DialError', cause: far.dialError })
  expect(pool.gauges().total).toBe(0)
})

test('G4: a connector that answers without promises is as good', async () => {
  const { clock, far, pool, call, take } = createFakePool({ max: 1 })
  far.gates.dial = 'sync'
  far.gates.ping = 'sync'
  far.gates.reset = 'sync'
  far.gates.close = 'sync'
  const held = await take()
  held.resource.condition = 'dirty'
  held.release()
  await settled()
  clock.stall(5000)
  const again = call()
  await settled()
  again.checkout.release(true)
  await settled()
  expect(far.events).toEqual(['dial 1', 'dialled 1', 'reset 1', 'ping 1', 'close 1', 'closed 1'])
  expect(pool.gauges().total).toBe(0)
})

test.each(['reject', 'throw'] as const)('G5: a close that fails (%s) is forced', async (gate) => {
  const { far, pool, take } = createFakePool()
  far.gates.close = gate
  const held = await take()
  held.release(true)
  await settled()
  expect(far.events.slice(-2)).toEqual(['close 1', 'destroy 1'])
  expect(pool.stats()).toMatchObject({ total: 0, forcedCloses: 1 })
})

test.each(['reject', 'throw'] as const)('G6: a ping that fails (%s) is a death, not an error', async (gate) => {
  const { clock, far, pool, call, fill } = createFakePool()
  await fill(1)
  clock.stall(5000)
  far.gates.ping = gate
  const waiting = call()
  await settled()
  expect(waiting.checkout.resource.id).toBe(2)
  expect(pool.stats().retired.invalid).toBe(1)
})

test('G7: a late word of a connection that is being closed or has gone is ignored', async () => {
  const { far, heard, pool, take } = createFakePool()
  const held = await take()
  far.gates.close = 'slow'
  held.release(true)
  far.lose(1)
  far.answer('close')
  await settled()
  const before = { stats: pool.stats(), heard: [...heard] }
  far.lose(1)
  await settled()
  expect({ stats: pool.stats(), heard }).toEqual(before)
})

test('G7: a ping that answers after its time limit changes nothing', async () => {
  const { clock, far, pool, call, fill } = createFakePool()
  await fill(1)
  clock.stall(5000)
  far.gates.ping = 'slow'
  call()
  await clock.advance(200)
  const before = pool.stats()
  far.answer('ping')
  await settled()
  expect(pool.stats()).toEqual(before)
})

test('G8: many loans of one connection leave nothing behind on it', async () => {
  const { far, clock, take, pool } = createFakePool({ max: 1 })
  for (let loan = 0; loan < 100; loan += 1) {
    const checkout = await pool.acquire({ timeoutMillis: 1000 })
    const next = pool.acquire({ timeoutMillis: 1000 })
    checkout.release()
    ;(await next).release()
  }
  expect(far.events).toEqual(['dial 1', 'dialled 1'])
  await take()
  await clock.advance(1000)
  expect(clock.liveTimers).toBe(0)
})

test('a connector that throws where it should only look costs the resource at most, and is told', async () => {
  const expected: Partial<Record<LocalCall, string[]>> = {
    inspect: ['fault: inspect threw', 'returned unusable 1', 'retired 1: busy'],
    lastAnswer: ['fault: lastAnswer threw'],
    destroy: ['fault: destroy threw'],
    classify: ['fault: classify threw'],
    leaseMillis: ['fault: leaseMillis threw', 'dialled 1', 'acquired 1'],
  }
  const tried: Partial<Record<LocalCall, string[]>> = {}
  for (const call of ['inspect', 'lastAnswer'] as const) {
    const { far, heard, pool, take } = createFakePool({ max: 1 })
    const held = await take()
    heard.length = 0
    far.throwing.add(call)
    held.release()
    await settled()
    tried[call] = heard.filter((it) => !it.startsWith('released'))
    expect(pool.stats()).toMatchObject({ lent: 0, faults: 1 })
    expect((await take()).state).toBe('open')
  }
  {
    const { far, heard, pool, take } = createFakePool({ max: 1 })
    const held = await take()
    far.gates.close = 'reject'
    far.throwing.add('destroy')
    heard.length = 0
    held.release(true)
    await settled()
    tried.destroy = heard.filter((it) => it.startsWith('fault'))
    expect(pool.gauges().total).toBe(0)
  }
  {
    const { far, heard, pool, call } = createFakePool({ max: 1 })
    far.gates.dial = 'reject'
    far.throwing.add('classify')
    const waiting = call({ timeoutMillis: 1000 })
    await settled()
    tried.classify = heard
    expect(waiting.error).toMatchObject({ name: 'DialError' })
    expect(pool.gauges().total).toBe(0)
  }
  {
    const { far, heard, take } = createFakePool({ max: 1 })
    far.throwing.add('leaseMillis')
    expect((await take()).state).toBe('open')
    tried.leaseMillis = heard
  }
  expect(tried).toEqual(expected)
})

test('a connector whose lastAnswer throws after a reset loses neither slot nor waiter', async () => {
  const { far, pool, call, take } = createFakePool({ max: 1 })
  const held = await take()
  held.resource.condition = 'dirty'
  far.gates.reset = 'slow'
  held.release()
  far.throwing.add('lastAnswer')
  const next = call()
  far.answer('reset')
  await settled()
  expect(next.checkout.resource.id).toBe(1)
  expect(pool.gauges().lent).toBe(1)
})

test('a connector that knows no last sign of life goes without', async () => {
  const { clock, far, call, take } = createFakePool()
  Object.defineProperty(far, 'lastAnswer', { value: undefined })
  const held = await take()
  clock.stall(5000)
  held.release()
  call()
  expect(far.count('ping')).toBe(1)
})

test('a connection that is lost within its own ping is found dead once', async () => {
  const { clock, far, pool, call, fill } = createFakePool()
  await fill(2)
  clock.stall(5000)
  far.before = (operation, resource) => {
    if (operation === 'ping') resource.lost(new Error('write after end'))
  }
  const waiting = call()
  await settled()
  expect(waiting.checkout.resource.id).toBe(3)
  expect(pool.stats()).toMatchObject({ pings: 1, generation: 1, total: 1 })
})

test('a connection that is lost within its own dial, reset or close is closed once', async () => {
  const { clock, far, pool, call, take } = createFakePool({ max: 1 })
  const losing = new Set(['reset', 'close'])
  far.before = (operation, resource) => {
    if (losing.has(operation)) resource.lost(new Error('write after end'))
  }
  const held = await take()
  held.resource.condition = 'dirty'
  held.release()
  await settled()
  expect(pool.stats()).toMatchObject({ total: 0 })
  expect(far.events).toEqual(['dial 1', 'dialled 1', 'reset 1', 'close 1', 'closed 1'])
  losing.add('dial')
  const waiting = call({ timeoutMillis: 1000 })
  await settled()
  expect(far.events.slice(-1)).toEqual(['destroy 2'])
  losing.clear()
  await clock.advance(100)
  expect(waiting.checkout.resource.id).toBe(3)
})

test('closing one that takes others along closes each of them once', async () => {
  for (const start of ['drain', 'end', 'wake', 'trim'] as const) {
    const { clock, far, pool, fill } = createFakePool({ max: 3, leaseMillis: 10_000 })
    await fill(3)
    let losing = true
    far.before = (operation) => {
      if (operation !== 'close' || !losing) return
      losing = false
      for (const id of [1, 2, 3]) far.lose(id)
    }
    if (start === 'wake') clock.freeze(10_000)
    await (start === 'trim' ? pool.trim(0) : pool[start]())
    await settled()
    expect(far.events.filter((it) => it.startsWith('close ')).sort()).toEqual(['close 1', 'close 2', 'close 3'])
    expect(pool.gauges().total).toBe(0)
  }
})

test.each([
  ['ping', 'clean'],
  ['reset', 'dirty'],
] as const)(
  'a connection that is lost within its own %s, which then hangs, is closed at once and leaves no timer',
  async (what, condition) => {
    const { clock, far, pool, call, take } = createFakePool({ max: 1 })
    const held = await take()
    const next = call()
    clock.stall(5000)
    far.gates[what] = 'never'
    far.before = (operation, resource) => {
      if (operation === what) resource.lost(new Error('write after end'))
    }
    held.resource.condition = condition
    held.release()
    await settled()
    expect(next.checkout.resource.id).toBe(2)
    expect(pool.gauges().total).toBe(1)
    expect(clock.liveTimers).toBe(0)
  },
)

test('what is closed while it is asked for a sign of life leaves no timer, whatever becomes of the answer', async () => {
  const { clock, far, pool, fill } = createFakePool()
  await fill(2)
  far.gates.ping = 'slow'
  pool.wake()
  pool.trim(0)
  await settled()
  expect(clock.liveTimers).toBe(0)
  far.answerAll('ping')
  await settled()
  expect(pool.stats()).toMatchObject({ total: 0, generation: 0 })
})

test('what the observer of a dirty return does to it is seen when it is judged', async () => {
  const { far, pool, take } = createFakePool({}, { returnedDirty: ({ resource }) => resource.lost(new Error('gone')) })
  const held = await take()
  held.resource.condition = 'dirty'
  held.release()
  await settled()
  expect(far.count('reset')).toBe(0)
  expect(pool.stats().retired.broken).toBe(1)
})

test('who gives back something dirty or still at work is reported with it, unless it is discarded', async () => {
  const seen: unknown[] = []
  const { take } = createFakePool(
    {},
    { returnedDirty: (checkout, condition) => seen.push([checkout.label, condition]) },
  )
  for (const condition of ['clean', 'dirty', 'unusable', 'dirty'] as const) {
    const held = await take()
    held.resource.condition = condition
    held.release(seen.length === 2)
    await settled()
  }
  expect(seen).toEqual([
    [undefined, 'dirty'],
    [undefined, 'unusable'],
  ])
})

test('the loss of what is closing, or closed, says nothing of the others', async () => {
  const { far, pool, fill, take } = createFakePool()
  await fill(2)
  const checkout = await take()
  far.gates.close = 'slow'
  checkout.release(true)
  far.lose(2)
  expect(pool.tryAcquire()?.resource.id).toBe(1)
  pool.reclaim()
  far.gates.close = 'ok'
  far.answerAll('close')
  await settled()
  await fill(1)
  far.lose(2)
  expect(pool.tryAcquire()?.resource.id).toBe(3)
  expect(pool.stats().faults).toBe(0)
})

test('the loss of what is being dialled says nothing of the others', async () => {
  const { far, pool, call, take } = createFakePool()
  const checkout = await take()
  far.gates.dial = 'slow'
  const waiting = call()
  far.lose(2)
  waiting.leave()
  checkout.release()
  expect(pool.tryAcquire()?.resource.id).toBe(1)
})

test('a pool that is drained from within the start of a dial goes on', async () => {
  const { far, pool, call } = createFakePool()
  far.before = () => {
    far.before = undefined
    void pool.drain()
  }
  const waiting = call({ timeoutMillis: 1000 })
  await settled()
  expect(waiting.state).toBe('served')
  expect(far.events).toEqual(['dial 1', 'dial 2', 'abandoned 1', 'dialled 2', 'dialled 1', 'destroy 1'])
  expect(pool.stats()).toMatchObject({ dialFailures: 0, total: 1 })
})
