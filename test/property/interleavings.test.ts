import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Condition } from '../../src/pool/connector'
import { settled } from '../support/fake-clock'
import { createFakePool } from '../support/fake-pool'
import type { Gate, Operation } from '../support/fake-resource'

const SEED = 20_260_102

interface Caller {
  readonly condition: Condition
  readonly discards: boolean
  readonly givesUp: 'never' | 'with an error' | 'without a word'
  readonly loses: boolean
  /** How often it goes on with what it has, if it may. */
  readonly reuses: number
}

const caller: fc.Arbitrary<Caller> = fc.record({
  condition: fc.constantFrom<Condition[]>('clean', 'clean', 'dirty', 'unusable'),
  discards: fc.nat({ max: 5 }).map((n) => n === 0),
  givesUp: fc.constantFrom<Caller['givesUp'][]>('never', 'never', 'never', 'with an error', 'without a word'),
  loses: fc.nat({ max: 7 }).map((n) => n === 0),
  reuses: fc.nat({ max: 2 }),
})

const answers = fc.array(fc.constantFrom<Gate[]>('ok', 'ok', 'ok', 'reject'), { minLength: 4, maxLength: 40 })

test('in whatever order dials, pings, resets, closes, goodbyes and releases are done, all are served and nothing is lost', async () => {
  const run = async (
    s: fc.Scheduler,
    max: number,
    maxIdle: number,
    bypass: number,
    callers: readonly Caller[],
    gates: readonly Gate[],
  ) => {
    const { far, pool } = createFakePool({ max, maxIdle, validationBypassMillis: bypass })
    far.failure = 'permanent'
    let asked = 0
    far.hold = (what) => s.schedule(Promise.resolve(), what)
    far.gateOf = (operation: Operation) => {
      asked += 1
      // Dials answer: what a refused one means is looked at elsewhere, here everybody is to be served.
      return operation === 'dial' ? 'ok' : gates[asked % gates.length]
    }
    far.before = (operation) => {
      const { dialing, validating, returning, waiting } = pool.gauges()
      if (operation === 'dial') expect(dialing + validating + returning).toBeLessThanOrEqual(waiting)
    }
    const outcomes: string[] = []
    const use = async (index: number, { condition, discards, givesUp, loses, reuses }: Caller) => {
      await s.schedule(Promise.resolve(), `caller ${index} comes`)
      const acquired = pool.acquire({ label: index })
      const leaves = new Promise<'left'>((resolve) => {
        if (givesUp === 'never') return
        void s.schedule(Promise.resolve(), `caller ${index} gives up`).then(() => {
          const isSilent = givesUp === 'without a word'
          const left = pool.turnAway((label) => label === index, isSilent ? undefined : () => new Error('enough'))
          if (left > 0 && isSilent) resolve('left')
        })
      })
      try {
        const checkout = await Promise.race([acquired, leaves])
        if (checkout === 'left') return void outcomes.push(`${index} gave up`)
        await s.schedule(Promise.resolve(), `caller ${index} is done`)
        for (let more = 0; more < reuses && pool.reuse(checkout); more += 1) {
          await s.schedule(Promise.resolve(), `caller ${index} is done again`)
        }
        checkout.resource.condition = condition
        if (loses) far.lose(checkout.resource.id)
        checkout.release(discards)
        outcomes.push(`${index} served`)
      } catch (error) {
        expect(error).toMatchObject({ message: 'enough' })
        outcomes.push(`${index} gave up`)
      }
    }
    const all = Promise.all(callers.map((it, index) => use(index, it)))
    await s.waitFor(all)
    expect(outcomes).toHaveLength(callers.length)
    for (const [index, { givesUp }] of callers.entries()) {
      if (givesUp === 'never') expect(outcomes).toContain(`${index} served`)
    }
    expect(far.mostOpen).toBeLessThanOrEqual(max)
    const stats = pool.stats()
    expect(stats).toMatchObject({ waiting: 0, lent: 0 })
    expect(stats.acquires).toBe(outcomes.filter((it) => it.endsWith('served')).length)
    await s.waitFor(pool.end())
    await settled()
    expect(far.open).toBe(0)
    expect(pool.gauges()).toMatchObject({ total: 0, waiting: 0 })
  }
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(0, 1, 100),
      fc.constantFrom(0, 1000),
      fc.array(caller, { minLength: 1, maxLength: 8 }),
      answers,
      run,
    ),
    { seed: SEED, numRuns: 400 },
  )
})

test('in whatever order they are done, the end comes in between and still leaves nothing', async () => {
  const run = async (s: fc.Scheduler, max: number, callers: readonly Caller[], gates: readonly Gate[]) => {
    const { far, pool, clock } = createFakePool({ max, validationBypassMillis: 0 })
    // No pauses: nothing here waits for the clock.
    far.failure = 'permanent'
    let asked = 0
    far.hold = (what) => s.schedule(Promise.resolve(), what)
    far.gateOf = () => {
      asked += 1
      return gates[asked % gates.length]
    }
    const refused: unknown[] = []
    const use = async ({ condition, discards }: Caller, index: number) => {
      await s.schedule(Promise.resolve(), `caller ${index} comes`)
      const { ended } = pool
      const checkout = await pool.acquire().catch((error: unknown) => {
        // Dials may be refused; the end itself turns only newcomers away.
        if (!ended) refused.push(error)
      })
      await s.schedule(Promise.resolve(), `caller ${index} is done`)
      if (!checkout) return
      expect(ended, 'who comes after the end gets nothing').toBe(false)
      checkout.resource.condition = condition
      checkout.release(discards)
    }
    const all = Promise.all(callers.map(use))
    const ended = s.schedule(Promise.resolve(), 'the end').then(() => pool.end())
    await s.waitFor(Promise.all([all, ended]))
    await settled()
    for (const error of refused) expect(error).toMatchObject({ name: 'DialError' })
    expect(far.mostOpen).toBeLessThanOrEqual(max)
    expect(far.open).toBe(0)
    expect(pool.gauges()).toMatchObject({ total: 0, waiting: 0 })
    expect(clock.liveTimers).toBe(0)
  }
  await fc.assert(
    fc.asyncProperty(
      fc.scheduler(),
      fc.integer({ min: 1, max: 3 }),
      fc.array(caller, { minLength: 1, maxLength: 6 }),
      answers,
      run,
    ),
    { seed: SEED, numRuns: 300 },
  )
})
