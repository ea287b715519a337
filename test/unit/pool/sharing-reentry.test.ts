import { expect, test } from 'vitest'
import type { Checkout } from '../../../src/pool/checkout'
import type { PoolObserver } from '../../../src/pool/observer'
import { settled } from '../../support/fake-clock'
import { createFakePool, type FakePool } from '../../support/fake-pool'
import type { FakeResource, LocalCall } from '../../support/fake-resource'
import { callShares, servedOf } from '../../support/fake-shares'

type Event = 'acquired' | 'released'

/** A pool that calls back, once it is armed, from within the next such event. */
const setUp = (event: Event, max: number): { fake: FakePool; arm(callBack: (fake: FakePool) => void): void } => {
  let armed: (() => void) | undefined
  const observer: PoolObserver<FakeResource> = {
    [event]: () => {
      const callBack = armed
      armed = undefined
      callBack?.()
    },
  }
  const fake = createFakePool({ max }, observer)
  return {
    fake,
    arm: (callBack) => {
      armed = () => callBack(fake)
    },
  }
}

/** Everything is returned, and one more caller is served: the pool has lost nothing. */
const expectSound = async (fake: FakePool): Promise<void> => {
  await settled()
  expect(fake.pool.gauges()).toMatchObject({ lent: 0, waiting: 0, closing: 0, dialing: 0 })
  const { max } = fake.pool.gauges()
  const all = Array.from({ length: max }, () => fake.call({ timeoutMillis: 1000 }))
  await settled()
  expect(new Set(all.map(({ checkout }) => checkout.resource.id)).size).toBe(max)
  for (const { checkout } of all) checkout.release()
  await fake.pool.end()
  expect(fake.far.open).toBe(0)
}

test.each([1, 2])('a share can be released from within the release of another, at max %i', async (max) => {
  const { fake, arm } = setUp('released', max)
  for (let blocker = 1; blocker < max; blocker += 1) await fake.take()
  const share = await fake.takeShare()
  const calls = callShares(fake, 3)
  await settled()
  for (let turn = 0; turn < 3; turn += 1) {
    const [other] = servedOf(calls).filter(({ checkout }) => checkout.state === 'open')
    arm(() => other?.checkout.release())
    if (share.state === 'open') share.release()
    else other?.checkout.release()
    await settled()
  }
  expect(servedOf(calls)).toHaveLength(3)
  for (const { checkout } of servedOf(calls)) if (checkout.state === 'open') checkout.release()
  fake.pool.reclaim()
  await expectSound(fake)
})

test('a share can be released from within the join of another', async () => {
  const { fake, arm } = setUp('acquired', 1)
  const share = await fake.takeShare()
  arm(() => share.release())
  const joined = await fake.takeShare()
  expect(share.state).toBe('released')
  expect(fake.pool.gauges()).toMatchObject({ lent: 1, idle: 0 })
  joined.release()
  expect(fake.far.count('unshare')).toBe(1)
  await expectSound(fake)
})

test('reclaiming from within the return of a share takes the others, and the one on its way is returned', async () => {
  const { fake, arm } = setUp('released', 1)
  const [one, two] = [await fake.takeShare(), await fake.takeShare()]
  let reclaimed: unknown
  arm(({ pool }) => {
    reclaimed = pool.reclaim()
  })
  one.release()
  expect(reclaimed).toEqual([two])
  expect([one.state, two.state]).toEqual(['released', 'reclaimed'])
  expect(fake.pool.gauges()).toMatchObject({ closing: 1, lent: 0 })
  await expectSound(fake)
  expect(fake.pool.stats().retired.reclaimed).toBe(1)
})

test('reclaiming from within the return of the last share takes nothing', async () => {
  const { fake, arm } = setUp('released', 1)
  const share = await fake.takeShare()
  arm(({ pool }) => expect(pool.reclaim()).toEqual([]))
  share.release()
  expect(fake.pool.gauges()).toMatchObject({ idle: 1 })
  await expectSound(fake)
  expect(fake.pool.stats().faults).toBe(0)
})

test('reclaiming from within the passing on of a share takes it, and nobody is lent what is being closed', async () => {
  const { fake, arm } = setUp('acquired', 2)
  const blocker = await fake.take()
  const share = await fake.takeShare()
  const calls = callShares(fake, 2)
  arm(({ pool }) => pool.reclaim())
  share.release()
  expect(fake.pool.gauges()).toMatchObject({ closing: 2, lent: 0, waiting: 1 })
  await settled()
  expect(blocker.state).toBe('reclaimed')
  expect(calls[0]?.checkout.state).toBe('reclaimed')
  expect(calls[1]?.checkout.resource.id).toBe(3)
  calls[1]?.checkout.release()
  await expectSound(fake)
})

test.each(['acquired', 'released'] as const)(
  'ending the pool from within %s of a share ends it cleanly',
  async (event) => {
    const { fake, arm } = setUp(event, 2)
    await fake.take()
    const share = await fake.takeShare()
    const calls = callShares(fake, 2)
    let ended: Promise<unknown> | undefined
    arm(({ pool }) => {
      ended = pool.end(100)
    })
    share.release()
    await fake.clock.advance(100)
    await expect(ended).resolves.toEqual({ reclaimed: event === 'acquired' ? 2 : 1 })
    expect(calls.map(({ state }) => state)).toEqual([event === 'acquired' ? 'served' : 'failed', 'failed'])
    expect(fake.far.open).toBe(0)
    expect(fake.clock.liveTimers).toBe(0)
  },
)

test('the hooks are called before the first loan and after the last, and never while one is out', async () => {
  const fake = createFakePool({ max: 1 })
  const { far, heard, takeShare } = fake
  far.beforeLocal = (call, { id }) => {
    if (call === 'share' || call === 'unshare') heard.push(`${call} ${id}`)
  }
  const shares = [await takeShare(), await takeShare()]
  shares[0]?.release()
  shares.push(await takeShare())
  for (const share of shares.slice(1)) share.release()
  ;(await fake.take()).release()
  ;(await takeShare()).release()
  expect(heard).toEqual([
    'dialled 1',
    'share 1',
    'acquired 1',
    'acquired 1',
    'released 1',
    'acquired 1',
    'released 1',
    'released 1',
    'unshare 1',
    'acquired 1',
    'released 1',
    'share 1',
    'acquired 1',
    'released 1',
    'unshare 1',
  ])
})

test('a connector that knows no sharing shares without its hooks', async () => {
  const { far, pool, takeShare } = createFakePool({ max: 1 })
  Object.defineProperty(far, 'share', { value: undefined })
  Object.defineProperty(far, 'unshare', { value: undefined })
  const shares = [await takeShare(), await takeShare()]
  for (const share of shares) share.release()
  expect(pool.stats()).toMatchObject({ idle: 1, joins: 1, faults: 0 })
})

test.each(['share', 'unshare'] as const)('when %s throws, those who wait are still served', async (hook) => {
  const fake = createFakePool({ max: 1 })
  fake.far.throwing.add(hook)
  const [alone, ...calls] = [fake.call(), ...callShares(fake, 2), fake.call()]
  await settled()
  alone?.checkout.release()
  await settled()
  expect(calls.map(({ state }) => state)).toEqual(['served', 'served', 'pending'])
  for (const { checkout } of servedOf(calls)) checkout.release()
  await settled()
  calls[2]?.checkout.release()
  expect(fake.pool.stats()).toMatchObject({ idle: 1, faults: 1 })
  expect(fake.heard).toContain(`fault: ${hook} threw`)
})

test('one that is lost within share is closed after its loan, one that is lost within unshare at once', async () => {
  for (const hook of ['share', 'unshare']) {
    const { far, heard, pool, takeShare } = createFakePool({ max: 1 })
    far.beforeLocal = (call, { lost }) => {
      if (call === hook) lost(new Error('write after end'))
    }
    const share = await takeShare()
    expect(pool.gauges()).toMatchObject({ lent: 1, closing: 0 })
    share.release()
    expect(pool.gauges()).toMatchObject({ lent: 0, closing: 1 })
    await settled()
    expect(heard.at(-1)).toBe('retired 1: broken')
    expect(pool.gauges()).toMatchObject({ total: 0 })
  }
})

test.each<LocalCall>(['inspect', 'lastSign'])(
  'whoever comes from within %s of what was about to rest joins it, and it does not rest',
  async (hook) => {
    const fake = createFakePool({ max: 1 })
    fake.far.hears = true
    const share = await fake.takeShare()
    let joined: Checkout<FakeResource> | undefined
    fake.far.beforeLocal = (call) => {
      if (call === hook) joined ??= fake.pool.tryAcquire(undefined, true)
    }
    share.release()
    expect(joined).toMatchObject({ state: 'open', resource: { id: 1 } })
    expect(fake.pool.gauges()).toMatchObject({ lent: 1, idle: 0 })
    joined?.release()
    expect(fake.pool.gauges()).toMatchObject({ lent: 0, idle: 1 })
    await expectSound(fake)
  },
)

test.each<LocalCall>(['unshare', 'inspect'])(
  'whoever comes from within %s waits for the resource instead of joining what nobody holds',
  async (hook) => {
    const fake = createFakePool({ max: 1 })
    const share = await fake.takeShare()
    const calls: ReturnType<typeof callShares> = []
    fake.far.beforeLocal = (call) => {
      if (call !== hook || calls.length > 0) return
      expect(fake.pool.tryAcquire(undefined, true)).toBeUndefined()
      calls.push(...callShares(fake, 2))
    }
    share.release()
    await settled()
    fake.far.beforeLocal = undefined
    expect(fake.far.events.slice(2)).toEqual(['share 1', 'unshare 1', 'share 1'])
    for (const { checkout } of calls) checkout.release()
    expect(fake.pool.stats()).toMatchObject({ acquires: 3, faults: 0 })
    await expectSound(fake)
  },
)
