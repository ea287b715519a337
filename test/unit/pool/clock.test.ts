import { expect, test } from 'vitest'
import { elapsedMillis, systemClock } from '../../../src/pool/clock'

test.each([
  ['both run', { wall: 150, monotonic: 150 }, 50],
  ['the wall clock stepped back', { wall: -3600, monotonic: 150 }, 50],
  ['the wall clock stepped forward', { wall: 3700, monotonic: 150 }, 3600],
  ['the monotonic clock stood still', { wall: 150, monotonic: 100 }, 50],
  ['both went back', { wall: 50, monotonic: 50 }, 0],
])('E2, E3: elapsed is the larger of both clocks and never negative: %s', (_, now, elapsed) => {
  expect(elapsedMillis({ wall: 100, monotonic: 100 }, now)).toBe(elapsed)
})

test('E8: between equal timestamps nothing has elapsed', () => {
  const now = { wall: 7, monotonic: 7 }
  expect(elapsedMillis(now, now)).toBe(0)
})

test('the system clock tells the time of this process', () => {
  const before = Date.now()
  const { wall, monotonic } = systemClock.now()
  expect(wall).toBeGreaterThanOrEqual(before)
  expect(systemClock.wall()).toBeGreaterThanOrEqual(wall)
  expect(systemClock.now().monotonic).toBeGreaterThanOrEqual(monotonic)
  expect(systemClock.monotonic()).toBeGreaterThanOrEqual(monotonic)
})

/** Timers that keep this process. */
const keeping = () => process.getActiveResourcesInfo().filter((it) => it === 'Timeout').length

test('a system timer rings no earlier than asked, and keeps the process only when told to', async () => {
  const since = systemClock.now()
  const before = keeping()
  await new Promise<void>((resolve) => {
    const timer = systemClock.setTimer(1.5, resolve)
    expect(keeping()).toBe(before)
    timer.ref()
    expect(keeping()).toBe(before + 1)
  })
  expect(elapsedMillis(since, systemClock.now())).toBeGreaterThanOrEqual(1)
})

test('a system timer that was cancelled does not ring', async () => {
  let rung = false
  const timer = systemClock.setTimer(1, () => {
    rung = true
  })
  timer.cancel()
  await new Promise<void>((resolve) => systemClock.setTimer(3, resolve).ref())
  expect(rung).toBe(false)
})

test('a system timer of 100 days does not ring at once', async () => {
  let rung = false
  const timer = systemClock.setTimer(100 * 24 * 3600 * 1000, () => {
    rung = true
  })
  await new Promise<void>((resolve) => systemClock.setTimer(2, resolve).ref())
  timer.cancel()
  expect(rung).toBe(false)
})
