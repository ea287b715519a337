import { expect, test } from 'vitest'
import { AcquireTimeoutError, DialError } from '../../../src/pool/errors'
import { settled } from '../../support/fake-clock'
import { createFakePool } from '../../support/fake-pool'

const coded = (code: string, message = 'refused') => Object.assign(new Error(message), { code })

test('F1: while dialling is refused, the attempts are few and spread', async () => {
  const { clock, far, call } = createFakePool({ max: 10, random: () => 1 })
  far.gates.dial = 'reject'
  const calls = Array.from({ length: 10 }, () => call({ timeoutMillis: 10_000 }))
  await settled()
  expect(far.count('dial')).toBe(10)
  await clock.advance(10_000)
  // One prober at a time after 50, 100, 200, 400 and then each 500 ms.
  expect(far.count('dial')).toBe(10 + 4 + 18)
  for (const it of calls) expect(it.error).toBeInstanceOf(DialError)
})

test('F1: who met nothing but dials that failed hears of those; who met silence too, or a living one, of the time', async () => {
  const { clock, far, call, take } = createFakePool({ max: 1 })
  far.gates.dial = 'reject'
  far.dialError = coded('57P03', 'the database system is starting up')
  const refused = call({ timeoutMillis: 1000 })
  await clock.advance(1000)
  expect(refused.error).toMatchObject({ name: 'DialError', code: '57P03', retry: 'safe', gauges: { max: 1 } })
  far.gates.dial = 'slow'
  const unheard = call({ timeoutMillis: 500 })
  await clock.advance(500)
  expect(unheard.error).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT', phase: 'dial', cause: far.dialError })
  far.answerAll('dial')
  await settled()
  far.gates.dial = 'ok'
  await take()
  const behind = call({ timeoutMillis: 500 })
  await clock.advance(500)
  expect(behind.error).toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT', phase: 'wait' })
})

test('F1: where nobody is there, it is tried again for so long and no longer', async () => {
  const { clock, far, pool, call } = createFakePool({ max: 1, absenceMillis: 1000, random: () => 1 })
  far.gates.dial = 'reject'
  far.failure = 'absent'
  far.dialError = coded('ECONNREFUSED', 'connect ECONNREFUSED')
  const waiting = call({ timeoutMillis: 60_000 })
  // At 0, 50, 150, 350 and 750 ms; the next one would be at 1250.
  await clock.advance(749)
  expect(waiting.state).toBe('pending')
  await clock.advance(1)
  expect(waiting.error).toMatchObject({ name: 'DialError', code: 'ECONNREFUSED', retry: 'safe' })
  expect(pool.stats()).toMatchObject({ dials: 5, waiting: 0 })
})

test('F1: one prober at a time, however many wait and however long it takes', async () => {
  const { clock, far, pool, call } = createFakePool({ max: 10 })
  far.gates.dial = 'reject'
  for (let caller = 0; caller < 5; caller += 1) call({ timeoutMillis: 60_000 })
  await settled()
  far.gates.dial = 'slow'
  await clock.advance(100)
  for (let caller = 0; caller < 5; caller += 1) call({ timeoutMillis: 60_000 })
  expect(pool.gauges()).toMatchObject({ dialing: 1, waiting: 10 })
})

test('F1: the first success dials for all that wait', async () => {
  const { clock, far, pool, call } = createFakePool({ max: 10 })
  far.gates.dial = 'reject'
  const calls = Array.from({ length: 5 }, () => call({ timeoutMillis: 60_000 }))
  await settled()
  far.gates.dial = 'slow'
  await clock.advance(100)
  far.answer('dial')
  await settled()
  expect(pool.gauges()).toMatchObject({ lent: 1, dialing: 4, waiting: 4 })
  far.answerAll('dial')
  await settled()
  expect(calls.every(({ state }) => state === 'served')).toBe(true)
})

test('F1: a pause that a success has overtaken does not hold up the next failure’s', async () => {
  const { clock, far, call } = createFakePool({ max: 2, random: () => 1 })
  far.gates.dial = 'reject'
  const patient = call({ timeoutMillis: 600_000 })
  // Refused at 0, 50, 150, 350, 750 and 1550 ms; the next attempt is 1550 ms away.
  await clock.advance(1600)
  clock.freeze(60_000)
  far.gates.dial = 'ok'
  const second = call({ timeoutMillis: 600_000 })
  await settled()
  for (const served of [patient, second]) served.checkout.release(true)
  far.gates.dial = 'reject'
  const third = call({ timeoutMillis: 600_000 })
  await settled()
  far.gates.dial = 'ok'
  await clock.advance(50)
  expect(third.state).toBe('served')
})

test('F1: when all callers have gone, the next probe finds nobody to dial for', async () => {
  const { clock, far, call } = createFakePool()
  far.gates.dial = 'reject'
  const gone = call({ timeoutMillis: 60_000 })
  await settled()
  gone.leave()
  await clock.advance(60_000)
  expect(far.count('dial')).toBe(1)
  expect(clock.liveTimers).toBe(0)
})

test('F2: a failure for good rejects everybody at once when nothing else lives', async () => {
  const { far, pool, call } = createFakePool({ max: 1 })
  far.gates.dial = 'reject'
  far.failure = 'permanent'
  far.dialError = coded('28P01', 'password authentication failed')
  const calls = [call({ timeoutMillis: 60_000 }), call()]
  await settled()
  for (const it of calls) {
    expect(it.error).toBeInstanceOf(DialError)
    expect(it.error).toMatchObject({ code: '28P01', phase: 'dial', cause: far.dialError })
  }
  expect(pool.stats()).toMatchObject({ dials: 1, dialFailures: 1, waiting: 0, total: 0 })
})

test('F2: after a failure for good there is no pause: the next caller is told just as fast', async () => {
  const { far, call } = createFakePool()
  far.gates.dial = 'reject'
  far.failure = 'permanent'
  call({ timeoutMillis: 1000 })
  await settled()
  const next = call({ timeoutMillis: 1000 })
  await settled()
  expect(next.error).toBeInstanceOf(DialError)
})

test('F2: a dial that fails for good after its caller has gone is nobody’s error', async () => {
  const { far, pool, call } = createFakePool()
  far.gates.dial = 'slow'
  far.failure = 'permanent'
  call().leave()
  far.answer('dial', 'reject')
  await settled()
  expect(pool.stats()).toMatchObject({ dialFailures: 1, total: 0, waiting: 0 })
})

test('F3: a far side that accepts and never answers costs the dial’s own time limit', async () => {
  const { clock, far, call } = createFakePool({ max: 1, dialTimeoutMillis: 1000 })
  far.gates.dial = 'never'
  const waiting = call({ timeoutMillis: 60_000 })
  await clock.advance(1000)
  expect(far.events).toEqual(['dial 1', 'abandoned 1'])
  far.gates.dial = 'ok'
  await clock.advance(100)
  expect(waiting.state).toBe('served')
})

test('F3: without a time limit of its own, the caller gets the dial’s', async () => {
  const { clock, far, call } = createFakePool({ dialTimeoutMillis: 1000 })
  far.gates.dial = 'never'
  const waiting = call()
  await clock.advance(1000)
  expect(waiting.error).toMatchObject({ code: 'POOL_DIAL_TIMEOUT', cause: { code: 'POOL_DIAL_TIMEOUT' } })
})

test('F4: a restart with idle and lent connections costs one ping round and no error', async () => {
  const { far, pool, call, fill, take } = createFakePool({ max: 3 })
  await fill(3)
  const held = await take()
  for (const id of [1, 2, 3]) far.lose(id)
  await settled()
  expect(pool.gauges()).toMatchObject({ idle: 0, lent: 1, total: 1 })
  held.release()
  const waiting = call()
  await settled()
  expect(waiting.checkout.resource.id).toBe(4)
})

test('a transient failure is tried again within a caller’s time limit', async () => {
  const { clock, far, call } = createFakePool()
  far.gates.dial = 'reject'
  const waiting = call({ timeoutMillis: 1000 })
  await settled()
  far.gates.dial = 'ok'
  await clock.advance(100)
  expect(waiting.state).toBe('served')
})

test('a transient failure is the answer to callers without a time limit when nothing lives or is on its way', async () => {
  const { clock, far, call } = createFakePool({ max: 1 })
  far.gates.dial = 'reject'
  far.dialError = coded('ECONNREFUSED')
  const patient = call({ timeoutMillis: 1000 })
  const unlimited = [call(), call()]
  await settled()
  for (const it of unlimited) expect(it.error).toMatchObject({ name: 'DialError', code: 'ECONNREFUSED' })
  expect(patient.state).toBe('pending')
  far.gates.dial = 'ok'
  await clock.advance(100)
  expect(patient.state).toBe('served')
})

test('with one living, a transient failure is the answer to the first only: the rest may still be served', async () => {
  const { far, call, take } = createFakePool({ max: 2 })
  const held = await take()
  far.gates.dial = 'reject'
  const [first, second] = [call(), call()]
  await settled()
  expect([first.state, second.state]).toEqual(['failed', 'pending'])
  held.release()
  await settled()
  expect(second.state).toBe('served')
})

test('of several dials, one that is refused fails one caller: the others are on their way', async () => {
  const { far, call } = createFakePool({ max: 3 })
  far.gates.dial = 'slow'
  const calls = [call(), call(), call()]
  far.answer('dial', 'reject')
  await settled()
  far.answerAll('dial')
  await settled()
  expect(calls.map(({ state }) => state)).toEqual(['failed', 'served', 'served'])
})

test('when all of several dials are refused, nobody without a time limit is left waiting', async () => {
  const { far, call } = createFakePool({ max: 3 })
  far.gates.dial = 'reject'
  const calls = Array.from({ length: 7 }, () => call())
  await settled()
  expect(calls.every(({ state }) => state === 'failed')).toBe(true)
})

test('a connection that is lost while it is dialled was never there', async () => {
  const { clock, far, pool, call } = createFakePool()
  far.gates.dial = 'slow'
  const waiting = call({ timeoutMillis: 1000 })
  const gone = new Error('gone already')
  far.lose(1, gone)
  far.lose(1, new Error('and again'))
  far.answer('dial')
  await settled()
  expect(far.events).toEqual(['dial 1', 'dialled 1', 'destroy 1'])
  expect(pool.stats()).toMatchObject({ total: 0, waiting: 1, dialFailures: 1 })
  far.gates.dial = 'never'
  await clock.advance(1000)
  expect(waiting.error).toMatchObject({ cause: gone })
})

test('a dial that was lost and then hangs fails with what it was lost with', async () => {
  const { clock, far, call } = createFakePool({ dialTimeoutMillis: 1000 })
  far.gates.dial = 'never'
  const gone = new Error('gone already')
  const waiting = call()
  far.lose(1, gone)
  await clock.advance(1000)
  expect(waiting.error).toMatchObject({ cause: gone })
})

test('F6: a timeout names phase, wait, counts and the last failed attempt, in a text that is always the same', async () => {
  const { clock, far, call, take } = createFakePool({ max: 2 })
  await take()
  far.gates.dial = 'reject'
  far.dialError = coded('53300', 'sorry, too many clients already')
  const waiting = call({ timeoutMillis: 1000 })
  await clock.advance(1000)
  expect(waiting.error).toBeInstanceOf(AcquireTimeoutError)
  expect(waiting.error).toMatchObject({
    name: 'AcquireTimeoutError',
    code: 'POOL_ACQUIRE_TIMEOUT',
    phase: 'dial',
    waitedMillis: 1000,
    gauges: { max: 2, waiting: 1, lent: 1 },
    cause: far.dialError,
    message:
      'timeout exceeded when trying to connect, while a connection was opened; the last attempt to connect failed: sorry, too many clients already',
  })
})

test('F6: the cause is the current one: a success clears what failed before', async () => {
  const { clock, far, call } = createFakePool({ max: 1 })
  far.gates.dial = 'reject'
  call({ timeoutMillis: 1000 })
  await settled()
  far.gates.dial = 'ok'
  await clock.advance(100)
  const waiting = call({ timeoutMillis: 100 })
  await clock.advance(100)
  expect(waiting.error).toMatchObject({ phase: 'wait' })
  expect(Object.hasOwn(waiting.error as object, 'cause')).toBe(false)
})

test.each([
  ['ping', 'validate', 'while a connection was validated'],
  ['reset', 'reset', 'while a returned connection was reset'],
] as const)('F6: a timeout during the %s says so', async (gate, phase, text) => {
  const { clock, far, call, take } = createFakePool({
    max: 1,
    validationTimeoutMillis: 5000,
    resetTimeoutMillis: 5000,
  })
  const held = await take()
  held.resource.condition = gate === 'reset' ? 'dirty' : 'clean'
  far.gates[gate] = 'never'
  held.release()
  clock.stall(2000)
  const waiting = call({ timeoutMillis: 100 })
  await clock.advance(100)
  expect(waiting.error).toMatchObject({ phase, message: expect.stringContaining(text) })
})

test('F6: a dial that rejects with something that is no error still makes one', async () => {
  const { far, call } = createFakePool()
  far.gates.dial = 'reject'
  far.dialError = 'no'
  const waiting = call()
  await settled()
  expect(waiting.error).toMatchObject({ code: 'POOL_DIAL_FAILED', cause: 'no' })
  expect(String(waiting.error)).toBe('DialError: no')
})

test.each([
  ['has no text', Object.create(null)],
  ['has a code that is no text', Object.assign(new Error('no'), { code: 7 })],
  ['is null', null],
  ['is a symbol', Symbol('no')],
  ['has a message that is no text', Object.assign(new Error(), { message: Symbol('no') })],
  [
    'throws when it is looked at',
    {
      get code() {
        throw new Error('do not look')
      },
    },
  ],
])('F6: a dial that rejects with something that %s costs neither slot nor waiter', async (_, cause: unknown) => {
  const { clock, far, pool, call } = createFakePool({ max: 1 })
  far.gates.dial = 'reject'
  far.dialError = cause
  const unlimited = call()
  const limited = call({ timeoutMillis: 1000 })
  await clock.advance(1000)
  expect(unlimited.error).toMatchObject({ code: 'POOL_DIAL_FAILED' })
  expect((unlimited.error as Error).cause).toBe(cause)
  expect(limited.error).toBeInstanceOf(DialError)
  expect(pool.gauges()).toMatchObject({ total: 0, waiting: 0 })
})

test('F6: a dial that failed at several addresses tells all of them, and the first code', async () => {
  const { clock, far, call } = createFakePool()
  far.gates.dial = 'reject'
  const refused = Object.assign(coded('ECONNREFUSED', 'refused'), { address: '::1', port: 5432, errno: -111 })
  far.dialError = new AggregateError([new Error('no route'), refused], '')
  const waiting = call()
  await settled()
  expect(waiting.error).toMatchObject({
    code: 'ECONNREFUSED',
    message: 'no route; refused',
    ...{ address: '::1', port: 5432, errno: -111 },
  })
  far.dialError = new AggregateError([])
  const other = call()
  await clock.advance(1000)
  expect(other.error).toMatchObject({ code: 'POOL_DIAL_FAILED', message: 'failed to connect' })
})

test('while the far side is full, the pauses are longer', async () => {
  const { clock, far, call } = createFakePool({ random: () => 1 })
  far.gates.dial = 'reject'
  far.failure = 'crowded'
  call({ timeoutMillis: 10_000 })
  await clock.advance(199)
  expect(far.count('dial')).toBe(1)
  await clock.advance(1)
  expect(far.count('dial')).toBe(2)
})

test('a dial that is refused for good fails everybody at once, also while others are being dialled', async () => {
  const { far, call } = createFakePool()
  far.gates.dial = 'slow'
  far.failure = 'permanent'
  const calls = [call({ timeoutMillis: 10_000 }), call({ timeoutMillis: 10_000 })]
  far.answer('dial', 'reject')
  await settled()
  expect(calls.map(({ state }) => state)).toEqual(['failed', 'failed'])
})

test('what may pass is waited for beyond the time in which somebody has to be there', async () => {
  const { clock, far, call } = createFakePool({ absenceMillis: 1000 })
  far.gates.dial = 'reject'
  const waiting = call({ timeoutMillis: 10_000 })
  await clock.advance(5000)
  expect(waiting.state).toBe('pending')
  far.failure = 'absent'
  await clock.advance(1000)
  expect(waiting.error).toBeInstanceOf(DialError)
})

test('who came after a failed dial, and met none himself, does not hear of it as his own', async () => {
  const { clock, far, call } = createFakePool({ max: 1, dialTimeoutMillis: 60_000 })
  far.gates.dial = 'reject'
  const first = call({ timeoutMillis: 10 })
  await clock.advance(10)
  expect(first.error).toBeInstanceOf(DialError)
  await clock.advance(1000)
  far.gates.dial = 'never'
  call({ timeoutMillis: 60_000 })
  const second = call({ timeoutMillis: 100 })
  await clock.advance(100)
  expect(second.error).toMatchObject({ name: 'AcquireTimeoutError', phase: 'dial' })
})

test('who met a dial that failed and another that says nothing hears that his time was over', async () => {
  const { clock, far, call } = createFakePool({ max: 2, dialTimeoutMillis: 60_000 })
  far.gateOf = (operation, id) => (operation === 'dial' ? (id === 1 ? 'never' : 'reject') : undefined)
  const waiting = call({ timeoutMillis: 1000 })
  await clock.advance(1000)
  expect(waiting.error).toMatchObject({ name: 'AcquireTimeoutError', phase: 'dial', cause: far.dialError })
})

test('a first dial that says nothing is what an acquire was waiting for', async () => {
  const { clock, far, call } = createFakePool({ dialTimeoutMillis: 60_000 })
  far.gates.dial = 'never'
  const waiting = call({ timeoutMillis: 100 })
  await clock.advance(100)
  expect(waiting.error).toMatchObject({ name: 'AcquireTimeoutError', phase: 'dial' })
})

test('a dial that was given up by its time limit says so', async () => {
  const { clock, far, call } = createFakePool({ dialTimeoutMillis: 1000 })
  far.gates.dial = 'never'
  const waiting = call()
  await clock.advance(1000)
  expect(waiting.error).toMatchObject({
    code: 'POOL_DIAL_TIMEOUT',
    message: 'no connection was established within 1000 ms',
  })
})

test.each([
  ['as long as who asks for it has', 300, 300],
  ['and no longer than any dial', 5000, 1000],
  ['as long as any dial where nobody is in a hurry', undefined, 1000],
])('a dial is told how long it has: %s', async (_, timeoutMillis, expected) => {
  const { far, call } = createFakePool({ dialTimeoutMillis: 1000 })
  const told: number[] = []
  const { dial } = far
  far.dial = (opening) => {
    told.push(opening.withinMillis)
    return dial.call(far, opening)
  }
  call({ timeoutMillis })
  await settled()
  expect(told).toEqual([expected])
})
