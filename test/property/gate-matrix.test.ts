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
    readonly shares: boolean
  }[]
  readonly wakes: number
  readonly failsFor: 'permanent' | 'transient'
}

const plan: fc.Arbitrary<Plan> = fc.record({
  callers: fc.array(
    fc.record({
      comes: fc.nat({ max: ROUNDS / 2 }),
      givesUp: fc.nat({ max: ROUNDS * 2 }),
      condition: fc.constantFrom<Condition[]>('clean', 'dirty', 'dirty', 'unusable'),
      shares: fc.boolean(),
    }),
    { minLength: CALLERS, maxLength: CALLERS },
  ),
  wakes: fc.nat({ max: ROUNDS }),
  failsFor: fc.constantFrom('permanent' as const, 'transient' as const),
})

/** Five callers over two slots, 250 ms a round, under these gates. */
async function run(gates: Record<Operation, Gate>, { callers, wakes, failsFor }: Plan): Promise<void> {
  const fake = createFakePool({ max: 2, validationBypassMillis: 200 })
  const { far, pool, clock } = fake
  Object.assign(far.gates, gates)
  far.failure = failsFor
  const calls: Call[] = []
  const release = () => {
    for (const [index, call] of calls.entries()) {
      if (call?.state !== 'served' || call.checkout.state !== 'open') continue
      call.checkout.resource.condition = callers[index]?.condition ?? 'clean'
      call.checkout.release()
    }
  }
  const aborts = callers.map(() => new AbortController())
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [index, caller] of callers.entries()) {
      if (caller.comes === round) {
        const { signal } = aborts[index] ?? {}
        calls[index] = fake.call({ timeoutMillis: TIMEOUT_MILLIS, signal, share: caller.shares })
      }
      if (caller.givesUp === round) aborts[index]?.abort()
    }
    if (wakes === round) {
      clock.freeze(1000)
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
  await clock.advance(TIMEOUT_MILLIS)
  release()
  for (const call of calls) expect(call?.state ?? 'never came', 'the wait is bounded').not.toBe('pending')

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
  test(`A7: when a dial is ${dial}, whatever ping, reset and close do under random aborts, all is bounded and nothing is lost`, async () => {
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
