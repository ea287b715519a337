import { expect, test } from 'vitest'
import type { ResourcePoolOptions } from '../../../src/pool/options'
import { settled } from '../../support/fake-clock'
import { createFakePool, type FakePool } from '../../support/fake-pool'
import type { FakeResource } from '../../support/fake-resource'
import { callShares, servedOf } from '../../support/fake-shares'

/** A pool in which a share has come back from its only borrower, who heard from the far side just before. */
async function resting(
  overrides: Partial<ResourcePoolOptions> = {},
  idle?: (it: FakeResource) => void,
): Promise<FakePool> {
  const fake = createFakePool({ max: 2, idleTimeoutMillis: 60_000, ...overrides }, idle && { idle })
  fake.far.hears = true
  const share = await fake.takeShare()
  share.release()
  fake.far.events.length = 0
  return fake
}

test('the next who shares takes it as it is, as a loan of its own', async () => {
  const { pool, far, heard } = await resting()
  heard.length = 0
  const next = pool.tryAcquire('next', true)
  expect(next).toMatchObject({ label: 'next', state: 'open', resource: { id: 1 } })
  expect(far.events).toEqual([])
  expect(heard).toEqual(['acquired 1'])
  expect(pool.stats()).toMatchObject({ acquires: 2, dials: 1, lent: 1, idle: 0 })
})

test('again and again', async () => {
  const { pool, far } = await resting()
  for (let turn = 0; turn < 10; turn += 1) pool.tryAcquire(undefined, true)?.release()
  expect(far.events).toEqual([])
  expect(pool.stats()).toMatchObject({ acquires: 11, idle: 1 })
})

test('to whoever looks at the pool it is idle, since it came back', async () => {
  const { pool, far, clock } = await resting({ idleTimeoutMillis: 100 })
  await clock.advance(60)
  expect(pool.gauges()).toMatchObject({ idle: 1, lent: 0, total: 1 })
  expect(far.events).toEqual(['unshare 1'])
  await clock.advance(40)
  expect(pool.stats()).toMatchObject({ idle: 0, retired: { idle: 1 } })
})

test('when nobody looks it is closed for being idle all the same', async () => {
  const { far, clock } = await resting({ idleTimeoutMillis: 100 })
  await clock.advance(100)
  expect(far.events).toEqual(['unshare 1', 'close 1', 'closed 1'])
})

test('whoever does not share gets it for itself', async () => {
  const { pool, far } = await resting()
  expect(pool.tryAcquire()).toMatchObject({ resource: { id: 1 } })
  expect(far.events).toEqual(['unshare 1'])
  expect(pool.gauges()).toMatchObject({ lent: 1, idle: 0 })
})

test.each<[string, (fake: FakePool) => unknown, string]>([
  ['is trimmed', ({ pool }) => pool.trim(0), 'trim'],
  ['is drained', ({ pool }) => pool.drain(), 'generation'],
  ['is condemned', ({ pool }) => pool.condemn(), 'generation'],
  ['is lost', ({ far }) => far.lose(1), 'broken'],
  ['ends with its pool', ({ pool }) => void pool.end(), 'end'],
])('what rests %s like what is idle', async (_, act, reason) => {
  const fake = await resting()
  act(fake)
  await settled()
  expect(fake.pool.stats()).toMatchObject({ total: 0, retired: { [reason]: 1 } })
  expect(fake.heard.slice(-2)).toEqual(
    reason === 'broken' ? ['lost 1', 'retired 1: broken'] : ['released 1', `retired 1: ${reason}`],
  )
})

test('what rests is not taken from a borrower', async () => {
  const { pool } = await resting()
  expect(pool.reclaim()).toEqual([])
  expect(pool.gauges()).toMatchObject({ idle: 1 })
})

test('what rests when the process wakes is asked for a sign of life', async () => {
  const { pool, far } = await resting()
  pool.wake()
  expect(far.events).toEqual(['unshare 1', 'ping 1'])
})

test('what has rested for longer than a sign of life is trusted is asked for another', async () => {
  const { far, clock, call } = await resting({ validationBypassMillis: 1000 })
  await clock.advance(999)
  call({ share: true })
  expect(far.events).toEqual([])
  const { far: later, clock: longer, call: callLater } = await resting({ validationBypassMillis: 1000 })
  await longer.advance(1000)
  callLater({ share: true })
  expect(later.events).toEqual(['unshare 1', 'ping 1'])
})

test('so it is when only one of the clocks says so', async () => {
  const frozen = await resting()
  await frozen.clock.freeze(5000)
  frozen.call({ share: true })
  expect(frozen.far.count('ping')).toBe(1)
  const setBack = await resting()
  const { wall } = setBack.clock.now()
  await setBack.clock.advance(5000)
  setBack.clock.setWall(wall - 1)
  setBack.call({ share: true })
  expect(setBack.far.count('ping')).toBe(1)
})

test('where nothing is trusted without a sign of life, it is asked for one each time', async () => {
  const { pool, far } = await resting({ validationBypassMillis: 0 })
  expect(pool.tryAcquire(undefined, true)).toBeUndefined()
  expect(far.events).toEqual(['unshare 1'])
})

test('what has rested past its lease or its lifetime is not lent again', async () => {
  for (const limit of ['leaseMillis', 'maxLifetimeMillis'] as const) {
    const { pool, clock } = await resting({ [limit]: 500, validationBypassMillis: Number.POSITIVE_INFINITY })
    await clock.freeze(500)
    expect(pool.tryAcquire(undefined, true)).toBeUndefined()
  }
})

const CLOSED = ['unshare 1', 'close 1', 'closed 1']

test.each<[string, Partial<ResourcePoolOptions>, (fake: FakePool) => unknown, string[]]>([
  ['nothing may stay idle', { maxIdle: 0 }, () => {}, CLOSED],
  ['it was lent as often as allowed', { maxUses: 1 }, () => {}, CLOSED],
  ['nobody has heard from it', {}, ({ far }) => Object.assign(far, { hears: false }), ['unshare 1']],
  [
    'it has to be reset',
    {},
    ({ far }) => Object.assign(far.resource(1), { condition: 'dirty' }),
    ['unshare 1', 'reset 1'],
  ],
  ['it is of no more use', {}, ({ far }) => Object.assign(far.resource(1), { condition: 'unusable' }), CLOSED],
  ['the pool has ended', {}, ({ pool }) => void pool.end(), CLOSED],
  ['it was drained meanwhile', {}, ({ pool }) => void pool.drain(), CLOSED],
])('it does not rest when %s', async (_, overrides, act, events) => {
  const fake = createFakePool({ max: 1, ...overrides })
  fake.far.hears = true
  const share = await fake.takeShare()
  act(fake)
  fake.far.events.length = 0
  share.release()
  await settled()
  expect(fake.far.events).toEqual(events)
})

test('it does not rest when it is discarded', async () => {
  const fake = await resting()
  fake.pool.tryAcquire(undefined, true)?.release(true)
  await settled()
  expect(fake.pool.stats()).toMatchObject({ total: 0, retired: { discarded: 1 } })
})

test('it does not rest while somebody waits', async () => {
  const fake = createFakePool({ max: 1 })
  fake.far.hears = true
  const share = await fake.takeShare()
  const alone = fake.call()
  share.release()
  await settled()
  expect(alone.checkout.resource.id).toBe(1)
})

test('two that rest: the older is idle as soon as the younger comes back', async () => {
  const fake = createFakePool({ max: 2 })
  fake.far.hears = true
  const [first, second] = [await fake.takeShare(), await fake.takeShare()]
  first.release()
  second.release()
  expect(fake.pool.gauges()).toMatchObject({ idle: 2, lent: 0 })
  expect(fake.pool.tryAcquire(undefined, true)?.resource.id).toBe(2)
  expect(fake.pool.tryAcquire(undefined, true)?.resource.id).toBe(1)
})

test('its observer hears that it is in nobody’s hands once per return, and may take it at once', async () => {
  const idle: number[] = []
  let takeIt = false
  const fake: FakePool = await resting({}, ({ id }) => {
    idle.push(id)
    if (takeIt) fake.pool.tryAcquire('taken by the observer', true)
    takeIt = false
  })
  fake.pool.gauges()
  expect(idle).toEqual([1])
  takeIt = true
  fake.pool.tryAcquire(undefined, true)?.release()
  expect(fake.pool.gauges()).toMatchObject({ lent: 1, idle: 0 })
  expect(idle).toEqual([1, 1])
})

test('what it proves in many short loans is remembered, and believed step by step', async () => {
  const fake = await resting()
  await fake.take()
  for (let turn = 0; turn < 64; turn += 1) {
    const share = await fake.takeShare()
    share.release()
  }
  const first = await fake.takeShare()
  const others = callShares(fake, 3)
  await settled()
  expect(servedOf(others)).toHaveLength(0)
  first.release()
  await settled()
  expect(servedOf(others)).toHaveLength(2)
})

test('what rests is closed with its generation when another of it gives no sign of life', async () => {
  const fake = createFakePool({ max: 2 })
  const { far, pool } = fake
  far.hears = true
  await fake.fill(2)
  far.gates.ping = 'slow'
  pool.wake()
  far.answer('ping', 'ok', 1)
  await settled()
  pool.tryAcquire(undefined, true)?.release()
  far.answer('ping', 'reject', 2)
  await settled()
  expect(pool.stats()).toMatchObject({ total: 0, retired: { invalid: 1, generation: 1 } })
})

test('it does not rest when it may have died while it was lent, though it was heard: nobody knows which came first', async () => {
  const fake = createFakePool()
  fake.far.hears = true
  const share = await fake.takeShare()
  fake.pool.wake()
  share.release()
  fake.call({ share: true })
  expect(fake.far.count('ping')).toBe(1)
})

test('it counts among those that may stay idle', async () => {
  const fake = createFakePool({ max: 2, maxIdle: 1 })
  fake.far.hears = true
  const [share, other] = [await fake.takeShare(), await fake.take()]
  share.release()
  other.release()
  await settled()
  expect(fake.pool.stats()).toMatchObject({ idle: 1, retired: { surplus: 1 } })
})

test('it is older than what comes back after it: closed first', async () => {
  for (const close of ['trim', 'wait'] as const) {
    const fake = createFakePool({ max: 2, idleTimeoutMillis: 100 })
    fake.far.hears = true
    const [share, other] = [await fake.takeShare(), await fake.take()]
    share.release()
    await fake.clock.advance(90)
    other.release()
    if (close === 'trim') fake.pool.trim(1)
    else await fake.clock.advance(10)
    await settled()
    expect(fake.far.events.filter((event) => event.startsWith('closed'))).toEqual(['closed 1'])
  }
})

test('two of which one comes to rest while the other is looked at are both idle', async () => {
  const fake = createFakePool({ max: 2 })
  fake.far.hears = true
  const [first, second] = [await fake.takeShare(), await fake.takeShare()]
  fake.far.beforeLocal = (call, { id }) => {
    if (call === 'inspect' && id === 1 && second.state === 'open') second.release()
  }
  first.release()
  expect(fake.pool.gauges()).toMatchObject({ idle: 2, lent: 0 })
})
