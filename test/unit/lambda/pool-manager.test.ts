import { AsyncResource } from 'node:async_hooks'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { PoolManager, poolManager } from '../../../src/lambda/pool-manager'
import { type CurrentInvocation, type Environment, environment, type LivePool } from '../../../src/registry/environment'
import { FakeClock } from '../../support/fake-clock'

/** A pool that writes down what the manager does to it. */
class RecordingPool implements LivePool {
  readonly events: string[] = []
  readonly pool = this
  readonly name = undefined
  pooling: LivePool['pooling'] = 'auto'
  min = 1
  leaseMillis = 75_000
  isRestoring = false
  readonly isOpen = true
  finishRestoring: () => void = () => {}

  madeWith(): boolean {
    return false
  }

  wake(): void {
    this.events.push('wake')
  }

  trim(keep: number): void {
    this.events.push(`trim ${keep}`)
  }

  reclaim(_isOver?: (invocation: CurrentInvocation) => boolean): void {
    this.events.push('reclaim')
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

afterEach(() => vi.unstubAllEnvs())

describe('the pool manager', () => {
  it('keeps nothing after the first invocation and min after the second', () => {
    const { manager, pool } = setUp()
    manager.end(manager.begin())
    expect(pool.take()).toEqual(['wake', 'reclaim', 'trim 0'])
    manager.end(manager.begin())
    expect(pool.take()).toEqual(['wake', 'reclaim', 'trim 1'])
  })

  it('keeps min from the start where Lambda says that the environment stays', () => {
    vi.stubEnv('AWS_LAMBDA_INITIALIZATION_TYPE', 'provisioned-concurrency')
    const { manager, pool } = setUp()
    manager.end(manager.begin())
    expect(pool.take()).toEqual(['wake', 'reclaim', 'trim 1'])
  })

  it('wakes the pools when it ends a quiet, however short, and not between overlapping invocations', () => {
    const { manager, pool } = setUp()
    manager.end(manager.begin())
    pool.take()
    manager.begin()
    expect(pool.take()).toEqual(['wake'])
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

  it('acts when the last of overlapping invocations ends', () => {
    const { manager, pool } = setUp()
    const first = manager.begin()
    const second = manager.begin()
    pool.take()
    manager.end(first)
    expect(pool.take()).toEqual([])
    manager.end(second)
    expect(pool.take()).toEqual(['reclaim', 'trim 1'])
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
    expect(pool.take()).toEqual(['wake', 'reclaim', 'trim 0'])
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

  it('works on pools that were made after it', () => {
    const { manager, within } = setUp()
    const late = new RecordingPool()
    within.pools.add(late)
    manager.end(manager.begin())
    expect(late.take()).toEqual(['wake', 'reclaim', 'trim 0'])
  })

  it('bounds what is acquired inside an invocation by its deadline, on either clock', () => {
    const { manager, within, clock } = setUp()
    const invocation = manager.begin({ getRemainingTimeInMillis: () => 3000 })
    const remaining = () => manager.run(invocation, () => within.currentInvocation?.()?.remainingMillis())
    expect(remaining()).toBe(3000)
    clock.freeze(1000)
    expect(remaining()).toBe(2000)
    clock.freeze(5000)
    expect(remaining()).toBe(0)
  })

  it('bounds nothing outside an invocation, or where the context tells no time', () => {
    const { manager, within } = setUp()
    expect(within.currentInvocation?.()).toBeUndefined()
    const invocation = manager.begin({})
    expect(manager.run(invocation, () => within.currentInvocation?.()?.remainingMillis())).toBe(
      Number.POSITIVE_INFINITY,
    )
    expect(new Set([manager.begin()]).size).toBe(1)
  })

  it('closes, on Lambda, an invocation that never ended when the next one begins', () => {
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'orders')
    const { manager, pool } = setUp()
    const suspended = manager.begin()
    pool.take()
    const next = manager.begin()
    expect(pool.take()).toEqual(['reclaim', 'wake'])
    expect(manager.end(suspended)).toBeUndefined()
    expect(pool.take()).toEqual([])
    manager.end(next)
    expect(pool.take()).toEqual(['reclaim', 'trim 1'])
  })

  it('elsewhere closes only one whose time is over', () => {
    const { manager, pool, clock } = setUp()
    manager.begin({ getRemainingTimeInMillis: () => 3000 })
    const endless = manager.begin()
    pool.take()
    clock.freeze(2950)
    const third = manager.begin()
    manager.end(endless)
    manager.end(third)
    expect(pool.take()).toEqual([])
    clock.freeze(50)
    manager.end(manager.begin())
    expect(pool.take()).toEqual(['reclaim', 'wake', 'reclaim', 'trim 1'])
  })

  it('tells pools which invocations are over', () => {
    const { manager, pool } = setUp()
    let isOver: (invocation: CurrentInvocation) => boolean = () => false
    pool.reclaim = (over) => {
      isOver = over ?? isOver
    }
    const first = manager.begin()
    manager.end(first)
    const second = manager.begin()
    expect([isOver(first), isOver(second)]).toEqual([true, false])
  })

  it('attributes what a socket calls back in the context of an earlier invocation to the only open one', () => {
    const { manager, within } = setUp()
    const first = manager.begin()
    const inContextOfFirst = manager.run(first, () => AsyncResource.bind(() => within.currentInvocation?.()))
    expect(inContextOfFirst()).toBe(first)
    manager.end(first)
    expect(inContextOfFirst()).toBeUndefined()
    const second = manager.begin()
    expect(inContextOfFirst()).toBe(second)
    manager.begin()
    expect(inContextOfFirst()).toBeUndefined()
  })

  it('does not hold up an answer past the deadline for a rollback', async () => {
    const { manager, pool, clock } = setUp()
    pool.isRestoring = true
    let answered = false
    const ended = manager.end(manager.begin({ getRemainingTimeInMillis: () => 350 }))?.then(() => {
      answered = true
    })
    await clock.advance(299)
    expect(answered).toBe(false)
    await clock.advance(1)
    await ended
    expect(answered).toBe(true)
  })

  it('is one per environment', () => {
    expect(poolManager()).toBe(poolManager())
    expect(environment().manager).toBe(poolManager())
  })
})
