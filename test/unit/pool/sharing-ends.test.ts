import { expect, test } from 'vitest'
import type { RetireReason } from '../../../src/pool/retirement'
import { settled } from '../../support/fake-clock'
import { createFakePool, type FakePool } from '../../support/fake-pool'
import { callShares, seasonedShare, servedOf } from '../../support/fake-shares'

const NEVER = Number.POSITIVE_INFINITY

const ends: Partial<Record<RetireReason, (fake: FakePool) => unknown>> = {
  uses: () => undefined,
  lifetime: ({ clock }) => clock.stall(1000),
  generation: ({ pool }) => pool.drain(),
  broken: ({ far }) => far.lose(1),
}

test.each(Object.entries(ends))(
  'nobody joins one that must not be lent again (%s), it is closed after its last loan',
  async (reason, end) => {
    const fake = createFakePool({ max: 1, maxUses: reason === 'uses' ? 2 : NEVER, maxLifetimeMillis: 1000 })
    const { far, heard, call, takeShare } = fake
    const shares = [await takeShare(), await takeShare()]
    await end(fake)
    const next = call({ share: true })
    shares[0]?.release()
    await settled()
    expect(next.state).toBe('pending')
    expect(far.count('close')).toBe(0)
    shares[1]?.release()
    await settled()
    expect(heard).toContain(`retired 1: ${reason}`)
    expect(next.checkout.resource.id).toBe(2)
    expect(far.events.slice(0, 8).filter((it) => it.endsWith('1'))).toEqual([
      'dial 1',
      'dialled 1',
      'share 1',
      'unshare 1',
      'close 1',
      'closed 1',
    ])
  },
)

test('one that was discarded by one borrower is left to the others and closed after them', async () => {
  const { heard, pool, call, takeShare } = createFakePool({ max: 1 })
  const shares = [await takeShare(), await takeShare(), await takeShare()]
  shares[1]?.release(new Error('it broke'))
  const next = call({ share: true })
  shares[0]?.release()
  await settled()
  expect([next.state, shares[2]?.state]).toEqual(['pending', 'open'])
  shares[2]?.release()
  await settled()
  expect(heard).toContain('retired 1: discarded')
  expect(pool.stats().retired).toMatchObject({ discarded: 1 })
  expect(next.checkout.resource.id).toBe(2)
})

test('the first thing that ends a shared one is the reason, whatever follows', async () => {
  const { far, heard, takeShare } = createFakePool({ max: 1 })
  const shares = [await takeShare(), await takeShare()]
  far.lose(1)
  far.lose(1)
  for (const share of shares) share.release(true)
  await settled()
  expect(heard.at(-1)).toBe('retired 1: broken')
})

test('one that has no room when it is lost is closed after its last loan as well', async () => {
  const { far, heard, pool, takeShare } = createFakePool({ max: 2 })
  const share = await takeShare()
  far.lose(1)
  expect(pool.gauges().lent).toBe(1)
  share.release()
  await settled()
  expect(heard.at(-1)).toBe('retired 1: broken')
})

test('a late second release of a share throws, and takes no loan from anybody', async () => {
  const { pool, takeShare } = createFakePool({ max: 1 })
  const [one, two] = [await takeShare(), await takeShare()]
  one.release()
  const before = pool.stats()
  expect(() => one.release(true)).toThrow(expect.objectContaining({ code: 'POOL_DOUBLE_RELEASE' }))
  expect(pool.stats()).toEqual(before)
  two.release()
  expect(() => two.release()).toThrow(expect.objectContaining({ code: 'POOL_DOUBLE_RELEASE' }))
  expect(pool.gauges()).toMatchObject({ idle: 1, lent: 0 })
})

test('reclaiming takes back every loan of a shared one and closes it once, and late returns do no more', async () => {
  const fake = createFakePool({ max: 2 })
  const { share, blockers } = await seasonedShare(fake, 3)
  const [joined, , waiting] = callShares(fake, 3)
  await settled()
  const reclaimed = fake.pool.reclaim()
  expect(reclaimed).toHaveLength(4)
  expect(new Set(reclaimed)).toEqual(new Set([...blockers, share, ...reclaimed.slice(2)]))
  expect(fake.pool.reclaim()).toEqual([])
  expect(joined?.checkout.state).toBe('reclaimed')
  await settled()
  expect(fake.pool.stats().retired.reclaimed).toBe(2)
  expect(waiting?.checkout.resource.id).toBe(3)
  joined?.checkout.release()
  share.release()
  expect(fake.pool.stats()).toMatchObject({ lateReturns: 2, lent: 1, total: 1 })
})

test('reclaiming by label closes a shared one under all its borrowers, and leaves what nobody meant', async () => {
  const fake = createFakePool({ max: 3 })
  const { share, blockers } = await seasonedShare(fake, 2)
  const meant = fake.call({ share: true, label: 'meant' })
  await settled()
  expect(fake.pool.reclaim((label) => label === 'meant')).toEqual([share, meant.checkout])
  expect(blockers.map(({ state }) => state)).toEqual(['open', 'open'])
  expect(fake.pool.gauges()).toMatchObject({ lent: 2, closing: 1 })
})

test('when those in front are turned away, those behind them join', async () => {
  const { pool, call, takeShare } = createFakePool({ max: 1 })
  await takeShare()
  const alone = [call({ label: 'left' }), call({ label: 'left', share: true })]
  const behind = [call({ share: true }), call({ share: true })]
  pool.turnAway(
    (label) => label === 'left',
    () => new Error('the invocation is over'),
  )
  await settled()
  expect(alone.map(({ error }) => String(error))).toEqual(new Array(2).fill('Error: the invocation is over'))
  expect(behind.map(({ state }) => state)).toEqual(['served', 'served'])
})

test('the end waits for every loan of a shared one', async () => {
  const { heard, pool, takeShare } = createFakePool({ max: 1 })
  const shares = [await takeShare(), await takeShare()]
  let report: unknown
  const ended = pool.end(1000).then((it) => {
    report = it
  })
  shares[0]?.release()
  await settled()
  expect(report).toBeUndefined()
  shares[1]?.release()
  await ended
  expect(report).toEqual({ reclaimed: 0 })
  expect(heard.at(-1)).toBe('retired 1: end')
})

test('when its patience is over, the end reclaims those that are still out', async () => {
  const { clock, pool, takeShare } = createFakePool({ max: 1 })
  const shares = [await takeShare(), await takeShare(), await takeShare()]
  const ended = pool.end(1000)
  shares[1]?.release()
  await clock.advance(1000)
  await expect(ended).resolves.toEqual({ reclaimed: 2 })
  expect(shares.map(({ state }) => state)).toEqual(['reclaimed', 'released', 'reclaimed'])
  expect(clock.liveTimers).toBe(0)
})

test('trim leaves shared ones alone, and what comes back from them is idle as ever', async () => {
  const { pool, takeShare } = createFakePool({ max: 1 })
  const shares = [await takeShare(), await takeShare()]
  expect(pool.trim(0)).toBe(0)
  for (const share of shares) share.release()
  expect(pool.gauges()).toMatchObject({ idle: 1 })
  expect(pool.trim(0)).toBe(1)
})

test('drain lets the loans of a shared one be its last, and serves those who wait from new ones', async () => {
  const fake = createFakePool({ max: 2 })
  const { share, blockers } = await seasonedShare(fake, 2)
  const waiting = callShares(fake, 2)
  await settled()
  expect(servedOf(waiting)).toHaveLength(1)
  await fake.pool.drain()
  share.release()
  await settled()
  expect(servedOf(waiting)).toHaveLength(1)
  for (const checkout of blockers) checkout.release()
  await settled()
  expect(waiting[1]?.checkout.resource.id).toBe(3)
  waiting[0]?.checkout.release()
  await settled()
  expect(fake.pool.stats().retired.generation).toBe(2)
})

test('after waking nobody joins: a shared one gives a sign of life after its last loan', async () => {
  const { far, pool, call, takeShare } = createFakePool({ max: 1 })
  const share = await takeShare()
  pool.wake()
  const next = call({ share: true })
  await settled()
  expect(next.state).toBe('pending')
  expect(pool.tryAcquire(undefined, true)).toBeUndefined()
  far.gates.ping = 'slow'
  share.release()
  expect(far.events.slice(-2)).toEqual(['unshare 1', 'ping 1'])
  far.answer('ping')
  await settled()
  expect(next.checkout.resource.id).toBe(1)
})

test('whoever comes first once waking has turned somebody away does not join what is suspect either', async () => {
  const { clock, far, pool, call, takeShare } = createFakePool({ max: 1, validationBypassMillis: 60_000 })
  const share = await takeShare()
  const alone = call({ timeoutMillis: 100 })
  const next = call({ share: true })
  clock.freeze(100)
  pool.wake()
  await settled()
  expect([alone.state, next.state]).toEqual(['failed', 'pending'])
  share.release()
  await settled()
  expect(far.count('ping')).toBe(1)
  expect(next.state).toBe('served')
})

test('where signs of life are trusted always, a shared one is joined after waking as before', async () => {
  const { pool, call, takeShare } = createFakePool({ max: 1, validationBypassMillis: NEVER })
  await takeShare()
  pool.wake()
  const next = call({ share: true })
  await settled()
  expect(next.state).toBe('served')
})

test('the last share is not passed on unasked when the last sign of life is too old', async () => {
  const { clock, far, call, take, takeShare } = createFakePool({ max: 2 })
  await take()
  const share = await takeShare()
  const next = call({ share: true })
  clock.stall(1000)
  share.release()
  await settled()
  expect(far.events.slice(-4)).toEqual(['share 2', 'unshare 2', 'ping 2', 'share 2'])
  expect(next.checkout.resource.id).toBe(2)
})

test('the last share is passed on when its borrower has just heard from the far side', async () => {
  const { clock, far, call, take, takeShare } = createFakePool({ max: 2 })
  await take()
  const share = await takeShare()
  const next = call({ share: true })
  clock.stall(1000)
  share.resource.sign = clock.now()
  share.release()
  await settled()
  expect(next.checkout.resource.id).toBe(2)
  expect(far.events.at(-1)).toBe('share 2')
})

test('what the last share leaves dirty is reset before the next who shares gets it', async () => {
  const { far, call, take, takeShare } = createFakePool({ max: 2 })
  await take()
  const share = await takeShare()
  const next = call({ share: true })
  share.resource.condition = 'dirty'
  share.release()
  await settled()
  expect(far.events.slice(-4)).toEqual(['share 2', 'unshare 2', 'reset 2', 'share 2'])
  expect(next.checkout.resource.id).toBe(2)
})

test('what the last share leaves unusable is closed', async () => {
  const { pool, call, take, takeShare } = createFakePool({ max: 2 })
  await take()
  const share = await takeShare()
  const next = call({ share: true })
  share.resource.condition = 'unusable'
  share.release()
  await settled()
  expect(pool.stats().retired.busy).toBe(1)
  expect(next.checkout.resource.id).toBe(3)
})

test('what became suspect while it was asked for a sign of life is asked again before it is lent to one who waits', async () => {
  const { clock, far, pool, call, fill } = createFakePool({ max: 1 })
  await fill(1)
  clock.stall(5000)
  far.gates.ping = 'slow'
  const waiting = call()
  pool.wake()
  far.answer('ping')
  await settled()
  expect(waiting.state).toBe('pending')
  expect(far.pending('ping')).toEqual([1])
  far.answer('ping')
  await settled()
  expect(waiting.checkout.resource.id).toBe(1)
})
