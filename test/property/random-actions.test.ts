import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Condition } from '../../src/pool/connector'
import { settled } from '../support/fake-clock'
import type { Gate, LocalCall, Operation } from '../support/fake-resource'
import { World } from './world'

const SEED = 20_260_101
const NEVER = Number.POSITIVE_INFINITY

/** What follows an action: nothing, a look at the pool, or all that it leads to as well. */
type Follow = 'unseen' | 'looked at' | 'settled'

class Action {
  readonly #text: string
  readonly run: (world: World) => unknown
  readonly follow: Follow

  constructor(text: string, run: (world: World) => unknown, follow: Follow) {
    this.#text = text
    this.run = run
    this.follow = follow
  }

  [fc.toStringMethod](): string {
    return `${this.#text}, ${this.follow}`
  }
}

const which = fc.nat({ max: 1000 })
const operation = fc.constantFrom<Operation[]>('dial', 'ping', 'reset', 'close')
const gate = fc.constantFrom<Gate[]>('ok', 'ok', 'ok', 'sync', 'reject', 'throw', 'slow', 'slow', 'never')
const condition = fc.constantFrom<Condition[]>('clean', 'clean', 'dirty', 'unusable')
const localCall = fc.constantFrom<LocalCall[]>('classify', 'leaseMillis', 'inspect', 'lastAnswer', 'destroy')

type Draft = [text: string, run: (world: World) => unknown]

const draft: fc.Arbitrary<Draft> = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.constantFrom(0, 50, 500, 500, 5000, NEVER).map((millis): Draft => {
      return [`acquire within ${millis}`, (world) => world.acquire(millis)]
    }),
  },
  { weight: 2, arbitrary: fc.constant<Draft>(['try', (world) => world.tryAcquire()]) },
  { weight: 3, arbitrary: which.map((n): Draft => [`reuse ${n}`, (world) => world.reuse(n)]) },
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
  {
    weight: 5,
    arbitrary: fc
      .tuple(which, fc.boolean())
      .map(([n, told]): Draft => [`turn ${n} away${told ? '' : ' unsettled'}`, (world) => world.turnAway(n, told)]),
  },
  {
    weight: 8,
    arbitrary: fc.nat({ max: 1200 }).map((ms): Draft => [`advance ${ms}`, (world) => world.advance(ms)]),
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
  { weight: 3, arbitrary: fc.constant<Draft>(['wake', (world) => world.wake()]) },
  { weight: 3, arbitrary: fc.nat({ max: 3 }).map((n): Draft => [`trim to ${n}`, (world) => world.fake.pool.trim(n)]) },
  { weight: 1, arbitrary: fc.constant<Draft>(['drain', (world) => world.drain()]) },
  { weight: 1, arbitrary: fc.constant<Draft>(['reclaim', (world) => world.reclaim()]) },
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

const follow = fc.constantFrom<Follow[]>('unseen', 'unseen', 'looked at', 'settled', 'settled')
const action = fc.tuple(draft, follow).map(([[text, run], then]) => new Action(text, run, then))

const options = fc.record({
  max: fc.integer({ min: 1, max: 4 }),
  min: fc.nat({ max: 2 }),
  maxIdle: fc.constantFrom(0, 1, 100, 100),
  maxUses: fc.constantFrom(1, 3, NEVER, NEVER),
  idleTimeoutMillis: fc.constantFrom(700, 5000, NEVER),
  leaseMillis: fc.constantFrom(3000, NEVER),
  maxLifetimeMillis: fc.constantFrom(4000, NEVER),
  validationBypassMillis: fc.constantFrom(0, 500, NEVER),
  dialTimeoutMillis: fc.constantFrom(1000, 10_000),
  hears: fc.boolean(),
})

/** Runs the actions one after the other; what must hold is looked at after most. */
async function live(world: World, actions: readonly Action[]): Promise<void> {
  for (const { run, follow } of actions) {
    await run(world)
    if (follow === 'unseen') continue
    world.check()
    if (follow === 'looked at') continue
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
      const { far, pool } = world.fake
      Object.assign(far.gates, { dial: 'ok', ping: 'ok', reset: 'ok', close: 'ok' })
      far.throwing.clear()
      for (let round = 0; round <= world.calls.length; round += 1) {
        for (const checkout of world.open) checkout.release()
        await world.advance(round === 0 ? 21_000 : 0)
        world.checkSettled()
      }
      expect(pool.gauges()).toMatchObject({ waiting: 0, lent: 0 })
      for (let caller = 0; caller < chosen.max; caller += 1) world.acquire(1000)
      await world.advance(1000)
      const served = world.calls.slice(-chosen.max).map(({ call }) => call.checkout)
      expect(pool.gauges()).toMatchObject({ lent: chosen.max, total: chosen.max })
      for (const checkout of served) checkout.release()
      await world.end()
    }),
    { seed: SEED, numRuns: 100 },
  )
})

test('B4: after a storm of random actions, the end serves who asked before it, as far as its patience goes, and leaves nothing', async () => {
  const patience = fc.constantFrom(0, 300, 3000, NEVER)
  await fc.assert(
    fc.asyncProperty(
      options,
      fc.array(action, { minLength: 20, maxLength: 60 }),
      fc.array(action, { minLength: 5, maxLength: 20 }),
      patience,
      async (chosen, before, after, patienceMillis) => {
        const world = new World(chosen)
        await live(world, before)
        world.startEnd(patienceMillis)
        await live(world, after)
        await world.finishEnd()
      },
    ),
    { seed: SEED, numRuns: 200 },
  )
})
