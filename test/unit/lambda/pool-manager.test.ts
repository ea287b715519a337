import { AsyncResource } from 'node:async_hooks'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Invocation } from '../../../src/lambda/invocation'
import { PoolManager, poolManager } from '../../../src/lambda/pool-manager'
import {
  type CurrentInvocation,
  type Environment,
  environment,
  type LivePool,
  type Whose,
} from '../../../src/registry/environment'
import { FakeClock, settled } from '../../support/fake-clock'

/** A pool that writes down what the manager does to it. */
class RecordingPool implements LivePool {
  readonly events: string[] = []
  readonly pool = this
  readonly name = undefined
  pooling: LivePool['pooling'] = 'auto'
  min: number | undefined = 1
  held: readonly number[] = []
  lingerMillis = 1000
  isRestoring = false
  readonly isOpen = true
  woken: CurrentInvocation | undefined
  finishRestoring: () => void = () => {}
  readonly #out = new Set<CurrentInvocation>()
  readonly #listeners = new Set<() => void>()

  madeWith(): boolean {
    return false
  }

  wake(invocation: CurrentInvocation): void {
    this.woken = invocation
    this.events.push('wake')
  }

  trim(keep: number, isWorth: (leaseMillis: number) => boolean): void {
    this.events.push(`trim ${isWorth(75_000) ? keep : 0}`)
  }

  /** Work of an invocation begins. */
  work(invocation: CurrentInvocation): void {
    this.#out.add(invocation)
  }

  /** It is done. */
  finish(invocation: CurrentInvocation): void {
    this.#out.delete(invocation)
    for (const listener of this.#listeners) listener()
  }

  isBusy(whose: Whose): boolean {
    return [...this.#out].some(whose)
  }

  quiet(whose: Whose): Promise<void> {
    if (!this.isBusy(whose)) throw new Error('asked for the quiet of a pool that is quiet')
    return new Promise((resolve) => {
      this.#listeners.add(() => {
        if (!this.isBusy(whose)) resolve()
      })
    })
  }

  reclaim(whose: Whose): void {
    this.events.push('reclaim')
    for (const invocation of this.#out) if (whose(invocation)) this.#out.delete(invocation)
  }

  restored(): Promise<void> {
    return new Promise((resolve) => {
      this.finishRestoring = resolve
    })
  }

  async goodbye(): Promise<void> {
    this.events.push('goodbye')
  }

  /** What happened since it was last asked. */
  take(): string[] {
    return this.events.splice(0)
  }
}

function setUp(): { clock: FakeClock; pool: RecordingPool; within: Environment; manager: PoolManager } {
  const clock = new FakeClock()
  const pool = new RecordingPool()
  const within: Environment = { pools: new Set([pool]) }
  return { clock, pool, within, manager: new PoolManager(clock, within) }
}

/** One of Lambda's contexts. */
function request(awsRequestId: string, millis = 3000): { awsRequestId: string; getRemainingTimeInMillis(): number } {
  return { awsRequestId, getRemainingTimeInMillis: () => millis }
}

/** What a promise has come to, without waiting for it. */
function watched(promise: Promise<void> | undefined): { isDone: boolean } {
  if (promise === undefined) throw new Error('expected something to wait for')
  const state = { isDone: false }
  promise.then(() => {
    state.isDone = true
  })
  return state
}

/** What Lambda's runtime sets for a function on demand. */
function stubLambda(): void {
  vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'orders')
  vi.stubEnv('AWS_LAMBDA_RUNTIME_API', '127.0.0.1:9001')
}

beforeEach(() => {
  for (const name of [
    'AWS_LAMBDA_FUNCTION_NAME',
    'AWS_LAMBDA_RUNTIME_API',
    'AWS_LAMBDA_INITIALIZATION_TYPE',
    'AWS_LAMBDA_MAX_CONCURRENCY',
    'VERCEL',
  ]) {
    vi.stubEnv(name, undefined)
  }
})
afterEach(() => vi.unstubAllEnvs())

describe('the pool manager on Lambda', () => {
  beforeEach(stubLambda)

  it('keeps nothing after the first invocation and min after the second', () => {
    const { manager, pool } = setUp()
    manager.end(manager.begin())
    expect(pool.take()).toEqual(['wake', 'trim 0'])
    manager.end(manager.begin())
    expect(pool.take()).toEqual(['wake', 'trim 1'])
  })

  it('keeps min from the start where Lambda says that the environment stays', () => {
    vi.stubEnv('AWS_LAMBDA_INITIALIZATION_TYPE', 'provisioned-concurrency')
    const { manager, pool } = setUp()
    manager.end(manager.begin())
    expect(pool.take()).toEqual(['wake', 'trim 1'])
  })

  it('wakes the pools when it ends a quiet, however short, and not between overlapping invocations', () => {
    vi.stubEnv('AWS_LAMBDA_INITIALIZATION_TYPE', 'lambda-managed-instances')
    const { manager, pool } = setUp()
    manager.end(manager.begin())
    pool.take()
    const invocation = manager.begin()
    expect(pool.take()).toEqual(['wake'])
    expect(pool.woken).toBe(invocation)
    manager.begin()
    expect(pool.take()).toEqual([])
  })

  it('gives up keeping after gaps that all outlasted the lease, and resumes after a shorter one', () => {
    const { manager, pool, clock } = setUp()
    const keptAfter = (gapMillis: number) => {
      clock.freeze(gapMillis)
      manager.end(manager.begin())
      return pool.take().at(-1)
    }
    manager.end(manager.begin())
    expect([keptAfter(90_000), keptAfter(90_000), keptAfter(90_000)]).toEqual(['trim 1', 'trim 1', 'trim 0'])
    expect([keptAfter(90_000), keptAfter(1000)]).toEqual(['trim 0', 'trim 1'])
  })

  it('says with what lease a connection is opened, by the gaps so far', () => {
    const { manager, within, clock } = setUp()
    expect(within.leaseToDial?.(3000)).toBe(75_000)
    manager.end(manager.begin())
    clock.freeze(1000)
    manager.begin()
    expect([3000, 30_000].map((millis) => within.leaseToDial?.(millis))).toEqual([15_000, 75_000])
    vi.stubEnv('AWS_LAMBDA_INITIALIZATION_TYPE', 'lambda-managed-instances')
    expect(setUp().within.leaseToDial).toBeUndefined()
  })

  it('counts neither its init as a gap nor any gap but the last three', () => {
    const { manager, pool, clock } = setUp()
    const keptAfter = (gapMillis: number) => {
      clock.freeze(gapMillis)
      manager.end(manager.begin())
      return pool.take().at(-1)
    }
    expect([90_000, 90_000, 90_000].map(keptAfter)).toEqual(['trim 0', 'trim 1', 'trim 1'])
    expect([1000, 90_000, 90_000, 90_000].map(keptAfter)).toEqual(['trim 1', 'trim 1', 'trim 1', 'trim 0'])
  })

  it('does nothing at the end of an invocation that was given up before', () => {
    const { manager, pool } = setUp()
    const first = manager.begin(request('a'))
    manager.end(manager.begin(request('b')))
    pool.take()
    pool.isRestoring = true
    expect(manager.end(first)).toBeUndefined()
    expect(pool.take()).toEqual([])
  })

  it('waits for no rollback while others are open', () => {
    vi.stubEnv('AWS_LAMBDA_MAX_CONCURRENCY', '10')
    const { manager, pool } = setUp()
    const first = manager.begin(request('a'))
    manager.begin(request('b'))
    pool.isRestoring = true
    expect(manager.end(first)).toBeUndefined()
  })

  it('trims when the last of overlapping invocations ends', () => {
    vi.stubEnv('AWS_LAMBDA_INITIALIZATION_TYPE', 'provisioned-concurrency')
    const { manager, pool } = setUp()
    const batch = manager.begin(request('a'))
    // That of one record, which a wrapped handler of its own is called for.
    const one = manager.begin()
    pool.take()
    manager.end(one)
    expect(pool.take()).toEqual([])
    manager.end(batch)
    expect(pool.take()).toEqual(['trim 1'])
  })

  it('ends an invocation once', () => {
    const { manager, pool } = setUp()
    const invocation = manager.begin()
    manager.end(invocation)
    pool.take()
    expect(manager.end(invocation)).toBeUndefined()
    expect(pool.take()).toEqual([])
  })

  it('waits for a rollback that is owed, then trims what it brought back', async () => {
    const { manager, pool } = setUp()
    pool.isRestoring = true
    const ended = manager.end(manager.begin())
    expect(pool.take()).toEqual(['wake', 'trim 0'])
    pool.finishRestoring()
    await ended
    expect(pool.take()).toEqual(['trim 0'])
  })

  it('leaves to the next invocation what a late rollback brings back', async () => {
    const { manager, pool } = setUp()
    pool.isRestoring = true
    const ended = manager.end(manager.begin())
    manager.begin()
    pool.take()
    pool.finishRestoring()
    await ended
    expect(pool.take()).toEqual([])
  })

  it('does not hold up an answer past the deadline for a rollback', async () => {
    const { manager, pool, clock } = setUp()
    pool.isRestoring = true
    const end = watched(manager.end(manager.begin(request('a', 350))))
    await clock.advance(299)
    expect(end.isDone).toBe(false)
    await clock.advance(1)
    await settled()
    expect(end.isDone).toBe(true)
    expect(clock.liveTimers).toBe(0)
  })

  it('works on pools that were made after it', () => {
    const { manager, within } = setUp()
    const late = new RecordingPool()
    within.pools.add(late)
    manager.end(manager.begin())
    expect(late.take()).toEqual(['wake', 'trim 0'])
  })

  it('gives up an invocation that never ended when the next one begins, without waiting for its work', () => {
    const { manager, pool } = setUp()
    const suspended = manager.begin(request('a'))
    pool.work(suspended)
    pool.take()
    const next = manager.begin(request('b'))
    expect(pool.take()).toEqual(['reclaim', 'wake'])
    expect(suspended.isAnswered).toBe(true)
    expect(manager.end(suspended)).toBeUndefined()
    expect(pool.take()).toEqual([])
    manager.end(next)
    expect(pool.take()).toEqual(['trim 1'])
  })

  it.each([
    ['of the same request', request('a'), request('a')],
    ['without a request of their own', undefined, undefined],
    ['without one, of a handler that has one', request('a'), undefined],
  ])('lets invocations overlap that a batch handler begins %s', (_kind, one, other) => {
    const { manager, pool } = setUp()
    const first = manager.begin(one)
    pool.work(first)
    pool.take()
    manager.begin(other)
    expect(pool.take()).toEqual([])
    expect(first.isAnswered).toBe(false)
  })

  it('attributes what is asked at module scope to the open invocation, else to the next; during init to none', () => {
    const { manager, within } = setUp()
    expect(within.currentInvocation?.()).toBeUndefined()
    const first = manager.begin()
    expect(within.currentInvocation?.()).toBe(first)
    manager.end(first)
    const next = within.currentInvocation?.()
    expect(next).toBeDefined()
    expect(next).not.toBe(first)
    expect(manager.begin()).toBe(next)
  })
})

describe('the pool manager elsewhere', () => {
  it.each<[string, Record<string, string>]>([
    ['in any process', {}],
    ['where only the function has a name', { AWS_LAMBDA_FUNCTION_NAME: 'f' }],
    ['on Vercel', { AWS_LAMBDA_FUNCTION_NAME: 'f', AWS_LAMBDA_RUNTIME_API: 'api', VERCEL: '1' }],
    [
      'on Managed Instances',
      {
        AWS_LAMBDA_FUNCTION_NAME: 'f',
        AWS_LAMBDA_RUNTIME_API: 'api',
        AWS_LAMBDA_INITIALIZATION_TYPE: 'lambda-managed-instances',
      },
    ],
  ])('keeps what is idle %s', (_where, variables) => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
    const { manager, pool } = setUp()
    manager.end(manager.begin())
    manager.end(manager.begin())
    expect(pool.take()).toEqual(['wake', 'wake'])
  })

  it.each<[string, Record<string, string>]>([
    ['in any process', {}],
    ['where only the function has a name', { AWS_LAMBDA_FUNCTION_NAME: 'f' }],
    ['on Vercel', { AWS_LAMBDA_FUNCTION_NAME: 'f', AWS_LAMBDA_RUNTIME_API: 'api', VERCEL: '1' }],
    [
      'on Managed Instances',
      {
        AWS_LAMBDA_FUNCTION_NAME: 'f',
        AWS_LAMBDA_RUNTIME_API: 'api',
        AWS_LAMBDA_INITIALIZATION_TYPE: 'lambda-managed-instances',
      },
    ],
    [
      'where Lambda says how many may overlap',
      { AWS_LAMBDA_FUNCTION_NAME: 'f', AWS_LAMBDA_RUNTIME_API: 'api', AWS_LAMBDA_MAX_CONCURRENCY: '4' },
    ],
  ])('lets invocations overlap %s, and gives up only those past their deadline', async (_where, variables) => {
    for (const [name, value] of Object.entries(variables)) vi.stubEnv(name, value)
    const { manager, pool, clock } = setUp()
    const first = manager.begin(request('a'))
    pool.work(first)
    pool.take()
    clock.freeze(2999)
    const second = manager.begin(request('b'))
    expect(pool.take()).toEqual([])
    clock.freeze(1)
    manager.begin(request('c'))
    expect(pool.take()).toEqual(['reclaim'])
    expect([first.isAnswered, second.isAnswered]).toEqual([true, false])
  })

  it('is outside where nothing was asked inside of an invocation', () => {
    const { manager, within } = setUp()
    expect(within.currentInvocation?.()).toBeUndefined()
    manager.begin()
    expect(within.currentInvocation?.()).toBeUndefined()
  })
})

describe('an invocation', () => {
  it('bounds what is acquired inside of it by its deadline, on either clock', () => {
    const { manager, within, clock } = setUp()
    const invocation = manager.begin(request('a'))
    const remaining = () => manager.run(invocation, () => within.currentInvocation?.()?.remainingMillis())
    expect(remaining()).toBe(3000)
    clock.freeze(1000)
    expect([remaining(), invocation.budgetMillis]).toEqual([2000, 3000])
    clock.freeze(5000)
    expect(remaining()).toBe(0)
  })

  it('bounds nothing where the context tells no time', () => {
    const { manager } = setUp()
    for (const context of [undefined, null, {}]) {
      const invocation = manager.begin(context)
      expect([invocation.remainingMillis(), invocation.budgetMillis]).toEqual([Infinity, Infinity])
    }
  })

  it('owns what is asked in its context while it is open, whatever else began since', () => {
    const { manager, within } = setUp()
    const first = manager.begin()
    const inFirst = manager.run(first, () => AsyncResource.bind(() => within.currentInvocation?.()))
    manager.begin()
    expect(inFirst()).toBe(first)
  })

  it('that is over leaves what is asked in its context to the open one that began last', () => {
    const { manager, within } = setUp()
    const first = manager.begin()
    const inFirst = manager.run(first, () => AsyncResource.bind(() => within.currentInvocation?.()))
    const second = manager.begin()
    const third = manager.begin()
    manager.end(first)
    expect(inFirst()).toBe(third)
    manager.end(third)
    expect(inFirst()).toBe(second)
  })

  it('that is over leaves what is asked between two calls to the next, whose deadline is not known yet', () => {
    const { manager, within, pool } = setUp()
    const first = manager.begin(request('a'))
    const inFirst = manager.run(first, () => AsyncResource.bind(() => within.currentInvocation?.()))
    manager.end(first)
    const next = inFirst()
    expect([next?.remainingMillis(), next?.budgetMillis, next?.isAnswered]).toEqual([Infinity, Infinity, false])
    expect(inFirst()).toBe(next)
    if (next !== undefined) pool.work(next)
    const second = manager.begin(request('b', 2000))
    expect(second).toBe(next)
    expect([next?.remainingMillis(), next?.budgetMillis]).toEqual([2000, 2000])
    expect(inFirst()).toBe(second)
    pool.lingerMillis = 0
    pool.take()
    manager.end(second)
    expect(pool.take()).toEqual(['reclaim'])
    expect(inFirst()).not.toBe(second)
  })

  it('that was left has nothing cut off, and owns nothing more', () => {
    const { manager, within, pool } = setUp()
    const first = manager.begin(request('a'))
    const inFirst = manager.run(first, () => AsyncResource.bind(() => within.currentInvocation?.()))
    pool.work(first)
    pool.take()
    manager.leave(first)
    expect(pool.take()).not.toContain('reclaim')
    expect(inFirst()).toBeUndefined()
    const second = manager.begin(request('b'))
    expect(inFirst()).toBeUndefined()
    manager.end(second)
    manager.leave(first)
    expect(pool.take()).not.toContain('reclaim')
  })

  it('that has not begun owns what is asked in its context, and is no inside', () => {
    const { manager, within } = setUp()
    const first = manager.begin()
    manager.end(first)
    const next = manager.run(first, () => within.currentInvocation?.())
    if (next === undefined) throw new Error('expected the next one')
    expect(manager.run(next as Invocation, () => [within.currentInvocation?.(), manager.inside()])).toEqual([
      next,
      undefined,
    ])
    manager.begin()
    expect(manager.run(next as Invocation, () => manager.inside())).toBe(next)
    expect(manager.run(first, () => manager.inside())).toBe(undefined)
  })
})

describe('the end of an invocation', () => {
  it('waits for work that was not awaited, and cuts off nothing', async () => {
    const { manager, pool, clock } = setUp()
    const invocation = manager.begin(request('a'))
    pool.work(invocation)
    const end = watched(manager.end(invocation))
    await clock.advance(900)
    expect([end.isDone, invocation.isAnswered]).toEqual([false, true])
    pool.finish(invocation)
    await manager.end(invocation)
    expect(end.isDone).toBe(true)
    expect(pool.take()).toEqual(['wake'])
    expect(clock.liveTimers).toBe(0)
  })

  it('waits without asking again before something happens', async () => {
    const { manager, pool } = setUp()
    const invocation = manager.begin(request('a'))
    pool.work(invocation)
    const asked = vi.spyOn(pool, 'quiet')
    const end = watched(manager.end(invocation))
    for (let turn = 0; turn < 5; turn += 1) await settled()
    expect(asked).toHaveBeenCalledTimes(1)
    pool.finish(invocation)
    for (let turn = 0; turn < 3; turn += 1) await settled()
    expect(end.isDone).toBe(true)
  })

  it('keeps the process alive while it waits', () => {
    const { manager, pool, clock } = setUp()
    const invocation = manager.begin()
    pool.work(invocation)
    void manager.end(invocation)
    expect(clock.keepsProcess).toBe(true)
  })

  it.each([
    ['no longer than the pool lingers', 3000, 1000],
    ['never past the deadline', 800, 750],
  ])('waits %s, then cuts off', async (_bound, budget, expected) => {
    const { manager, pool, clock } = setUp()
    const invocation = manager.begin(request('a', budget))
    pool.work(invocation)
    const end = watched(manager.end(invocation))
    pool.take()
    await clock.advance(expected - 1)
    expect([end.isDone, pool.take()]).toEqual([false, []])
    await clock.advance(1)
    await manager.end(invocation)
    expect([end.isDone, pool.take()]).toEqual([true, ['reclaim']])
  })

  it.each([
    ['of a pool that does not linger', 3000, 0],
    ['shortly before the deadline', 50, 1000],
  ])('cuts off at once the work %s', (_kind, budget, lingerMillis) => {
    const { manager, pool } = setUp()
    pool.lingerMillis = lingerMillis
    const invocation = manager.begin(request('a', budget))
    pool.work(invocation)
    expect(manager.end(invocation)).toBeUndefined()
    expect(pool.take()).toEqual(['wake', 'reclaim'])
  })

  it('waits for each pool as long as that one lingers', async () => {
    const { manager, pool, within, clock } = setUp()
    const other = new RecordingPool()
    within.pools.add(other)
    other.lingerMillis = 100
    const invocation = manager.begin(request('a'))
    for (const each of [pool, other]) each.work(invocation)
    const end = watched(manager.end(invocation))
    await clock.advance(200)
    expect(end.isDone).toBe(false)
    pool.finish(invocation)
    await manager.end(invocation)
    expect([pool.take(), other.take()]).toEqual([['wake'], ['wake', 'reclaim']])
  })

  it('waits for what follows from the work, within the same bound', async () => {
    const { manager, pool, within, clock } = setUp()
    const other = new RecordingPool()
    within.pools.add(other)
    const invocation = manager.begin(request('a'))
    pool.work(invocation)
    const end = watched(manager.end(invocation))
    await clock.advance(600)
    pool.finish(invocation)
    for (let tick = 0; tick < 20; tick += 1) await undefined
    other.work(invocation)
    await settled()
    await clock.advance(399)
    expect(end.isDone).toBe(false)
    await clock.advance(1)
    await manager.end(invocation)
    expect([pool.take(), other.take()]).toEqual([['wake'], ['wake', 'reclaim']])
  })

  it('owns what is asked while it waits', async () => {
    const { manager, pool, within } = setUp()
    const invocation = manager.begin()
    pool.work(invocation)
    const end = manager.end(invocation)
    expect(manager.run(invocation, () => within.currentInvocation?.())).toBe(invocation)
    pool.finish(invocation)
    await end
    expect(manager.run(invocation, () => within.currentInvocation?.())).not.toBe(invocation)
  })

  it('leaves alone the work of others that are open', () => {
    const { manager, pool } = setUp()
    const first = manager.begin()
    const second = manager.begin()
    pool.work(second)
    pool.take()
    expect(manager.end(first)).toBeUndefined()
    expect(pool.take()).toEqual([])
  })

  it('cuts off its work also while others are open', async () => {
    const { manager, pool, clock } = setUp()
    const first = manager.begin()
    manager.begin()
    pool.work(first)
    pool.take()
    const end = manager.end(first)
    await clock.advance(1000)
    await end
    expect(pool.take()).toEqual(['reclaim'])
  })

  it('is hurried by the begin of the next one where invocations run one at a time', async () => {
    stubLambda()
    const { manager, pool, clock } = setUp()
    const first = manager.begin(request('a'))
    pool.work(first)
    const end = watched(manager.end(first))
    pool.take()
    manager.begin(request('b'))
    expect(pool.take()).toEqual(['reclaim', 'wake'])
    await manager.end(first)
    expect([end.isDone, clock.liveTimers, pool.take()]).toEqual([true, 0, []])
  })

  it('waits on where another one begins that may overlap', async () => {
    const { manager, pool } = setUp()
    const first = manager.begin(request('a'))
    pool.work(first)
    const end = watched(manager.end(first))
    pool.take()
    const second = manager.begin(request('b'))
    await settled()
    expect([end.isDone, pool.take()]).toEqual([false, []])
    pool.finish(first)
    await manager.end(first)
    expect([end.isDone, second.isAnswered, pool.take()]).toEqual([true, false, []])
  })

  it('is one, however often it is asked for', async () => {
    const { manager, pool } = setUp()
    const invocation = manager.begin()
    pool.work(invocation)
    const end = manager.end(invocation)
    expect(manager.end(invocation)).toBe(end)
    pool.finish(invocation)
    await end
    expect(pool.take()).toEqual(['wake'])
  })

  it('waits for the rollback of what it cut off', async () => {
    stubLambda()
    const { manager, pool, clock } = setUp()
    const invocation = manager.begin()
    pool.work(invocation)
    const end = watched(manager.end(invocation))
    pool.isRestoring = true
    await clock.advance(1000)
    await settled()
    expect([end.isDone, pool.take()]).toEqual([false, ['wake', 'reclaim', 'trim 0']])
    pool.finishRestoring()
    await manager.end(invocation)
    expect(pool.take()).toEqual(['trim 0'])
  })
})

describe('poolManager', () => {
  it('is one per environment', () => {
    expect(poolManager()).toBe(poolManager())
    expect(environment().manager).toBe(poolManager())
  })
})
