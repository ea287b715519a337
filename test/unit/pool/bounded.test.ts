import { expect, test } from 'vitest'
import { Bound, bounded } from '../../../src/pool/bounded'
import { FakeClock, settled } from '../../support/fake-clock'

const setUp = () => {
  const clock = new FakeClock()
  const heard: unknown[] = []
  const run = (work: () => string | PromiseLike<string>, late?: (value: string) => void): (() => void) =>
    bounded([clock, 100], work, (outcome) => heard.push(outcome), late)
  return { clock, heard, run }
}

test('work is started before bounded returns, and settled afterwards even if it was done at once', async () => {
  const { heard, run } = setUp()
  let started = false
  run(() => {
    started = true
    return 'it'
  })
  expect(started).toBe(true)
  expect(heard).toEqual([])
  await settled()
  expect(heard).toEqual([{ how: 'done', value: 'it' }])
})

test.each([
  ['rejects', () => Promise.reject('why')],
  [
    'throws',
    () => {
      throw 'why'
    },
  ],
  [
    'returns a thenable that throws',
    () => ({
      // biome-ignore lint/suspicious/noThenProperty: a thenable that is no promise is what the test is about
      then: () => {
        throw 'why'
      },
    }),
  ],
])('work that %s has failed', async (_, work: () => PromiseLike<string>) => {
  const { heard, run } = setUp()
  run(work)
  await settled()
  expect(heard).toEqual([{ how: 'failed', error: 'why' }])
})

test('work that hangs is abandoned when its limit is over', async () => {
  const { clock, heard, run } = setUp()
  run(() => new Promise(() => {}))
  await clock.advance(99)
  expect(heard).toEqual([])
  await clock.advance(1)
  expect(heard).toEqual([{ how: 'abandoned' }])
})

test('a value that comes too late goes to late, an error to nobody', async () => {
  const { clock, heard, run } = setUp()
  const late: string[] = []
  let resolve: (value: string) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  run(
    () => new Promise((it) => (resolve = it)),
    (value) => late.push(value),
  )
  run(
    () => new Promise((_, it) => (reject = it)),
    (value) => late.push(value),
  )
  run(() => new Promise((it) => setImmediate(it, 'unheard')))()
  await clock.advance(100)
  resolve('late')
  reject('late')
  await settled()
  expect(heard).toEqual([{ how: 'abandoned' }, { how: 'abandoned' }, { how: 'abandoned' }])
  expect(late).toEqual(['late'])
})

test('abandoning is done once, and not after the work has settled', async () => {
  const { heard, run } = setUp()
  const hanging = run(() => new Promise(() => {}))
  hanging()
  hanging()
  const quick = run(() => 'it')
  await settled()
  quick()
  expect(heard).toEqual([{ how: 'abandoned' }, { how: 'done', value: 'it' }])
})

test('E7: work that has settled leaves no timer behind', async () => {
  const { clock, run } = setUp()
  run(() => 'it')
  run(() => Promise.reject(new Error('no')))
  run(() => new Promise(() => {}))()
  await settled()
  expect(clock.liveTimers).toBe(0)
})

test('D8: work under way keeps the process until it has settled', async () => {
  const { clock, run } = setUp()
  const work = run(() => new Promise(() => {}))
  expect(clock.keepsProcess).toBe(true)
  work()
  expect(clock.keepsProcess).toBe(false)
})

const ring = (millis: number) => {
  const clock = new FakeClock()
  const rung: string[] = []
  const bound = new Bound(clock, millis, () => rung.push('it'))
  return { clock, rung, bound }
}

test('a bound rings once, on its millisecond and not before', async () => {
  const { clock, rung } = ring(100)
  await clock.advance(99)
  expect(rung).toEqual([])
  await clock.advance(1)
  await clock.advance(1000)
  expect(rung).toEqual(['it'])
  expect(clock.liveTimers).toBe(0)
})

test('a bound of Infinity needs no timer, and can be cancelled like any other', () => {
  const { clock, bound } = ring(Number.POSITIVE_INFINITY)
  expect(clock.liveTimers).toBe(0)
  expect(() => bound.cancel()).not.toThrow()
})

test('D8: a bound keeps the process until it has rung or is cancelled, and cancelling twice is harmless', async () => {
  const { clock, rung, bound } = ring(100)
  expect(clock.keepsProcess).toBe(true)
  bound.cancel()
  bound.cancel()
  expect(clock.liveTimers).toBe(0)
  await clock.advance(1000)
  expect(rung).toEqual([])
})

test.each([
  ['rings', 249, true],
  ['was slept through, and runs once more', 250, false],
])('E3: a bound that %s when it is due %i ms late', async (_, late, rings) => {
  const { clock, rung } = ring(100)
  clock.stall(100 + late)
  await clock.advance(0)
  expect(rung).toEqual(rings ? ['it'] : [])
  await clock.advance(100)
  expect(rung).toEqual(['it'])
  expect(clock.liveTimers).toBe(0)
})

test('E3: a freeze that only the wall clock saw was slept through as well', async () => {
  const { clock, rung } = ring(100)
  clock.freeze(250)
  await clock.advance(100)
  expect(rung).toEqual([])
  await clock.advance(100)
  expect(rung).toEqual(['it'])
})

test('E3: a bound runs once more once: whoever sleeps again is not waited for for ever', async () => {
  const { clock, rung } = ring(100)
  for (let sleep = 0; sleep < 2; sleep += 1) {
    clock.stall(10_000)
    await clock.advance(0)
  }
  expect(rung).toEqual(['it'])
})

test('E3: a bound that runs once more can still be cancelled', async () => {
  const { clock, rung, bound } = ring(100)
  clock.stall(1000)
  await clock.advance(0)
  bound.cancel()
  expect(clock.liveTimers).toBe(0)
  await clock.advance(1000)
  expect(rung).toEqual([])
})
