import { expect, it } from 'vitest'
import type { History } from '../../../src/replay/environments'
import { pooling } from '../../../src/replay/policies'
import { costOf, leastCost, replay } from '../../../src/replay/replay'
import { type Order, recordedDay } from './support/day'

/** What a connect is worth here: so many ms of an idle session. */
const CONNECT_MILLIS = 60_000
/** As most functions run. */
const TIMEOUT_MILLIS = 3000
const DAY_MILLIS = 86_400_000
const PATIENCE_MILLIS = 120_000

const auto = pooling({ pooling: 'auto', min: undefined }, TIMEOUT_MILLIS)
/** The longest lease that there is, for every connection. */
const always = pooling({ pooling: 'always', min: 1, leaseMillis: 300_000 }, TIMEOUT_MILLIS)

function outcomes(order: Order) {
  const day = recordedDay(order)
  const all: History[] = day.flatMap(({ environments }) => environments)
  const rare = day.filter(({ calls }) => calls <= 24).flatMap(({ environments }) => environments)
  const outcome = replay(all, auto)
  return {
    calls: day.reduce((sum, it) => sum + it.calls, 0),
    reuse: outcome.reused / outcome.warm,
    idleOfAlways: outcome.idleMillis / replay(all, always).idleMillis,
    cost: costOf(outcome, CONNECT_MILLIS) / leastCost(all, CONNECT_MILLIS),
    rareSessions: replay(rare, auto).idleMillis / DAY_MILLIS,
  }
}

it(
  'reuses what is reused soon and keeps nothing for the rare, on a recorded day',
  () => {
    const it = outcomes('timers')
    expect(it.calls).toBe(927_272)
    expect(it.reuse).toBeGreaterThan(0.84)
    expect(it.idleOfAlways).toBeLessThan(0.34)
    expect(it.cost).toBeLessThan(1.24)
    expect(it.rareSessions).toBeLessThan(0.3)
  },
  PATIENCE_MILLIS,
)

it(
  'does nearly as well where calls come by chance',
  () => {
    const it = outcomes('chance')
    expect(it.reuse).toBeGreaterThan(0.82)
    expect(it.idleOfAlways).toBeLessThan(0.36)
    expect(it.cost).toBeLessThan(1.3)
    expect(it.rareSessions).toBeLessThan(0.3)
  },
  PATIENCE_MILLIS,
)
