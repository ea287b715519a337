import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { Checkout } from '../../../src/pool/slot'
import type { PgClient } from '../../../src/postgres/connection/pg-client'
import { noteLease } from '../../../src/postgres/connection/session/lease'
import { KeepAlive } from '../../../src/postgres/query/borrowing/keep-alive'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A lent client whose session has this lease, and when it was pinged. */
function lend(leaseMillis: number) {
  const pings: number[] = []
  const client = {
    connection: {},
    _queryQueue: [] as unknown[],
    _pulseQueryQueue(this: { _queryQueue: unknown[] }) {
      pings.push(Date.now() - began)
      this._queryQueue.length = 0
    },
  }
  const began = Date.now()
  noteLease(client, leaseMillis)
  const checkout = { state: 'open', resource: client } as unknown as Checkout<PgClient> & { state: string }
  return { checkout, pings }
}

it('pings a lent client a few times in its own lease, and none more often', () => {
  const clients = new Set<Checkout<PgClient>>()
  const alive = new KeepAlive(clients)
  const long = lend(75_000)
  clients.add(long.checkout)
  alive.lent(long.checkout.resource)
  vi.advanceTimersByTime(75_000)
  expect(long.pings).toEqual([25_000, 50_000, 75_000])
  alive.end()
  expect(vi.getTimerCount()).toBe(0)
})

it('rings as the shortest lease of those that are lent asks for, as long as they are', () => {
  const clients = new Set<Checkout<PgClient>>()
  const alive = new KeepAlive(clients)
  const [long, short] = [lend(75_000), lend(15_000)]
  for (const { checkout } of [long, short]) {
    clients.add(checkout)
    alive.lent(checkout.resource)
  }
  vi.advanceTimersByTime(15_000)
  expect(short.pings).toEqual([5000, 10_000, 15_000])
  clients.delete(short.checkout)
  vi.advanceTimersByTime(60_000)
  expect(short.pings).toHaveLength(3)
  expect(long.pings.at(-1)).toBe(70_000)
  expect(long.pings).not.toContain(25_000)
})

it('needs no timer where there is no lease, or nobody has a client any more', () => {
  const clients = new Set<Checkout<PgClient>>()
  const alive = new KeepAlive(clients)
  const free = lend(Number.POSITIVE_INFINITY)
  clients.add(free.checkout)
  alive.lent(free.checkout.resource)
  expect(vi.getTimerCount()).toBe(0)
  const one = lend(3000)
  clients.add(one.checkout)
  alive.lent(one.checkout.resource)
  one.checkout.state = 'released'
  vi.advanceTimersByTime(1000)
  expect([one.pings, vi.getTimerCount()]).toEqual([[], 0])
})
