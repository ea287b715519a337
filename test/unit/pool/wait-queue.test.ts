import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { Alarm } from '../../../src/pool/alarm'
import { WaitQueue, type WaitTerms } from '../../../src/pool/wait-queue'
import { FakeClock, settled } from '../../support/fake-clock'

const setUp = () => {
  const clock = new FakeClock()
  const alarm = new Alarm(clock)
  const heard: string[] = []
  const queue = new WaitQueue<string>(clock, alarm, {
    timeout: (waited) => new Error(`timeout after ${waited}`),
    aborted: (reason) => new Error(`aborted: ${String(reason)}`),
    gaveUp: () => heard.push('gave up'),
  })
  const join = (label: string, timeoutMillis = Number.POSITIVE_INFINITY, signal?: AbortSignal, share = false) =>
    void queue.join({ timeoutMillis, signal, label, share }).then(
      (value) => heard.push(`${label} got ${value}`),
      (error: Error) => heard.push(`${label}: ${error.message}`),
    )
  return { clock, alarm, queue, heard, join }
}

test('an offer goes to the first, and is made for nobody else', async () => {
  const { queue, heard, join } = setUp()
  const made: unknown[] = []
  const make = ({ label }: WaitTerms) => {
    made.push(label)
    return 'it'
  }
  expect(queue.offer(make)).toBe(false)
  join('a')
  join('b')
  expect(queue.offer(make)).toBe(true)
  expect(queue.length).toBe(1)
  await settled()
  expect(made).toEqual(['a'])
  expect(heard).toEqual(['a got it'])
})

test('E1: an offer passes over those whose time is over by the wall clock, and turns them away', async () => {
  const { clock, queue, heard, join } = setUp()
  join('short', 100)
  join('also short', 200)
  join('long', 10_000)
  clock.freeze(500)
  expect(queue.offer(() => 'it')).toBe(true)
  await settled()
  expect(heard).toEqual(['short: timeout after 500', 'also short: timeout after 500', 'long got it'])
})

test('an offer to nobody but those whose time is over is refused', async () => {
  const { clock, queue, join } = setUp()
  join('a', 100)
  clock.stall(100)
  expect(queue.offer(() => 'it')).toBe(false)
  expect(queue.length).toBe(0)
})

test('A1: whoever times out or is aborted in the tick of the offer settles once', async () => {
  const { clock, queue, heard, join } = setUp()
  const abort = new AbortController()
  join('a', 100, abort.signal)
  await clock.advance(99)
  queue.offer(() => 'it')
  abort.abort('too late')
  await clock.advance(1)
  expect(heard).toEqual(['a got it'])
})

test('leaving takes the time limit and the abort listener along', async () => {
  const { clock, alarm, queue, join } = setUp()
  const { signal } = new AbortController()
  join('served', 100, signal)
  join('timed out', 50, signal)
  join('rejected', 100, signal)
  expect(getEventListeners(signal, 'abort')).toHaveLength(3)
  queue.offer(() => 'it')
  await clock.advance(50)
  queue.reject(
    () => new Error('no'),
    () => true,
    'all',
  )
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  expect(alarm.pending).toBe(0)
  await settled()
})

test('an abort takes out only the one whose signal it is', async () => {
  const { queue, heard, join } = setUp()
  const abort = new AbortController()
  join('a')
  join('b', 1000, abort.signal)
  join('c')
  abort.abort('enough')
  while (queue.offer(() => 'it'));
  await settled()
  expect(heard).toEqual(['gave up', 'b: aborted: enough', 'a got it', 'c got it'])
})

test('rejecting the first leaves the others, and the first as well when it is not meant', async () => {
  const { queue, heard, join } = setUp()
  const no = () => new Error('no')
  queue.reject(no, () => true, 'first')
  join('a')
  join('b')
  queue.reject(no, (terms) => terms.label === 'b', 'first')
  expect(queue.length).toBe(2)
  queue.reject(no, (terms) => terms.label === 'b', 'all')
  queue.reject(no, () => true, 'first')
  await settled()
  expect(heard).toEqual(['b: no', 'a: no'])
})

test('an offer to those who share is refused while one who does not is first, and goes to nobody behind it', async () => {
  const { clock, queue, heard, join } = setUp()
  join('short', 100)
  join('alone', 200)
  join('sharing', 1000, undefined, true)
  clock.freeze(100)
  expect(queue.offer(() => 'it', 'sharers')).toBe(false)
  expect(queue.length).toBe(2)
  clock.freeze(100)
  expect(queue.offer(() => 'it', 'sharers')).toBe(true)
  await settled()
  expect(heard).toEqual(['short: timeout after 100', 'alone: timeout after 200', 'sharing got it'])
})

test('it is told when somebody gives up by the clock or by its signal, and not when an offer turns somebody away', async () => {
  const { clock, queue, heard, join } = setUp()
  const abort = new AbortController()
  join('timed out', 100)
  join('aborted', 1000, abort.signal)
  join('overdue', 300)
  await clock.advance(100)
  abort.abort('enough')
  clock.stall(200)
  queue.offer(() => 'it')
  await settled()
  expect(heard).toEqual([
    'gave up',
    'timed out: timeout after 100',
    'gave up',
    'aborted: aborted: enough',
    'overdue: timeout after 300',
  ])
})
