import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Checkout } from '../../src/pool/checkout'
import type { Condition } from '../../src/pool/connector'
import type { ResourcePoolOptions } from '../../src/pool/options'
import { settled } from '../support/fake-clock'
import { type Call, createFakePool, type FakePool } from '../support/fake-pool'
import type { FakeResource, Gate, LocalCall, Operation } from '../support/fake-resource'

const SEED = 20_260_101
const NEVER = Number.POSITIVE_INFINITY

/** A pool, everybody who uses it, and what must hold whatever they do. */
class World {
  readonly fake: FakePool
  readonly calls: { readonly call: Call; readonly abort: AbortController; readonly limited: boolean }[] = []
  readonly #tried: Checkout<FakeResource>[] = []
  readonly #served: number[] = []
  readonly #broken: string[] = []
  #failuresAtLastDial = 0

  constructor(options: Partial<ResourcePoolOptions>) {
    this.fake = createFakePool(options, {
      dialled: () => {
        this.#failuresAtLastDial = this.fake.pool.stats().dialFailures
      },
    })
    this.fake.far.before = (operation) => {
      const { dialing, validating, returning, waiting } = this.fake.pool.gauges()
      if (operation !== 'dial' || dialing + validating + returning <= waiting) return
      this.#broken.push(`dialled though ${dialing + validating + returning} are under way for ${waiting}`)
    }
  }

  acquire(timeoutMillis: number): void {
    const abort = new AbortController()
    const index = this.calls.length
    const call = this.fake.call({ timeoutMillis, signal: abort.signal, label: index })
    void call.done.then(() => {
      if (call.state === 'served') this.#served.push(index)
    })
    this.calls.push({ call, abort, limited: timeoutMillis !== NEVER })
  }

  tryAcquire(): void {
    const checkout = this.fake.pool.tryAcquire()
    if (checkout !== undefined) this.#tried.push(checkout)
  }

  /** Loans that are out, as far as their borrowers know. */
  get open(): Checkout<FakeResource>[] {
    const served = this.calls.flatMap(({ call }) => (call.state === 'served' ? [call.checkout] : []))
    return [...served, ...this.#tried].filter(({ state }) => state !== 'released')
  }

  release(which: number, condition: Condition, discard: boolean, signed: boolean): void {
    const { open } = this
    const checkout = open[which % open.length]
    if (checkout === undefined) return
    checkout.resource.condition = condition
    if (signed) checkout.resource.sign = this.fake.clock.now()
    checkout.release(discard)
  }

  lose(which: number): void {
    const { resources } = this.fake.far
    if (resources.length > 0) this.fake.far.lose(1 + (which % resources.length))
  }

  abort(which: number): void {
    const pending = this.calls.filter(({ call }) => call.state === 'pending')
    pending[which % pending.length]?.abort.abort()
  }

  answer(operation: Operation, how: 'ok' | 'reject'): void {
    if (this.fake.far.pending(operation).length > 0) this.fake.far.answer(operation, how)
  }

  /** What holds between any two atomic sections. */
  check(): void {
    const { far, pool, clock } = this.fake
    const stats = pool.stats()
    const { max, total, idle, lent, dialing, validating, returning, closing, waiting } = stats
    expect(this.#broken).toEqual([])
    expect(idle + lent + dialing + validating + returning + closing, 'the gauges add up').toBe(total)
    expect(total).toBeLessThanOrEqual(max)
    expect(far.mostOpen, 'most open at the far side').toBeLessThanOrEqual(max)
    const underWay = dialing + validating + returning
    if (waiting > 0 && idle > 0)
      expect(validating, 'nobody waits while a fit one is idle').toBeGreaterThanOrEqual(waiting)
    if (waiting > underWay && total < max) {
      expect(stats.dialFailures, 'only a pause lets one wait while a slot is free').toBeGreaterThan(
        this.#failuresAtLastDial,
      )
      expect(dialing > 0 || clock.liveTimers > 0, 'a pause ends').toBe(true)
    }
    expect(clock.liveTimers).toBeLessThanOrEqual(1)
    if (underWay > validating || closing > 0) expect(clock.keepsProcess).toBe(true)
  }

  /** What holds once every promise callback has run. */
  checkSettled(): void {
    this.check()
    const { pool, clock } = this.fake
    const pending = this.calls.filter(({ call }) => call.state === 'pending')
    expect(pending.length, 'each call settles when it leaves the queue').toBe(pool.gauges().waiting)
    expect(this.open.filter(({ state }) => state === 'open').length).toBe(pool.gauges().lent)
    expect(this.#served, 'served in arrival order').toEqual(this.#served.toSorted((a, b) => a - b))
    if (pending.some(({ limited }) => limited)) expect(clock.keepsProcess).toBe(true)
  }

  /** Ends the pool: nothing may be left. */
  async end(): Promise<void> {
    const { far, pool, clock } = this.fake
    const ended = pool.end(1000)
    await clock.advance(5000)
    await ended
    for (const checkout of this.open) checkout.release()
    expect(pool.gauges()).toMatchObject({ total: 0, waiting: 0 })
    expect(far.open).toBe(0)
    expect(clock.liveTimers).toBe(0)
    for (const operation of ['dial', 'ping', 'reset', 'close'] as const) far.answerAll(operation)
    await settled()
    expect(far.open, 'what comes too late is destroyed').toBe(0)
    expect(this.calls.filter(({ call }) => call.state === 'pending')).toEqual([])
    expect(pool.stats().lateReturns).toBeLessThanOrEqual(pool.stats().retired.reclaimed)
  }
}

class Action {
  readonly #text: string
  readonly run: (world: World) => unknown
  readonly settles: boolean

  constructor(text: string, run: (world: World) => unknown, settles: boolean) {
    this.#text = text
    this.run = run
    this.settles = settles
  }

  [fc.toStringMethod](): string {
    return this.settles ? `${this.#text}, and all that follows` : this.#text
  }
}

const which = fc.nat({ max: 1000 })
const operation = fc.constantFrom<Operation[]>('dial', 'ping', 'reset', 'close')
const gate = fc.constantFrom<Gate[]>('ok', 'ok', 'ok', 'sync', 'reject', 'throw', 'slow', 'slow', 'never')
const condition = fc.constantFrom<Condition[]>('clean', 'clean', 'dirty', 'unusable')
const localCall = fc.constantFrom<LocalCall[]>('classify', 'inspect', 'lastSign', 'destroy')

type Draft = [text: string, run: (world: World) => unknown]

const draft: fc.Arbitrary<Draft> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc
      .constantFrom(0, 50, 500, 500, 5000, NEVER)
      .map((millis): Draft => [`acquire within ${millis}`, (world) => world.acquire(millis)]),
  },
  { weight: 2, arbitrary: fc.constant<Draft>(['try', (world) => world.tryAcquire()]) },
  {
    weight: 14,
    arbitrary: fc
      .tuple(which, condition, fc.nat({ max: 5 }), fc.boolean())
      .map(
        ([n, how, discard, signed]): Draft => [
          `release ${n} ${how}${discard === 0 ? ' to be discarded' : ''}${signed ? ' with a sign of life' : ''}`,
          (world) => world.release(n, how, discard === 0, signed),
        ],
      ),
  },
  { weight: 3, arbitrary: which.map((n): Draft => [`lose ${n}`, (world) => world.lose(n)]) },
  { weight: 5, arbitrary: which.map((n): Draft => [`abort ${n}`, (world) => world.abort(n)]) },
  {
    weight: 8,
    arbitrary: fc.nat({ max: 1200 }).map((ms): Draft => [`advance ${ms}`, (world) => world.fake.clock.advance(ms)]),
  },
  {
    weight: 3,
    arbitrary: fc.nat({ max: 1200 }).map((ms): Draft => [`stall ${ms}`, (world) => world.fake.clock.stall(ms)]),
  },
  {
    weight: 3,
    arbitrary: fc.nat({ max: 60_000 }).map((ms): Draft => [`freeze ${ms}`, (world) => world.fake.clock.freeze(ms)]),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: -3_600_000, max: 3_600_000 }).map((ms): Draft => {
      return [`step the wall clock by ${ms}`, ({ fake: { clock } }) => clock.setWall(clock.now().wall + ms)]
    }),
  },
  { weight: 3, arbitrary: fc.constant<Draft>(['wake', (world) => world.fake.pool.wake()]) },
  { weight: 3, arbitrary: fc.nat({ max: 3 }).map((n): Draft => [`trim to ${n}`, (world) => world.fake.pool.trim(n)]) },
  { weight: 1, arbitrary: fc.constant<Draft>(['drain', (world) => void world.fake.pool.drain()]) },
  { weight: 1, arbitrary: fc.constant<Draft>(['reclaim', (world) => void world.fake.pool.reclaim()]) },
  {
    weight: 8,
    arbitrary: fc.tuple(operation, gate).map(([on, how]): Draft => {
      const run = ({ fake: { far } }: World) => {
        far.gates[on] = how
      }
      return [`${on} is ${how}`, run]
    }),
  },
  {
    weight: 10,
    arbitrary: fc
      .tuple(operation, fc.constantFrom('ok' as const, 'ok' as const, 'reject' as const))
      .map(([on, how]): Draft => [`answer ${on} with ${how}`, (world) => world.answer(on, how)]),
  },
  {
    weight: 1,
    arbitrary: localCall.map((call): Draft => [`${call} throws`, (world) => world.fake.far.throwing.add(call)]),
  },
  { weight: 2, arbitrary: fc.constant<Draft>(['nothing throws', (world) => world.fake.far.throwing.clear()]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('permanent' as const, 'transient' as const).map((kind): Draft => {
      const run = ({ fake: { far } }: World) => {
        far.failure = kind
      }
      return [`failures are ${kind}`, run]
    }),
  },
)

const action = fc.tuple(draft, fc.boolean()).map(([[text, run], settles]) => new Action(text, run, settles))

const options = fc.record({
  max: fc.integer({ min: 1, max: 4 }),
  min: fc.nat({ max: 2 }),
  maxIdle: fc.constantFrom(0, 1, 100, 100),
  maxUses: fc.constantFrom(1, 3, NEVER, NEVER),
  idleTimeoutMillis: fc.constantFrom(700, 5000, NEVER),
  leaseMillis: fc.constantFrom(3000, NEVER),
  maxLifetimeMillis: fc.constantFrom(4000, NEVER),
  validationBypassMillis: fc.constantFrom(0, 500, NEVER),
})

/** Runs the actions one after the other; what must hold is looked at after each. */
async function live(world: World, actions: readonly Action[]): Promise<void> {
  for (const { run, settles } of actions) {
    await run(world)
    world.check()
    if (!settles) continue
    await settled()
    world.checkSettled()
  }
}

test('B4: whatever 10,000 random actions do, nothing is lost, nothing drifts, and the pool ends clean', async () => {
  await fc.assert(
    fc.asyncProperty(options, fc.array(action, { minLength: 200, maxLength: 200 }), async (chosen, actions) => {
      const world = new World(chosen)
      await live(world, actions)
      await world.end()
    }),
    { seed: SEED, numRuns: 50 },
  )
})

test('B4: after a storm of random actions, a far side that is well again serves everybody', async () => {
  await fc.assert(
    fc.asyncProperty(options, fc.array(action, { minLength: 20, maxLength: 60 }), async (chosen, actions) => {
      const world = new World(chosen)
      await live(world, actions)
      const { far, pool, clock } = world.fake
      Object.assign(far.gates, { dial: 'ok', ping: 'ok', reset: 'ok', close: 'ok' })
      far.throwing.clear()
      for (let round = 0; round <= world.calls.length; round += 1) {
        for (const checkout of world.open) checkout.release()
        await clock.advance(round === 0 ? 3000 : 0)
        world.checkSettled()
      }
      expect(pool.gauges()).toMatchObject({ waiting: 0, lent: 0 })
      const calls = Array.from({ length: chosen.max }, () => world.fake.call({ timeoutMillis: 1000 }))
      await clock.advance(1000)
      const served = calls.map(({ checkout }) => checkout)
      expect(pool.gauges()).toMatchObject({ lent: chosen.max, total: chosen.max })
      for (const checkout of served) checkout.release()
      await world.end()
    }),
    { seed: SEED, numRuns: 100 },
  )
})
