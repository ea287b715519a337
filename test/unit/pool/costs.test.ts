import { createHook } from 'node:async_hooks'
import { expect, test, vi } from 'vitest'
import type { Timer } from '../../../src/pool/clock'
import type { PoolObserver } from '../../../src/pool/connector'
import { Chain, type Checkout } from '../../../src/pool/slot'
import { FakeClock, settled } from '../../support/fake-clock'
import { createFakePool, type FakePool } from '../../support/fake-pool'
import type { FakeResource } from '../../support/fake-resource'

/** A clock that counts what it is asked. */
class CountingClock extends FakeClock {
  readonly asked = { now: 0, wall: 0, monotonic: 0, timers: 0 }

  override now() {
    this.asked.now += 1
    return super.now()
  }

  override wall() {
    this.asked.wall += 1
    return super.wall()
  }

  override monotonic() {
    this.asked.monotonic += 1
    return super.monotonic()
  }

  override setTimer(millis: number, ring: () => void): Timer {
    this.asked.timers += 1
    return super.setTimer(millis, ring)
  }
}

interface Counted extends FakePool {
  /** How often each thing was done while `work` ran; what was not done is left out. */
  costOf(work: () => unknown): Record<string, number>
}

const EVENTS = [
  'dialled',
  'acquired',
  'released',
  'retired',
  'lostIdle',
  'returnedDirty',
  'returnedLate',
  'fault',
] as const satisfies (keyof PoolObserver<FakeResource>)[]

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
    const before = { ...clock.asked }
    const snapshots = vi.spyOn(Chain.prototype, 'snapshot')
    const promises = createHook({ init: (_, type) => type === 'PROMISE' && note('promise') })
    promises.enable()
    work()
    promises.disable()
    const { now, wall, monotonic, timers } = clock.asked
    const asked = {
      now: now - before.now,
      wall: wall - before.wall,
      monotonic: monotonic - before.monotonic,
      timers: timers - before.timers,
    }
    const cost = { ...heard, ...asked, snapshots: snapshots.mock.calls.length }
    snapshots.mockRestore()
    return Object.fromEntries(Object.entries(cost).filter(([, times]) => times > 0))
  }
  return { ...fake, clock, costOf }
}

const takeMany = async ({ call }: FakePool, count: number) => {
  const calls = Array.from({ length: count }, () => call())
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

test('the way that every query takes reads each clock twice, sets no timer and makes no promise but the one it returns', async () => {
  const { costOf, pool: it } = await pool(1, 0)
  const each = { acquired: 1, released: 1, inspect: 1, lastAnswer: 1, wall: 2, monotonic: 2 }
  expect(costOf(() => it.tryAcquire()?.release())).toEqual(each)
  expect(costOf(() => void it.acquire())).toEqual({ promise: 1, acquired: 1, wall: 1, monotonic: 1 })
  it.reclaim()
})

test('a borrower who knows that the other side has just answered saves the question', async () => {
  const { costOf, pool: it } = await pool(1, 0)
  const cost = costOf(() => {
    const checkout = it.tryAcquire()
    if (checkout !== undefined) it.release(checkout, false, true)
  })
  expect(cost).toEqual({ acquired: 1, released: 1, inspect: 1, wall: 2, monotonic: 2 })
})

const ways: Record<string, (fake: FakePool) => unknown> = {
  'lent at once': ({ pool: it }) => it.tryAcquire()?.release(),
  acquired: async ({ pool: it }) => void it.acquire(),
  reused: ({ pool: it }) => {
    const checkout = it.tryAcquire()
    if (checkout !== undefined) it.reuse(checkout)
    checkout?.release()
  },
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

test('a return costs the same with 2 and with 999 who wait', async () => {
  const costs: unknown[] = []
  for (const waiting of [2, 999]) {
    const fake = counted(2)
    const held = await takeMany(fake, 2)
    for (let caller = 0; caller < waiting; caller += 1) fake.call({ timeoutMillis: 60_000 })
    costs.push(fake.costOf(() => held[0]?.release()))
  }
  expect(costs[1]).toEqual(costs[0])
})

test('who waits costs the same with 1 and with 999 before it: a timer of its own', async () => {
  const costs: Record<string, number>[] = []
  for (const waiting of [1, 999]) {
    const fake = counted(1)
    const [held] = (await takeMany(fake, 1)) as [Checkout<FakeResource>]
    for (let caller = 0; caller < waiting; caller += 1) fake.call({ timeoutMillis: 60_000 })
    costs.push(fake.costOf(() => fake.call({ timeoutMillis: 60_000 })))
    held.release()
  }
  expect(costs[1]).toEqual(costs[0])
  expect(costs[0]).toMatchObject({ timers: 1 })
})

test('however many wait and leave, their timers leave with them', async () => {
  const { clock, call } = createFakePool({ max: 1 })
  const held = call()
  await settled()
  const calls = Array.from({ length: 100 }, () => call({ timeoutMillis: 60_000 }))
  for (const it of calls.slice(50)) it.leave()
  expect(clock.liveTimers).toBe(50)
  held.checkout.release()
  for (const it of calls.slice(0, 50)) {
    await settled()
    it.checkout.release()
  }
  expect(clock.liveTimers).toBe(0)
})
