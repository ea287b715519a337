import { expect, test } from 'vitest'
import { Alarm } from '../../../src/pool/alarm'
import { type BoundedWork, bounded } from '../../../src/pool/bounded'
import { FakeClock, settled } from '../../support/fake-clock'

const setUp = () => {
  const clock = new FakeClock()
  const alarm = new Alarm(clock)
  const heard: unknown[] = []
  const run = (work: () => string | PromiseLike<string>, late?: (value: string) => void): BoundedWork =>
    bounded(alarm, 100, work, (outcome) => heard.push(outcome), late)
  return { clock, alarm, heard, run }
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
  run(() => new Promise((it) => setImmediate(it, 'unheard'))).abandon()
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
  hanging.abandon()
  hanging.abandon()
  const quick = run(() => 'it')
  await settled()
  quick.abandon()
  expect(heard).toEqual([{ how: 'abandoned' }, { how: 'done', value: 'it' }])
})

test('E7: work that has settled leaves no alert behind', async () => {
  const { alarm, run } = setUp()
  run(() => 'it')
  run(() => Promise.reject(new Error('no')))
  run(() => new Promise(() => {})).abandon()
  await settled()
  expect(alarm.pending).toBe(0)
})

test('D8: work under way keeps the process until it has settled', async () => {
  const { clock, run } = setUp()
  const work = run(() => new Promise(() => {}))
  expect(clock.keepsProcess).toBe(true)
  work.abandon()
  expect(clock.keepsProcess).toBe(false)
})
