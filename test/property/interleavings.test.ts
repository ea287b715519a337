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
  readonly aborts: boolean
  readonly loses: boolean
  readonly shares: boolean
}

const caller: fc.Arbitrary<Caller> = fc.record({
  condition: fc.constantFrom<Condition[]>('clean', 'clean', 'dirty', 'unusable'),
  discards: fc.nat({ max: 5 }).map((n) => n === 0),
  aborts: fc.nat({ max: 3 }).map((n) => n === 0),
  loses: fc.nat({ max: 7 }).map((n) => n === 0),
  shares: fc.boolean(),
})

const answers = fc.array(fc.constantFrom<Gate[]>('ok', 'ok', 'ok', 'reject'), { minLength: 4, maxLength: 40 })

test('in whatever order dials, pings, resets, closes, aborts and releases are done, all are served and nothing is lost', async () => {
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
    const use = async (index: number, { condition, discards, aborts, loses, shares }: Caller) => {
      await s.schedule(Promise.resolve(), `caller ${index} comes`)
      const abort = new AbortController()
      if (aborts) void s.schedule(Promise.resolve(), `caller ${index} gives up`).then(() => abort.abort())
      try {
        const checkout = await pool.acquire({ signal: abort.signal, label: index, share: shares })
        await s.schedule(Promise.resolve(), `caller ${index} is done`)
        checkout.resource.condition = condition
        if (loses) far.lose(checkout.resource.id)
        checkout.release(discards)
        outcomes.push(`${index} served`)
      } catch (error) {
        expect(error).toMatchObject({ code: 'POOL_ACQUIRE_ABORTED' })
        outcomes.push(`${index} gave up`)
      }
    }
    const all = Promise.all(callers.map((it, index) => use(index, it)))
    await s.waitFor(all)
    expect(outcomes).toHaveLength(callers.length)
    for (const [index, { aborts }] of callers.entries()) {
      if (!aborts) expect(outcomes).toContain(`${index} served`)
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
    let asked = 0
    far.hold = (what) => s.schedule(Promise.resolve(), what)
    far.gateOf = () => {
      asked += 1
      return gates[asked % gates.length]
    }
    const use = async ({ condition, discards, shares }: Caller, index: number) => {
      await s.schedule(Promise.resolve(), `caller ${index} comes`)
      const checkout = await pool.acquire({ share: shares }).catch(() => undefined)
      await s.schedule(Promise.resolve(), `caller ${index} is done`)
      if (checkout === undefined) return
      checkout.resource.condition = condition
      checkout.release(discards)
    }
    const all = Promise.all(callers.map(use))
    const ended = s.schedule(Promise.resolve(), 'the end').then(() => pool.end())
    await s.waitFor(Promise.all([all, ended]))
    await settled()
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
