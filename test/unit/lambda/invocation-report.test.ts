import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { InvocationReport } from '../../../src/lambda/invocation-report'
import { PoolManager } from '../../../src/lambda/pool-manager'
import type { Environment, LivePool, PoolCounts } from '../../../src/registry/environment'
import { FakeClock, settled } from '../../support/fake-clock'

const NOTHING: PoolCounts = {
  idle: 0,
  acquires: 0,
  useMillis: 0,
  waits: 0,
  waitMillis: 0,
  acquireTimeouts: 0,
  dials: 0,
  dialFailures: 0,
  dialMillis: 0,
  pings: 0,
  resets: 0,
  unfinished: 0,
  retired: { trim: 0, invalid: 0 },
}

/** A pool that counts what it is told to, and does nothing. */
class CountingPool implements LivePool {
  readonly pool = this
  readonly pooling = 'always'
  readonly min = 1
  readonly held = []
  readonly lingerMillis = 0
  readonly isOpen = true
  isRestoring = false
  now = NOTHING
  finishRestoring = () => {}

  constructor(readonly name: string) {}

  count(some: Partial<PoolCounts>): void {
    this.now = { ...this.now, ...some }
  }
  counts = () => this.now
  madeWith = () => false
  wake = () => this.count({ pings: this.now.pings + 1 })
  trim = () => this.count({ retired: { ...this.now.retired, trim: 1 }, idle: 1 })
  isBusy = () => false
  quiet = async () => {}
  reclaim = () => {}
  restored = () =>
    new Promise<void>((resolve) => {
      this.finishRestoring = resolve
    })
  goodbye = async () => {}
}

let reports: InvocationReport[]
const hear = (report: unknown) => void reports.push(report as InvocationReport)

beforeEach(() => {
  reports = []
  subscribe('pg-thaw:invocation', hear)
  vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'orders')
  vi.stubEnv('AWS_LAMBDA_RUNTIME_API', '127.0.0.1:9001')
})
afterEach(() => {
  unsubscribe('pg-thaw:invocation', hear)
  vi.unstubAllEnvs()
})

function setUp(): { clock: FakeClock; pool: CountingPool; within: Environment; manager: PoolManager } {
  const clock = new FakeClock()
  const pool = new CountingPool('orders')
  const within: Environment = { pools: new Set([pool]) }
  return { clock, pool, within, manager: new PoolManager(clock, within) }
}

const request = (awsRequestId: string) => ({ awsRequestId, getRemainingTimeInMillis: () => 3000 })

it('an invocation that is over is told with what its pools did meanwhile, from the ping before it to what was closed after it', () => {
  const { clock, pool, manager } = setUp()
  pool.count({ acquires: 5, pings: 3 })
  manager.end(manager.begin(request('a')))
  clock.freeze(60_000)
  const invocation = manager.begin(request('b'))
  pool.count({ acquires: 7, waits: 1, waitMillis: 12, retired: { trim: 1, invalid: 2 } })
  manager.end(invocation)
  expect(reports).toMatchObject([
    { requestId: 'a', isCold: true, gapMillis: 0, pools: [{ acquires: 0, pings: 1, idle: 1, retired: { trim: 1 } }] },
    {
      requestId: 'b',
      isCold: false,
      gapMillis: 60_000,
      isShared: false,
      millis: expect.any(Number),
      pools: [
        { name: 'orders', acquires: 2, waits: 1, waitMillis: 12, pings: 1, idle: 1, retired: { trim: 0, invalid: 2 } },
      ],
    },
  ])
})

it('a pool that was made meanwhile counts from nothing, and one of an older copy is left out', () => {
  const { within, manager } = setUp()
  const old = Object.assign(new CountingPool('old'), { counts: undefined }) as unknown as LivePool
  within.pools.add(old)
  const invocation = manager.begin(request('a'))
  const made = new CountingPool('made')
  made.count({ acquires: 4 })
  within.pools.add(made)
  manager.end(invocation)
  const [report] = reports
  expect(report?.pools.map(({ name, acquires }) => [name, acquires])).toEqual([
    ['orders', 0],
    ['made', 4],
  ])
})

it('what overlaps is told of as shared', () => {
  const { manager } = setUp()
  vi.stubEnv('AWS_LAMBDA_MAX_CONCURRENCY', '10')
  const overlapping = new PoolManager(new FakeClock(), { pools: new Set([new CountingPool('shared')]) })
  const first = overlapping.begin(request('a'))
  const second = overlapping.begin(request('b'))
  overlapping.end(second)
  overlapping.end(first)
  expect(reports.map(({ requestId, isShared, gapMillis }) => ({ requestId, isShared, gapMillis }))).toEqual([
    { requestId: 'b', isShared: true, gapMillis: 0 },
    { requestId: 'a', isShared: true, gapMillis: 0 },
  ])
  manager.end(manager.begin())
})

it('one that was left for good is told of when the next begins', () => {
  const { manager } = setUp()
  manager.begin(request('left'))
  const next = manager.begin(request('next'))
  expect(reports.map(({ requestId }) => requestId)).toEqual(['left'])
  manager.end(next)
  expect(reports.map(({ requestId }) => requestId)).toEqual(['left', 'next'])
})

it('one whose end waits for a rollback is told of after it', async () => {
  const { pool, manager } = setUp()
  pool.isRestoring = true
  manager.end(manager.begin(request('a')))
  expect(reports).toEqual([])
  pool.count({ resets: 1 })
  pool.finishRestoring()
  await settled()
  expect(reports).toMatchObject([{ requestId: 'a', pools: [{ resets: 1 }] }])
})

it('what began before anybody listened is not told of', () => {
  const { manager } = setUp()
  unsubscribe('pg-thaw:invocation', hear)
  const invocation = manager.begin(request('a'))
  subscribe('pg-thaw:invocation', hear)
  manager.end(invocation)
  expect(reports).toEqual([])
})

it('a thaw is told of with its gap, and the begin of an environment is none', () => {
  const gaps: number[] = []
  const thawed = (event: unknown) => void gaps.push((event as { gapMillis: number }).gapMillis)
  subscribe('pg-thaw:thaw', thawed)
  const { clock, manager } = setUp()
  manager.end(manager.begin())
  clock.freeze(5000)
  manager.end(manager.begin())
  unsubscribe('pg-thaw:thaw', thawed)
  expect(gaps).toEqual([5000])
})
