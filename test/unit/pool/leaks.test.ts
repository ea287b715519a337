import { expect, test } from 'vitest'
import { settled } from '../../support/fake-clock'
import { createFakePool } from '../../support/fake-pool'

test('H1: what is reclaimed is handed out once, with the label it was acquired with', async () => {
  const { pool, call } = createFakePool()
  const label = new Error('acquired here')
  const leaked = call({ label })
  const other = call({ label: 'other' })
  await settled()
  other.checkout.release()
  expect(pool.reclaim()).toEqual([leaked.checkout])
  expect(pool.reclaim()).toEqual([])
  expect(leaked.checkout.label).toBe(label)
})

test('H1: the label is the caller’s own, whether it was served at once, waited or only tried', async () => {
  const { pool, call, fill, take } = createFakePool({ max: 1 })
  await fill(1)
  const tried = pool.tryAcquire('tried')
  expect(tried?.label).toBe('tried')
  const waiting = call({ label: 'waited' })
  tried?.release()
  await settled()
  expect(waiting.checkout.label).toBe('waited')
  waiting.checkout.release()
  expect((await take()).label).toBeUndefined()
})

test('H1: a late return is reported once with its checkout, and a second one throws', async () => {
  const late: unknown[] = []
  const { pool, take } = createFakePool({}, { returnedLate: (checkout) => late.push(checkout) })
  const checkout = await take()
  pool.reclaim()
  checkout.release()
  expect(late).toEqual([checkout])
  expect(() => checkout.release()).toThrow(expect.objectContaining({ code: 'POOL_DOUBLE_RELEASE' }))
  expect(pool.stats().lateReturns).toBe(1)
})

test('H2: what is still out is closed by reclaim, and its slot serves the next', async () => {
  const { far, heard, pool, call, take } = createFakePool({ max: 1 })
  await take()
  const next = call()
  pool.reclaim()
  expect(far.count('close')).toBe(1)
  await settled()
  expect(next.checkout.resource.id).toBe(2)
  expect(heard).toContain('retired 1: reclaimed')
})

test('H2: what comes back while it is being reclaimed is returned, not leaked', async () => {
  const seen: unknown[] = []
  const { pool, take } = createFakePool({}, { released: () => seen.push(...pool.reclaim()) })
  const checkout = await take()
  checkout.release()
  await settled()
  expect(seen).toEqual([])
  expect(checkout.state).toBe('released')
  expect(pool.stats()).toMatchObject({ idle: 1, lent: 0 })
})

test('H2: what the closing of one reclaimed gives back by itself is returned, not leaked', async () => {
  const { far, pool, take } = createFakePool({ max: 2 })
  const [one, two] = [await take(), await take()]
  far.before = (operation, { id }) => {
    if (operation === 'close' && id === 1) two.release()
  }
  expect(pool.reclaim()).toEqual([one])
  await settled()
  expect(pool.gauges()).toMatchObject({ idle: 1, total: 1 })
})

test('H3: nothing is captured when no label is given', async () => {
  const { take } = createFakePool()
  const before = Error.prepareStackTrace
  let captured = 0
  Error.prepareStackTrace = (error) => {
    captured += 1
    return String(error)
  }
  try {
    const checkout = await take()
    expect(checkout.label).toBeUndefined()
    checkout.release()
  } finally {
    Error.prepareStackTrace = before
  }
  expect(captured).toBe(0)
})

test('H2: only those are reclaimed whose labels are meant', async () => {
  const { far, pool, call } = createFakePool()
  const [meant, other] = [call({ label: 'meant' }), call({ label: 'other' })]
  await settled()
  expect(pool.reclaim((label) => label === 'meant')).toEqual([meant.checkout])
  expect(far.count('close'), 'the closing is under way').toBe(1)
  expect(other.checkout.state).toBe('open')
  expect(pool.stats()).toMatchObject({ lent: 1, retired: { reclaimed: 1 } })
})
