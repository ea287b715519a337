import { expect, test } from 'vitest'
import { PoolError, PoolOptionError } from '../../../src/pool/errors'
import { ResourcePool } from '../../../src/pool/resource-pool'
import { RETIRE_REASONS } from '../../../src/pool/slot'
import { settled } from '../../support/fake-clock'
import { createFakePool, poolOptions } from '../../support/fake-pool'
import { FakeConnector } from '../../support/fake-resource'

test('a new pool has nothing, and dials nothing', () => {
  const { far, pool } = createFakePool({ max: 7 })
  expect(pool.stats()).toEqual({
    max: 7,
    total: 0,
    idle: 0,
    lent: 0,
    dialing: 0,
    validating: 0,
    returning: 0,
    closing: 0,
    waiting: 0,
    generation: 0,
    acquires: 0,
    useMillis: 0,
    maxUseMillis: 0,
    waits: 0,
    waitMillis: 0,
    maxWaitMillis: 0,
    acquireTimeouts: 0,
    acquireRefusals: 0,
    dials: 0,
    dialFailures: 0,
    dialMillis: 0,
    maxDialMillis: 0,
    pings: 0,
    resets: 0,
    forcedCloses: 0,
    lateReturns: 0,
    faults: 0,
    retired: Object.fromEntries(RETIRE_REASONS.map((reason) => [reason, 0])),
  })
  expect(far.events).toEqual([])
})

test('a snapshot is of its moment', async () => {
  const { pool, fill } = createFakePool()
  const before = pool.stats()
  await fill(1)
  pool.trim(0)
  expect(before).toMatchObject({ total: 0, acquires: 0 })
  expect(before.retired.trim).toBe(0)
})

test('the gauges add up while everything is under way', async () => {
  const { clock, far, pool, call, take } = createFakePool({ max: 6 })
  const held = await Promise.all([take(), take(), take(), take(), take()])
  clock.stall(2000)
  far.gates.ping = 'never'
  far.gates.reset = 'never'
  far.gates.close = 'never'
  far.gates.dial = 'never'
  held[0]?.release()
  held[1]?.release()
  for (const checkout of held.slice(2, 3)) checkout.resource.condition = 'dirty'
  held[2]?.release()
  held[3]?.release(true)
  for (let caller = 0; caller < 5; caller += 1) call({ timeoutMillis: 60_000 })
  expect(pool.gauges()).toEqual({
    max: 6,
    total: 6,
    idle: 0,
    lent: 1,
    dialing: 1,
    validating: 2,
    returning: 1,
    closing: 1,
    waiting: 5,
  })
})

test('a pool needs no observer', async () => {
  const far = new FakeConnector()
  const pool = new ResourcePool(far, poolOptions({}))
  const checkout = await pool.acquire()
  pool.reclaim()
  checkout.release()
  far.throwing.add('inspect')
  const other = await pool.acquire()
  other.release()
  await settled()
  const last = await pool.acquire()
  far.throwing.clear()
  last.release()
  far.lose(last.resource.id)
  await pool.end()
  expect(pool.stats()).toMatchObject({ lateReturns: 1, faults: 1 })
})

test('an option that is refused names itself', () => {
  const error = new PoolOptionError('max', 'Expected `max` to be a positive integer, got `0` (number)')
  expect(error).toBeInstanceOf(PoolError)
  expect(error).toMatchObject({ name: 'PoolOptionError', code: 'POOL_OPTION_INVALID', option: 'max' })
})

test('how many wait and how many are lent can be asked for without the rest', async () => {
  const { pool, call, take } = createFakePool({ max: 1 })
  await take()
  call()
  expect([pool.waiting, pool.lent]).toEqual([1, 1])
})
