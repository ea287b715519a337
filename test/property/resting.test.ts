import fc from 'fast-check'
import { expect, test } from 'vitest'
import { settled } from '../support/fake-clock'
import type { Gate } from '../support/fake-resource'
import { World } from './world'

const SEED = 20_260_106
const NEVER = Number.POSITIVE_INFINITY

type Step = readonly [weight: number, text: string, run: (world: World, n: number) => unknown]

interface Chosen {
  readonly step: Step
  readonly n: number
  readonly isSeen: boolean
}

const ping =
  (gate: Gate) =>
  ({ fake: { far } }: World) => {
    far.gates.ping = gate
  }

/** What programs do most, and all that should not meet what rests meanwhile. */
const STEPS: readonly Step[] = [
  [12, 'try a share', (world) => world.tryAcquire(true)],
  [4, 'try', (world) => world.tryAcquire(false)],
  [3, 'acquire a share', (world) => world.acquire(1000, true)],
  [3, 'acquire', (world) => world.acquire(1000, false)],
  [24, 'release', (world, n) => world.release(n, 'clean', false, true)],
  [1, 'discard', (world, n) => world.release(n, 'clean', true, true)],
  [1, 'lose', (world, n) => world.lose(n)],
  [6, 'a moment', (world, n) => world.fake.clock.advance(n % 4)],
  [1, 'a while', (world, n) => world.fake.clock.advance(n)],
  [2, 'wake', (world) => world.wake()],
  [1, 'trim', (world, n) => world.fake.pool.trim(n % 3)],
  [1, 'drain', (world) => world.drain()],
  [1, 'pings take long', ping('slow')],
  [2, 'pings are answered', ping('ok')],
  [2, 'answer a ping', (world) => world.answer('ping', 'ok')],
  [1, 'refuse a ping', (world) => world.answer('ping', 'reject')],
]

const steps = fc.array(
  fc.record({
    step: fc.oneof(...STEPS.map((it) => ({ weight: it[0], arbitrary: fc.constant(it) }))),
    n: fc.nat({ max: 1000 }),
    isSeen: fc.nat({ max: 4 }).map((n) => n === 0),
  }),
  { minLength: 100, maxLength: 150 },
)

test('B4: what rests is never lost, lent on though it may be dead, or one more than may be idle, whatever comes meanwhile', async () => {
  let rests = 0
  const run = async (max: number, maxIdle: number, idleTimeoutMillis: number, todo: readonly Chosen[]) => {
    const world = new World({ max, maxIdle, idleTimeoutMillis, hears: true })
    for (const { step, n, isSeen } of todo) {
      const shares = world.fake.far.count('share')
      const { length } = world.open
      await step[2](world, n)
      await settled()
      if (step[1] === 'try a share' && world.open.length > length && world.fake.far.count('share') === shares)
        rests += 1
      if (isSeen) world.checkSettled()
    }
    world.checkSettled()
    await world.end()
  }
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.constantFrom(1, 3), fc.constantFrom(700, NEVER), steps, run),
    { seed: SEED, numRuns: 100 },
  )
  expect(rests, 'some rested and were lent on').toBeGreaterThanOrEqual(50)
})
