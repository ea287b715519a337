import { expect, it } from 'vitest'
import { connectionsToKeep, leaseToDial } from '../../../src/lambda/keep-policy'
import type { History } from '../../../src/replay/environments'
import { cost, leastCost, type Policy, replay } from '../../../src/replay/replay'
import { type Order, recordedDay } from './support/day'

/** What a connect is worth here: so many ms of an idle session. */
const CONNECT_MILLIS = 60_000
/** As most functions run. */
const TIMEOUT_MILLIS = 3000
const DAY_MILLIS = 86_400_000

const auto: Policy = {
  dial: (gapsMillis) => leaseToDial(gapsMillis, TIMEOUT_MILLIS),
  keeps(gapsMillis, leaseMillis, invocations) {
    const seen = { pooling: 'auto', min: undefined, held: [1], initialization: 'on-demand' } as const
    const { most, isWorth } = connectionsToKeep({ ...seen, invocations, gapsMillis })
    return most > 0 && isWorth(leaseMillis)
  },
}
/** The longest lease that there is, for every connection. */
const always: Policy = { dial: () => 300_000, keeps: () => true }

function outcomes(order: Order) {
  const day = recordedDay(order)
  const all: History[] = day.flatMap(({ environments }) => environments)
  const rare = day.filter(({ calls }) => calls <= 24).flatMap(({ environments }) => environments)
  const { warm, reused, ...rest } = replay(all, auto)
  return {
    calls: day.reduce((sum, it) => sum + it.calls, 0),
    reuse: reused / warm,
    idleOfAlways: rest.idleMillis / replay(all, always).idleMillis,
    cost: cost({ warm, reused, ...rest }, CONNECT_MILLIS) / leastCost(all, CONNECT_MILLIS),
    rareSessions: replay(rare, auto).idleMillis / DAY_MILLIS,
  }
}

const PATIENCE_MILLIS = 120_000

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
