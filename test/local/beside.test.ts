import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalService, startLocalService } from '../../infra/local/service'
import type { BesideView } from '../../src/local/act/beside'
import type { Showing } from '../../src/local/act/faults'
import type { Side } from '../../src/local/watch/fleet'
import { Listener } from './support/events'

let service: LocalService
let events: Listener

beforeAll(async () => {
  service = await startLocalService({ port: 0 })
  events = await Listener.start(service.url)
})
afterAll(async () => {
  events?.stop()
  await service?.close()
})

async function ask<T>(method: string, path: string): Promise<T> {
  const response = await fetch(`${service.url}${path}`, { method })
  expect(response.status).toBe(200)
  return (await response.json()) as T
}

/** How many calls of the orders function each side has answered, and how many failed. */
function counts(from: number): Record<Side, { calls: number; failed: number }> {
  const calls = events.heard.slice(from).flatMap((it) => (it.topic === 'call' ? [it.value] : []))
  const of = (side: Side) => {
    const own = calls.filter((call) => call.function === 'orders' && call.side === side)
    return { calls: own.length, failed: own.filter(({ failed }) => failed).length }
  }
  return { 'pg-thaw': of('pg-thaw'), 'pg.Pool': of('pg.Pool') }
}

describe('pg.Pool beside', () => {
  it('starts each function once more', async () => {
    const view = await ask<BesideView>('POST', '/local/beside')
    expect(view).toMatchObject({
      isOn: true,
      functions: ['orders', 'fulfilOrders', 'dailyReport', 'misbehaving'],
      refused: {},
    })
    const views = await events.until('environments', (it) => it.some(({ side }) => side === 'pg.Pool'))
    expect(views.filter(({ side }) => side === 'pg.Pool').length).toBeGreaterThan(0)
    // Whoever asks again hears the same.
    expect(await ask<BesideView>('POST', '/local/beside')).toEqual(view)
  })

  it('fails the call after sessions ended in the freeze, of which pg-thaw lets nobody know', async () => {
    const from = events.heard.length
    const { next, isWell } = await ask<Showing>('POST', '/local/faults/end-sessions')
    expect(next).toMatch(/^the next order: 201 in \d+ ms; with pg\.Pool: 500 in \d+ ms$/)
    expect(isWell).toBe(true)
    // Two calls to have sessions, and the one after the fault.
    await events.until('call', () => counts(from)['pg.Pool'].calls + counts(from)['pg-thaw'].calls === 6, from)
    expect(counts(from)).toEqual({ 'pg-thaw': { calls: 3, failed: 0 }, 'pg.Pool': { calls: 3, failed: 1 } })
  })

  it('has its sessions apart from the others', async () => {
    const sides = (sessions: readonly { side: Side }[]) => [...new Set(sessions.map(({ side }) => side))].sort()
    const from = events.heard.length
    await ask('POST', '/local/burst?orders=1')
    const sessions = await events.until('sessions', (it) => sides(it).length === 2, from)
    expect(sides(sessions)).toEqual(['pg-thaw', 'pg.Pool'])
    await events.until('load', ({ count, beside }) => Number(count) > 0 && Number(beside) > 0)
  })

  it('lets calls with pg-thaw be answered while it waits for a client that nobody releases', async () => {
    const { next, isWell } = await ask<Showing>('POST', '/local/faults/leaked-client')
    expect(next).toMatch(/^the next call: response in \d+ ms; with pg\.Pool: timeout in \d+ ms$/)
    expect(isWell).toBe(true)
  })

  it('ends with all of its environments, and calls are made once again', async () => {
    const from = events.heard.length
    expect(await ask<BesideView>('DELETE', '/local/beside')).toMatchObject({ isOn: false, functions: [] })
    await events.until('environments', (it) => it.every(({ side }) => side === 'pg-thaw'), from)
    const since = events.heard.length
    await ask('POST', '/local/burst?orders=2')
    await events.until('call', () => counts(since)['pg-thaw'].calls === 2, since)
    expect(counts(since)['pg.Pool'].calls).toBe(0)
  })
})
