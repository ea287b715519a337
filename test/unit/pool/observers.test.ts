import { expect, test } from 'vitest'
import type { PoolObserver } from '../../../src/pool/connector'
import { ResourcePool } from '../../../src/pool/resource-pool'
import { settled } from '../../support/fake-clock'
import { type Call, createFakePool, type FakePool, poolOptions } from '../../support/fake-pool'
import { FakeConnector, type FakeResource } from '../../support/fake-resource'

type Event = 'dialled' | 'acquired' | 'released' | 'retired'

const EVENTS: Event[] = ['dialled', 'acquired', 'released', 'retired']

/** A pool of 2 whose observer calls it back once, when the event happens for the first time. */
const setUp = (event: Event, callBack: (fake: FakePool) => void): FakePool => {
  let fake: FakePool | undefined
  let called = false
  const observer: PoolObserver<FakeResource> = {
    [event]: () => {
      if (called || fake === undefined) return
      called = true
      callBack(fake)
    },
  }
  fake = createFakePool({ max: 2 }, observer)
  return fake
}

/** One loan that is discarded and one that is returned, with a third caller in the queue: every event happens. */
const run = async (fake: FakePool): Promise<Call[]> => {
  const calls = [call(fake), call(fake), call(fake)]
  for (let round = 0; round < 6; round += 1) {
    await settled()
    for (const [index, it] of calls.entries()) {
      if (it.state === 'served' && it.checkout.state === 'open') it.checkout.release(index === 0)
    }
  }
  return calls
}

const call = (fake: FakePool) => fake.call({ timeoutMillis: 1000 })

test.each(EVENTS)('acquiring from within %s is served in turn', async (event) => {
  let nested: Call | undefined
  const fake = setUp(event, (it) => {
    nested = call(it)
  })
  const calls = await run(fake)
  expect(nested?.state).toBe('served')
  nested?.checkout.release()
  expect(calls.map(({ state }) => state)).toEqual(['served', 'served', 'served'])
  expect(fake.pool.gauges()).toMatchObject({ lent: 0, waiting: 0, dialing: 0, validating: 0 })
  expect(fake.far.mostOpen).toBeLessThanOrEqual(2)
})

test.each(EVENTS)('ending the pool from within %s ends it cleanly', async (event) => {
  let ended: Promise<unknown> | undefined
  const fake = setUp(event, ({ pool }) => {
    ended = pool.end(100)
  })
  const calls = await run(fake)
  await fake.clock.advance(100)
  await expect(ended).resolves.toEqual({ reclaimed: expect.any(Number) })
  expect(calls.every(({ state }) => state !== 'pending')).toBe(true)
  expect(fake.far.open).toBe(0)
  expect(fake.clock.liveTimers).toBe(0)
  expect(fake.pool.gauges()).toMatchObject({ total: 0, waiting: 0 })
})

test.each(EVENTS)('reclaiming from within %s takes what is out, and nothing else', async (event) => {
  let reclaimed: unknown[] = []
  const fake = setUp(event, ({ pool }) => {
    reclaimed = pool.reclaim()
  })
  const calls = await run(fake)
  const { lateReturns, retired } = fake.pool.stats()
  expect(retired.reclaimed).toBe(reclaimed.length)
  expect(lateReturns).toBe(0)
  expect(calls.every(({ state }) => state === 'served')).toBe(true)
  expect(fake.pool.gauges()).toMatchObject({ lent: 0, waiting: 0 })
})

test.each(EVENTS)('draining, trimming and waking from within %s leave nobody waiting', async (event) => {
  const fake = setUp(event, ({ pool }) => {
    void pool.drain()
    pool.trim(0)
    pool.wake()
  })
  const calls = await run(fake)
  expect(calls.every(({ state }) => state === 'served')).toBe(true)
  expect(fake.pool.gauges()).toMatchObject({ lent: 0, waiting: 0 })
  expect(fake.far.mostOpen).toBeLessThanOrEqual(2)
})

test('a connection that is lost within dialled is not lent', async () => {
  const fake = setUp('dialled', ({ far }) => far.lose(1))
  const waiting = call(fake)
  await settled()
  expect(waiting.checkout.resource.id).toBe(2)
})

test('a connection that is drained within dialled is not lent, and its caller is dialled for at once', async () => {
  const fake = setUp('dialled', ({ far, pool }) => {
    far.gates.close = 'never'
    void pool.drain()
  })
  const waiting = call(fake)
  await settled()
  expect(waiting.checkout.resource.id).toBe(2)
})

test('observers hear of things after they have happened', async () => {
  const seen: unknown[] = []
  const { far, pool, take } = createFakePool(
    { max: 1 },
    {
      dialled: () => seen.push(['dialled', pool.gauges().dialing]),
      acquired: () => seen.push(['acquired', pool.gauges().lent, pool.stats().acquires]),
      lostIdle: (_, error) => seen.push(['lost', pool.gauges().idle, error.message]),
      retired: (_, reason) => seen.push(['retired', reason, pool.gauges().total]),
    },
  )
  const checkout = await take()
  checkout.release()
  far.lose(1, new Error('gone'))
  await settled()
  expect(seen).toEqual([
    ['dialled', 0],
    ['acquired', 1, 1],
    ['lost', 0, 'gone'],
    ['retired', 'broken', 0],
  ])
})

test('hears of a release with what its borrower said, and of what is about to be closed', async () => {
  const said: unknown[] = []
  const { take } = createFakePool(
    {},
    {
      released: (discard, { id }) => said.push(`released ${id}`, discard),
      retiring: ({ id }, reason) => said.push(`retiring ${id}: ${reason}`),
    },
  )
  const error = new Error('of its borrower')
  for (const discard of [undefined, true, error]) {
    const checkout = await take()
    checkout.release(discard)
    await settled()
  }
  expect(said).toEqual([
    ...['released 1', undefined, 'released 1', true, 'retiring 1: discarded'],
    ...['released 2', error, 'retiring 2: discarded'],
  ])
})

test('a pool needs no observer, and a connector need not know when the other side last answered', async () => {
  const far = new FakeConnector()
  const pool = new ResourcePool<FakeResource>(
    {
      dial: (opening) => far.dial(opening),
      classify: () => far.classify(),
      ping: (it) => far.ping(it),
      inspect: (it) => far.inspect(it),
      reset: (it) => far.reset(it),
      close: (it) => far.close(it),
      destroy: (it) => far.destroy(it),
    },
    poolOptions({}),
  )
  const checkout = await pool.acquire()
  checkout.release()
  pool.wake(false)
  const unproven = pool.tryAcquire('borrower', true)
  if (unproven !== undefined) pool.disproved(unproven)
  const lost = await pool.acquire()
  lost.release()
  far.lose(2)
  const late = await pool.acquire()
  pool.reclaim()
  late.release()
  await pool.end()
  expect(pool.stats()).toMatchObject({ faults: 0, total: 0, lateReturns: 1 })
})

test('a connector that has nothing to let go of when a dial is given up need not say so', async () => {
  const { far, pool, call } = createFakePool()
  far.letsGo = false
  const { dial } = far
  far.dial = (opening) => {
    const dialling = dial.call(far, opening)
    opening.onAbandon = undefined
    return dialling
  }
  far.gates.dial = 'never'
  call().leave()
  await pool.drain()
  expect(pool.stats()).toMatchObject({ dialing: 0, total: 0, faults: 0 })
})
