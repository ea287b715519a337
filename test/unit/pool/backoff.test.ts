import { expect, test } from 'vitest'
import { Backoff } from '../../../src/pool/backoff'
import { FakeClock } from '../../support/fake-clock'

const setUp = (random = 1) => {
  const clock = new FakeClock()
  return { clock, backoff: new Backoff(clock, () => random) }
}

test('before any failure there is no pause', () => {
  const { backoff } = setUp()
  expect([backoff.round, backoff.remainingMillis()]).toEqual([0, 0])
})

test('each failed round doubles the pause, up to half a second', () => {
  const { backoff } = setUp()
  const pauses: number[] = []
  for (let round = 0; round < 8; round += 1) {
    backoff.failed(round)
    pauses.push(backoff.remainingMillis())
  }
  expect(pauses).toEqual([50, 100, 200, 400, 500, 500, 500, 500])
})

test('however long the database is away, the pause stays finite', () => {
  const { backoff } = setUp()
  for (let round = 0; round < 2000; round += 1) backoff.failed(round)
  expect(backoff.remainingMillis()).toBe(500)
})

test('chance may take off anything of the pause', () => {
  const { backoff } = setUp(0.25)
  backoff.failed(0)
  expect(backoff.remainingMillis()).toBe(12.5)
})

test('of those that failed together only the first makes the pause longer', () => {
  const { backoff } = setUp()
  for (let dial = 0; dial < 20; dial += 1) backoff.failed(0)
  expect([backoff.round, backoff.remainingMillis()]).toEqual([1, 50])
})

test('E3: the pause is over by whichever clock says so first', () => {
  const { clock, backoff } = setUp()
  backoff.failed(0)
  clock.stall(20)
  expect(backoff.remainingMillis()).toBe(30)
  clock.freeze(10_000)
  expect(backoff.remainingMillis()).toBe(0)
})

test('a success ends the pause, and the next failure starts from the bottom', () => {
  const { backoff } = setUp()
  backoff.failed(0)
  backoff.failed(1)
  backoff.reset()
  expect([backoff.round, backoff.remainingMillis()]).toEqual([0, 0])
  backoff.failed(0)
  expect(backoff.remainingMillis()).toBe(50)
})

test('a server that is full is given longer pauses, up to two seconds', () => {
  const { backoff } = setUp()
  for (let round = 0; round < 20; round += 1) backoff.failed(round, true)
  expect(backoff.remainingMillis()).toBe(2000)
})
