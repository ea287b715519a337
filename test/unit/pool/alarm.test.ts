import { expect, test } from 'vitest'
import { Alarm, type Alert } from '../../../src/pool/alarm'
import { FakeClock } from '../../support/fake-clock'

const setUp = () => {
  const clock = new FakeClock()
  const alarm = new Alarm(clock)
  const rung: string[] = []
  const set = (name: string, millis: number, patience: 'keeps-process' | 'lets-exit' = 'lets-exit'): Alert =>
    alarm.set(millis, () => rung.push(name), patience)
  return { clock, alarm, rung, set }
}

test('alerts ring in the order in which they are due, whatever the order they were set in', async () => {
  const { clock, alarm, rung, set } = setUp()
  const millis = [70, 10, 50, 30, 90, 20, 60, 40, 80, 100]
  for (const due of millis) set(String(due), due)
  await clock.advance(55)
  expect(rung).toEqual(['10', '20', '30', '40', '50'])
  await clock.advance(45)
  expect(rung).toEqual(millis.toSorted((a, b) => a - b).map(String))
  expect(alarm.pending).toBe(0)
})

test('an alert rings once, on its millisecond and not before', async () => {
  const { clock, rung, set } = setUp()
  set('it', 100)
  await clock.advance(99)
  expect(rung).toEqual([])
  await clock.advance(1)
  await clock.advance(1000)
  expect(rung).toEqual(['it'])
})

test('an alert after Infinity needs no timer and never rings', async () => {
  const { clock, alarm, set } = setUp()
  const alert = set('never', Number.POSITIVE_INFINITY, 'keeps-process')
  expect(alarm.pending).toBe(0)
  expect(clock.liveTimers).toBe(0)
  expect(() => alert.cancel()).not.toThrow()
})

test('however many alerts are set, there is one timer', () => {
  const { clock, set } = setUp()
  for (const millis of [50, 40, 60, 30, 70]) set(String(millis), millis)
  expect(clock.liveTimers).toBe(1)
})

test('cancelling any one alert, anywhere in the heap, leaves the order of the others', async () => {
  const dues = [10, 60, 20, 80, 70, 30, 40, 90, 100, 85, 75, 35]
  for (let cancelled = 0; cancelled < dues.length; cancelled += 1) {
    const { clock, alarm, rung, set } = setUp()
    const alerts = dues.map((due) => set(String(due), due))
    alerts[cancelled]?.cancel()
    alerts[cancelled]?.cancel()
    expect(alarm.pending).toBe(dues.length - 1)
    await clock.advance(100)
    expect(rung).toEqual(
      dues
        .filter((_, index) => index !== cancelled)
        .sort((a, b) => a - b)
        .map(String),
    )
  }
})

test('when the first alert is cancelled, its timer rings in vain and the next is still in time', async () => {
  const { clock, rung, set } = setUp()
  const first = set('first', 10)
  set('second', 30)
  first.cancel()
  await clock.advance(29)
  expect(rung).toEqual([])
  expect(clock.liveTimers).toBe(1)
  await clock.advance(1)
  expect(rung).toEqual(['second'])
})

test('when every alert is cancelled, the last timer goes out and none is set again', async () => {
  const { clock, rung, set } = setUp()
  set('it', 10).cancel()
  await clock.advance(10)
  expect(rung).toEqual([])
  expect(clock.liveTimers).toBe(0)
})

test('an alert that is due earlier than the timer brings the timer forward', async () => {
  const { clock, rung, set } = setUp()
  set('late', 100)
  await clock.advance(10)
  set('early', 20)
  await clock.advance(20)
  expect(rung).toEqual(['early'])
  await clock.advance(70)
  expect(rung).toEqual(['early', 'late'])
})

test('an alert may set and cancel others while it rings', async () => {
  const { clock, alarm, rung, set } = setUp()
  const victim = set('victim', 10)
  alarm.set(
    5,
    () => {
      rung.push('ringing')
      victim.cancel()
      set('at once', 0)
      set('later', 20)
    },
    'lets-exit',
  )
  await clock.advance(10)
  expect(rung).toEqual(['ringing', 'at once'])
  await clock.advance(15)
  expect(rung).toEqual(['ringing', 'at once', 'later'])
})

test('a timer that rings too early is set again for the rest', async () => {
  const clock = new FakeClock()
  const impatient = {
    now: () => clock.now(),
    wall: () => clock.wall(),
    setTimer: (millis: number, ring: () => void) => clock.setTimer(Math.min(millis, 40), ring),
  }
  const alarm = new Alarm(impatient)
  const rung: string[] = []
  alarm.set(100, () => rung.push('it'), 'lets-exit')
  await clock.advance(99)
  expect(rung).toEqual([])
  await clock.advance(1)
  expect(rung).toEqual(['it'])
})

test('E3: after a sleep in which the monotonic clock stood still, a sweep rings what is due by the wall clock', () => {
  const { clock, alarm, rung, set } = setUp()
  set('long', 10_000)
  set('short', 100)
  clock.freeze(5000)
  alarm.sweep()
  expect(rung).toEqual(['short'])
  clock.freeze(5000)
  alarm.sweep()
  expect(rung).toEqual(['short', 'long'])
})

test('a sweep rings in the order in which they are due, whatever their places in the heap', () => {
  const { clock, alarm, rung, set } = setUp()
  const millis = [10, 60, 20, 80, 70, 20, 40, 90, 100, 85, 75, 35]
  for (const [index, due] of millis.entries()) set(`${due} as number ${index}`, due)
  clock.freeze(1000)
  alarm.sweep()
  expect(rung.map((it) => Number.parseInt(it, 10))).toEqual(millis.toSorted((a, b) => a - b))
  expect(rung.slice(1, 3)).toEqual(['20 as number 2', '20 as number 5'])
})

test('a sweep rings nothing that is not due, and leaves one timer for the rest', async () => {
  const { clock, alarm, rung, set } = setUp()
  set('short', 100)
  set('long', 10_000)
  set('middle', 200)
  clock.freeze(150)
  alarm.sweep()
  expect(rung).toEqual(['short'])
  expect(clock.liveTimers).toBe(1)
  // 'middle' has 50 ms left by the wall clock and 200 by the monotonic one: it rings at the timer's next turn between the two.
  await clock.advance(49)
  expect(rung).toEqual(['short'])
  await clock.advance(151)
  expect(rung).toEqual(['short', 'middle'])
  await clock.advance(9800)
  expect(rung).toEqual(['short', 'middle', 'long'])
})

test('what an alert cancels during a sweep does not ring', () => {
  const { clock, alarm, rung, set } = setUp()
  const alerts: Alert[] = []
  alarm.set(
    10,
    () => {
      for (const alert of alerts) alert.cancel()
    },
    'lets-exit',
  )
  alerts.push(set('one', 20), set('two', 30))
  clock.freeze(1000)
  alarm.sweep()
  expect(rung).toEqual([])
})

test('D8: the timer keeps the process only while an alert that may is pending', async () => {
  const { clock, set } = setUp()
  set('quiet', 100)
  expect(clock.keepsProcess).toBe(false)
  const one = set('one', 200, 'keeps-process')
  const two = set('two', 300, 'keeps-process')
  expect(clock.keepsProcess).toBe(true)
  one.cancel()
  expect(clock.keepsProcess).toBe(true)
  two.cancel()
  expect(clock.keepsProcess).toBe(false)
  set('three', 50, 'keeps-process')
  expect(clock.keepsProcess).toBe(true)
  await clock.advance(50)
  expect(clock.keepsProcess).toBe(false)
})

test('D8: a timer that is set for an alert that lets exit keeps the process for a later one that does not', async () => {
  const { clock, set } = setUp()
  set('keeping', 200, 'keeps-process')
  set('quiet', 50)
  expect(clock.keepsProcess).toBe(true)
  await clock.advance(50)
  expect(clock.keepsProcess).toBe(true)
  await clock.advance(150)
  expect(clock.keepsProcess).toBe(false)
})

test('E7: after stop there is no timer, nothing rings, and cancelling what was pending is harmless', async () => {
  const { clock, alarm, rung, set } = setUp()
  const alert = set('it', 100, 'keeps-process')
  set('other', 50)
  alarm.stop()
  alert.cancel()
  expect(clock.liveTimers).toBe(0)
  expect(alarm.pending).toBe(0)
  await clock.advance(1000)
  expect(rung).toEqual([])
  set('again', 10, 'keeps-process')
  expect(clock.keepsProcess).toBe(true)
})

test('an alarm that is stopped by one of its alerts rings no other', async () => {
  const { clock, alarm, rung, set } = setUp()
  alarm.set(10, () => alarm.stop(), 'lets-exit')
  set('it', 10)
  await clock.advance(10)
  expect(rung).toEqual([])
  expect(clock.liveTimers).toBe(0)
})
