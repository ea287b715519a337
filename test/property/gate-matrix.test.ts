import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Condition } from '../../src/pool/connector'
import { type Call, createFakePool } from '../support/fake-pool'
import type { Gate, Operation } from '../support/fake-resource'

const SEED = 20_260_103
const GATES = ['ok', 'reject', 'throw', 'slow', 'never'] as const satisfies Gate[]
const OPERATIONS: Operation[] = ['dial', 'ping', 'reset', 'close']
const CALLERS = 5
const ROUNDS = 16
const TIMEOUT_MILLIS = 2500

interface Plan {
  /** In which round each caller comes, and gives up. */
  readonly callers: readonly {
    readonly comes: number
    readonly givesUp: number
    readonly condition: Condition
    readonly isSilent: boolean
  }[]
  readonly wakes: number
  readonly sleeps: 'freeze' | 'stall'
  readonly failsFor: 'permanent' | 'transient'
}

const plan: fc.Arbitrary<Plan> = fc.record({
  callers: fc.array(
    fc.record({
      comes: fc.nat({ max: ROUNDS / 2 }),
      givesUp: fc.nat({ max: ROUNDS * 2 }),
      condition: fc.constantFrom<Condition[]>('clean', 'dirty', 'dirty', 'unusable'),
      isSilent: fc.boolean(),
    }),
    { minLength: CALLERS, maxLength: CALLERS },
  ),
  wakes: fc.nat({ max: ROUNDS }),
  sleeps: fc.constantFrom('freeze' as const, 'stall' as const),
  failsFor: fc.constantFrom('permanent' as const, 'transient' as const),
})

/** Five callers over two slots, 250 ms a round, under these gates. */
async function run(gates: Record<Operation, Gate>, { callers, wakes, sleeps, failsFor }: Plan): Promise<void> {
  const fake = createFakePool({ max: 2, validationBypassMillis: 200 })
  const { far, pool, clock } = fake
  Object.assign(far.gates, gates)
  far.failure = failsFor
  const calls: Call[] = []
  const unsettled = new Set<number>()
  const release = () => {
    for (const [index, call] of calls.entries()) {
      if (call?.state !== 'served' || call.checkout.state !== 'open') continue
      call.checkout.resource.condition = callers[index]?.condition ?? 'clean'
      call.checkout.release()
    }
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, caller] of callers.entries()) {
      if (caller.comes === round) calls[index] = fake.call({ timeoutMillis: TIMEOUT_MILLIS })
      if (caller.givesUp !== round || caller.comes > round) continue
      const left = calls[index]?.leave(caller.isSilent ? undefined : new Error('enough'))
      if (left === 1 && caller.isSilent) unsettled.add(index)
    }
    if (wakes === round) {
      if (sleeps === 'freeze') clock.freeze(1000)
      else clock.stall(1000)
      pool.wake()
    }
    await clock.advance(250)
    release()
    // The slow ones are just slow: each answers within its limit, or too late for it, as it comes.
    for (const operation of OPERATIONS) if (far.pending(operation).length > 0) far.answer(operation)
    const { total, idle, lent, dialing, validating, returning, closing, waiting } = pool.gauges()
    expect(idle + lent + dialing + validating + returning + closing).toBe(total)
    expect(far.mostOpen).toBeLessThanOrEqual(2)
    if (waiting > 0 && idle > 0) expect(validating).toBeGreaterThanOrEqual(waiting)
  }
  // Twice, for those whose time was slept through.
  await clock.advance(2 * TIMEOUT_MILLIS)
  release()
  for (const [index, call] of calls.entries()) {
    expect(call?.state === 'pending', 'the wait is bounded').toBe(unsettled.has(index))
  }

  // The far side is well again: both slots must still be there, and nobody may be in the way.
  Object.assign(far.gates, { dial: 'ok', ping: 'ok', reset: 'ok', close: 'ok' })
  await clock.advance(3000)
  const last = [fake.call({ timeoutMillis: 100 }), fake.call({ timeoutMillis: 100 })]
  await clock.advance(100)
  expect(last.map(({ state }) => state)).toEqual(['served', 'served'])
  expect(pool.gauges()).toMatchObject({ lent: 2, total: 2, waiting: 0 })

  Object.assign(far.gates, gates)
  const ended = pool.end(100)
  await clock.advance(1500)
  await expect(ended).resolves.toEqual({ reclaimed: 2 })
  for (const operation of OPERATIONS) far.answerAll(operation)
  await clock.advance(0)
  expect(far.open).toBe(0)
  expect(clock.liveTimers).toBe(0)
}

for (const dial of GATES) {
  test(`A7: when a dial is ${dial}, whatever ping, reset and close do whoever gives up, all is bounded and nothing is lost`, async () => {
    for (const ping of GATES) {
      for (const reset of GATES) {
        for (const close of GATES) {
          await fc.assert(
            fc.asyncProperty(plan, (chosen) => run({ dial, ping, reset, close }, chosen)),
            { seed: SEED, numRuns: 4 },
          )
        }
      }
    }
  })
}
