import { expect, test } from 'vitest'
import { settled } from '../../support/fake-clock'
import { createFakePool } from '../../support/fake-pool'
import { callShares, seasonedShare, servedOf } from '../../support/fake-shares'

test('at max 1 all who share use the one resource at once, which counts as one that is lent', async () => {
  const fake = createFakePool({ max: 1 })
  const calls = callShares(fake, 10)
  await settled()
  expect(calls.map(({ checkout }) => checkout.resource.id)).toEqual(new Array(10).fill(1))
  expect(new Set(calls.map(({ checkout }) => checkout)).size).toBe(10)
  expect(fake.pool.stats()).toMatchObject({ lent: 1, total: 1, waiting: 0, acquires: 10, joins: 9, dials: 1 })
})

test('whoever tries to join without waiting gets a share of its own, with its label', async () => {
  const { pool, takeShare } = createFakePool({ max: 1 })
  expect(pool.tryAcquire('early', true)).toBeUndefined()
  const first = await takeShare()
  const tried = pool.tryAcquire('tried', true)
  expect(tried).toMatchObject({ label: 'tried', resource: first.resource, state: 'open' })
  expect(pool.tryAcquire('alone')).toBeUndefined()
})

test('what is lent alone is joined by nobody', async () => {
  const { pool, call, take } = createFakePool({ max: 1 })
  const alone = await take()
  const sharing = call({ share: true })
  expect(pool.tryAcquire(undefined, true)).toBeUndefined()
  await settled()
  expect(sharing.state).toBe('pending')
  alone.release()
  await settled()
  expect(sharing.checkout.resource.id).toBe(1)
})

test('an idle resource is taken first, however much room the shared ones have', async () => {
  const fake = createFakePool({ max: 2 })
  const { blockers } = await seasonedShare(fake, 3)
  for (const checkout of blockers) checkout.release()
  const { joins } = fake.pool.stats()
  expect((await fake.takeShare()).resource.id).toBe(1)
  expect(fake.pool.stats().joins).toBe(joins)
  expect((await fake.takeShare()).resource.id).toBe(2)
  expect(fake.pool.stats().joins).toBe(joins + 1)
})

test('while a slot is left to open, whoever shares is dialled for like any other', async () => {
  const fake = createFakePool({ max: 3 })
  const { blockers } = await seasonedShare(fake, 3)
  for (const checkout of blockers) checkout.release(true)
  await settled()
  const { joins } = fake.pool.stats()
  fake.far.gates.dial = 'slow'
  const call = fake.call({ share: true })
  expect(fake.pool.tryAcquire(undefined, true)).toBeUndefined()
  await settled()
  expect(call.state).toBe('pending')
  fake.far.answer('dial')
  await settled()
  expect(call.checkout.resource.id).toBe(4)
  expect(fake.pool.stats().joins).toBe(joins)
})

test('once the last slot is opened, those who wait join as far as there is room, without waiting for their dials', async () => {
  const fake = createFakePool({ max: 3 })
  const { blockers } = await seasonedShare(fake, 2)
  for (const checkout of blockers) checkout.release(true)
  await settled()
  fake.far.gates.dial = 'slow'
  const [first, second] = callShares(fake, 2)
  await settled()
  expect(first?.checkout.resource.id).toBe(3)
  expect(second?.state).toBe('pending')
  expect(fake.pool.stats()).toMatchObject({ dialing: 2, waiting: 1, joins: 1 })
})

test.each([1, 2, 3, 4])('a resource takes one loan, and one more for every four that came back: %i', async (room) => {
  const fake = createFakePool({ max: 2 })
  await seasonedShare(fake, room)
  const calls = callShares(fake, 6)
  await settled()
  expect(servedOf(calls)).toHaveLength(room - 1)
  expect(fake.pool.gauges()).toMatchObject({ lent: 2, waiting: 7 - room })
})

test('what it proved before it was idle is believed again step by step, from the first return on', async () => {
  const fake = createFakePool({ max: 2 })
  const { share } = await seasonedShare(fake, 17)
  share.release()
  const again = await fake.takeShare()
  const calls = callShares(fake, 4)
  await settled()
  expect(servedOf(calls)).toHaveLength(0)
  again.release()
  await settled()
  expect(servedOf(calls)).toHaveLength(2)
  calls[0]?.checkout.release()
  await settled()
  expect(servedOf(calls)).toHaveLength(4)
})

test('whoever makes the step lets two in at once', async () => {
  const fake = createFakePool({ max: 2 })
  await fake.take()
  let share = await fake.takeShare()
  const calls = callShares(fake, 6)
  for (const turn of [1, 2, 3, 5]) {
    share.release()
    await settled()
    expect(servedOf(calls)).toHaveLength(turn)
    share = servedOf(calls).at(-1)?.checkout ?? share
  }
})

test('the room outlives the loans as long as one follows the other, and ends with the last', async () => {
  const fake = createFakePool({ max: 2 })
  const { share } = await seasonedShare(fake, 2)
  expect(fake.far.events.filter((it) => it.endsWith('share 2'))).toEqual(['share 2'])
  share.release()
  const again = callShares(fake, 2)
  await settled()
  expect(fake.far.events.filter((it) => it.endsWith('share 2'))).toEqual(['share 2', 'unshare 2', 'share 2'])
  expect(servedOf(again)).toHaveLength(1)
})

test('a share that is passed on is a join only if others are using the resource at that time', async () => {
  const fake = createFakePool({ max: 2 })
  const { share } = await seasonedShare(fake, 2)
  expect(fake.pool.stats().joins).toBe(0)
  const [, waiting] = callShares(fake, 2)
  expect(fake.pool.stats().joins).toBe(1)
  share.release()
  await settled()
  expect(waiting?.state).toBe('served')
  expect(fake.pool.stats().joins).toBe(2)
})

test('shared resources are joined in turn', async () => {
  const fake = createFakePool({ max: 3 })
  const calls = callShares(fake, 60)
  const openOf = (id: number) => {
    const open = servedOf(calls).map(({ checkout }) => checkout)
    return open.filter(({ state, resource }) => state === 'open' && resource.id === id)
  }
  for (let turn = 0; fake.pool.gauges().waiting > 0; turn += 1) {
    await settled()
    openOf(1 + (turn % 3))[0]?.release()
  }
  await settled()
  for (const id of [1, 2, 3]) for (const share of openOf(id).slice(1)) share.release()
  const joined = callShares(fake, 6)
  await settled()
  const ids = joined.map(({ checkout }) => checkout.resource.id)
  expect([...ids].sort()).toEqual([1, 1, 2, 2, 3, 3])
  expect(ids.slice(3)).toEqual(ids.slice(0, 3))
})

test.each(Array.from({ length: 11 }, (_, place) => place))(
  'while others serve, nobody is behind a slow one: of eleven at max 4 the one in place %i',
  async (place) => {
    const fake = createFakePool({ max: 4 })
    const calls = callShares(fake, 11)
    const slow = calls[place]
    const quick = calls.filter((it) => it !== slow)
    for (let round = 0; round < 11; round += 1) {
      await settled()
      const busy = slow?.state === 'served' ? slow.checkout.resource : undefined
      const open = servedOf(quick).filter(({ checkout }) => checkout.state === 'open')
      for (const { checkout } of open) expect(checkout.resource).not.toBe(busy)
      for (const { checkout } of open) checkout.release()
    }
    expect(servedOf(quick)).toHaveLength(10)
    expect(slow?.checkout.state).toBe('open')
  },
)

test('one who does not share stops the joining, is served next, and nobody overtakes', async () => {
  const fake = createFakePool({ max: 1 })
  const { heard, pool, call, takeShare } = fake
  const shares = [await takeShare(), await takeShare()]
  heard.length = 0
  const alone = call({}, 'alone')
  call({ share: true }, 'third')
  call({ share: true }, 'fourth')
  const last = call({}, 'last')
  expect(pool.tryAcquire(undefined, true)).toBeUndefined()
  shares[0]?.release()
  await settled()
  expect(alone.state).toBe('pending')
  shares[1]?.release()
  await settled()
  expect(heard.filter((it) => it.includes('got'))).toEqual(['alone got 1'])
  alone.checkout.release()
  await settled()
  expect(heard.filter((it) => it.includes('got'))).toEqual(['alone got 1', 'third got 1', 'fourth got 1'])
  expect(last.state).toBe('pending')
})

test.each(['by its signal', 'by the clock'])(
  'when one who does not share gives up %s, those behind it join',
  async (how) => {
    const { clock, call, takeShare } = createFakePool({ max: 1 })
    await takeShare()
    const abort = new AbortController()
    const alone = call({ timeoutMillis: 100, signal: abort.signal })
    const behind = [call({ share: true }), call({ share: true })]
    if (how === 'by its signal') abort.abort()
    else await clock.advance(100)
    await settled()
    expect(alone.state).toBe('failed')
    expect(behind.map(({ state }) => state)).toEqual(['served', 'served'])
  },
)

test.each([5000, Number.POSITIVE_INFINITY])(
  'while dialling backs off, whoever shares joins instead of waiting or failing, with %d ms to wait',
  async (timeoutMillis) => {
    const fake = createFakePool({ max: 4 })
    const { share, blockers } = await seasonedShare(fake, 5)
    for (const checkout of blockers) checkout.release(true)
    await settled()
    const { joins } = fake.pool.stats()
    fake.far.gates.dial = 'reject'
    const first = fake.call({ share: true, timeoutMillis })
    await settled()
    expect(first.checkout.resource).toBe(share.resource)
    expect(fake.pool.tryAcquire(undefined, true)?.resource).toBe(share.resource)
    expect(fake.pool.stats()).toMatchObject({ dials: 5, dialFailures: 1, joins: joins + 2 })
  },
)

test('once the pause is over, one who shares sends out a probe and joins without waiting for it', async () => {
  const fake = createFakePool({ max: 4 })
  const { share, blockers } = await seasonedShare(fake, 5)
  for (const checkout of blockers) checkout.release(true)
  await settled()
  fake.far.gates.dial = 'reject'
  fake.call({ share: true })
  await settled()
  fake.clock.stall(5000)
  fake.far.gates.dial = 'slow'
  expect((await fake.takeShare()).resource).toBe(share.resource)
  expect((await fake.takeShare()).resource).toBe(share.resource)
  expect(fake.pool.stats()).toMatchObject({ dials: 6, dialing: 1 })
  fake.far.answer('dial')
  await settled()
  expect((await fake.takeShare()).resource.id).toBe(6)
})

test('whoever waits for a sign of life joins instead where there is room', async () => {
  const fake = createFakePool({ max: 2 })
  const { share, blockers } = await seasonedShare(fake, 2)
  for (const checkout of blockers) checkout.release()
  fake.clock.stall(5000)
  fake.far.gates.ping = 'never'
  expect((await fake.takeShare()).resource).toBe(share.resource)
  expect(fake.pool.gauges()).toMatchObject({ validating: 1, lent: 1 })
})
