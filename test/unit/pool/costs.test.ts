import { createHook } from 'node:async_hooks'
import { expect, test, vi } from 'vitest'
import { Chain } from '../../../src/pool/chain'
import type { Checkout } from '../../../src/pool/checkout'
import type { Timer } from '../../../src/pool/clock'
import type { PoolObserver } from '../../../src/pool/observer'
import { FakeClock, settled } from '../../support/fake-clock'
import { createFakePool, type FakePool } from '../../support/fake-pool'
import type { FakeResource } from '../../support/fake-resource'

/** A clock that counts what it is asked. */
class CountingClock extends FakeClock {
  reads = 0
  timersSet = 0

  override now() {
    this.reads += 1
    return super.now()
  }

  override setTimer(millis: number, ring: () => void): Timer {
    this.timersSet += 1
    return super.setTimer(millis, ring)
  }
}

interface Counted extends FakePool {
  /** How often each thing was done while `work` ran; what was not done is left out. */
  costOf(work: () => unknown): Record<string, number>
}

const EVENTS = ['dialled', 'acquired', 'released', 'idle', 'retired', 'lostIdle', 'returnedLate', 'fault'] as const

const counted = (max: number): Counted => {
  const clock = new CountingClock()
  let heard: Record<string, number> = {}
  const note = (what: string) => {
    heard[what] = (heard[what] ?? 0) + 1
  }
  const observer: PoolObserver<FakeResource> = Object.fromEntries(EVENTS.map((event) => [event, () => note(event)]))
  const fake = createFakePool({ max, maxIdle: max, clock, idleTimeoutMillis: 60_000 }, observer)
  fake.far.beforeLocal = note
  fake.far.before = note
  const costOf = (work: () => unknown) => {
    heard = {}
    const { reads, timersSet } = clock
    const chain = ['add', 'remove', 'snapshot'] as const
    const spies = [
      ...chain.map((name) => [name, vi.spyOn(Chain.prototype, name)] as const),
      ['look', vi.spyOn(Chain.prototype, 'oldest', 'get')] as const,
      ['look', vi.spyOn(Chain.prototype, 'newest', 'get')] as const,
    ]
    const promises = createHook({ init: (_, type) => type === 'PROMISE' && note('promise') })
    promises.enable()
    work()
    promises.disable()
    for (const [name, spy] of spies) {
      for (const _ of spy.mock.calls) note(name)
      spy.mockRestore()
    }
    const cost = { ...heard, reads: clock.reads - reads, timers: clock.timersSet - timersSet }
    return Object.fromEntries(Object.entries(cost).filter(([, times]) => times > 0))
  }
  return { ...fake, clock, costOf }
}

const takeMany = async ({ call }: FakePool, count: number, share = false) => {
  const calls = Array.from({ length: count }, () => call({ share }))
  await settled()
  return calls.map(({ checkout }) => checkout)
}

/** A pool with so many idle and so many lent, all proven just now. */
const pool = async (idle: number, lent: number): Promise<Counted> => {
  const fake = counted(idle + lent)
  const all = await takeMany(fake, idle + lent)
  for (const checkout of all.slice(0, idle)) checkout.release()
  return fake
}

test('the way that every query takes reads the clock twice, sets no timer and makes no promise but the one it returns', async () => {
  const { costOf, pool: it } = await pool(1, 0)
  const each = { acquired: 1, released: 1, idle: 1, inspect: 1, lastSign: 1, reads: 2 }
  const chains = { add: 2, remove: 2, look: expect.any(Number) }
  expect(costOf(() => it.tryAcquire()?.release())).toEqual({ ...each, ...chains })
  expect(costOf(() => void it.acquire())).toMatchObject({ promise: 1, acquired: 1, reads: 1 })
  it.reclaim()
})

test('a share costs its two hooks more, and one that is joined less', async () => {
  const { costOf, pool: it, takeShare } = await pool(1, 0)
  const first = costOf(() => it.tryAcquire(undefined, true)?.release())
  expect(first).toMatchObject({
    acquired: 1,
    released: 1,
    idle: 1,
    inspect: 1,
    lastSign: 2,
    share: 1,
    unshare: 1,
    reads: 2,
  })
  await takeShare()
  const joined = costOf(() => it.tryAcquire(undefined, true)?.release())
  expect(joined).toEqual({
    acquired: 1,
    released: 1,
    reads: 2,
    add: 3,
    remove: 3,
    look: expect.any(Number),
  })
})

test('queries that follow one another take a resource that rests: one moment read, no move from state to state', async () => {
  const { costOf, far, pool: it } = await pool(1, 0)
  far.hears = true
  it.tryAcquire(undefined, true)?.release()
  const cost = costOf(() => it.tryAcquire(undefined, true)?.release())
  expect(cost).toEqual({ acquired: 1, released: 1, idle: 1, inspect: 1, lastSign: 1, reads: 1, add: 1, remove: 1 })
})

const ways: Record<string, (fake: FakePool) => unknown> = {
  'lent at once': ({ pool: it }) => it.tryAcquire()?.release(),
  acquired: async ({ pool: it }) => void it.acquire(),
  shared: ({ pool: it }) => it.tryAcquire(undefined, true)?.release(),
  'looked at': ({ pool: it }) => it.stats(),
}

test.each(Object.entries(ways))('what is %s costs the same beside 1 and beside 1,000, idle or lent', async (_, way) => {
  const alone = await pool(1, 0)
  const cost = alone.costOf(() => way(alone))
  for (const [idle, lent] of [
    [1000, 0],
    [1, 999],
  ] as const) {
    const crowd = await pool(idle, lent)
    expect(crowd.costOf(() => way(crowd))).toEqual(cost)
  }
})

test('a join costs the same beside 1 and beside 999 that have joined', async () => {
  const costs: unknown[] = []
  for (const joined of [1, 999]) {
    const fake = counted(1)
    await takeMany(fake, joined, true)
    costs.push(fake.costOf(() => fake.pool.tryAcquire(undefined, true)?.release()))
  }
  expect(costs[1]).toEqual(costs[0])
})

test.each([false, true])('a return costs the same with 2 and with 999 who wait, sharing: %s', async (share) => {
  const costs: unknown[] = []
  for (const waiting of [2, 999]) {
    const fake = counted(2)
    const held = await takeMany(fake, 2, share)
    for (let caller = 0; caller < waiting; caller += 1) fake.call({ share, timeoutMillis: 60_000 })
    costs.push(fake.costOf(() => held[0]?.release()))
  }
  expect(costs[1]).toEqual(costs[0])
})

test('who waits costs the same with 1 and with 999 before it, and there is one timer for all', async () => {
  const costs: unknown[] = []
  for (const waiting of [1, 999]) {
    const fake = counted(1)
    const [held] = (await takeMany(fake, 1)) as [Checkout<FakeResource>]
    for (let caller = 0; caller < waiting; caller += 1) fake.call({ timeoutMillis: 60_000 })
    costs.push(fake.costOf(() => fake.call({ timeoutMillis: 60_000 })))
    expect(fake.clock.liveTimers).toBe(1)
    held.release()
  }
  expect(costs[1]).toEqual(costs[0])
})
