import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalService, startLocalService } from '../../infra/local/service'
import type { EnvironmentView } from '../../src/local/watch/fleet'
import { Listener } from './support/events'

let service: LocalService
let events: Listener

beforeAll(async () => {
  service = await startLocalService({ port: 0, visibilityMillis: 50 })
  events = await Listener.start(service.url)
})
afterAll(async () => {
  events.stop()
  await service.close()
})

const order = { customer: 'Ada', lines: [{ product: 'tea', quantity: 2 }] }

async function ask(method: string, path: string, body?: string, type = 'application/json') {
  const init = body === undefined ? { method } : { method, body, headers: { 'content-type': type } }
  const response = await fetch(`${service.url}${path}`, init)
  const text = await response.text()
  const isJson = response.headers.get('content-type')?.startsWith('application/json')
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text }
}

const place = () => ask('POST', '/orders', JSON.stringify(order))
const environmentsOf = (views: readonly EnvironmentView[], name: string) => views.filter((it) => it.function === name)

/** An environment of the API that is frozen and holds a session: it was called more than once. */
async function warmEnvironment(): Promise<EnvironmentView> {
  for (let call = 0; call < 2; call++) expect((await place()).status).toBe(201)
  const { environmentId } = events.of('call').at(-1) ?? { environmentId: '' }
  const from = events.heard.length
  const views = await events.until('environments', (it) =>
    it.some(({ id, state }) => id === environmentId && state === 'frozen'),
  )
  const found = views.find(({ id }) => id === environmentId)
  if (found === undefined) throw new Error('bug: it was just found')
  // What was last seen of the session may be from the middle of the call.
  const holds = (sessions: readonly { environmentPid: number; state: string }[]) =>
    sessions.some(({ environmentPid, state }) => environmentPid === found.pid && state === 'idle')
  if (!holds(events.of('sessions').at(-1) ?? [])) await events.until('sessions', holds, from)
  return found
}

describe('the service, over HTTP', () => {
  it('answers each of its routes', async () => {
    const placed = await place()
    expect(placed.status).toBe(201)
    expect(placed.headers.get('location')).toBe(`/orders/${placed.body.id}`)
    expect(await ask('GET', `/orders/${placed.body.id}`)).toMatchObject({
      status: 200,
      body: { id: placed.body.id, customer: 'Ada', lines: order.lines },
    })
    expect(await ask('GET', '/report')).toMatchObject({ status: 200, body: { orders: expect.any(Number) } })
  })

  it('refuses what the deployed one refuses', async () => {
    expect(await ask('POST', '/orders', '{}')).toMatchObject({ status: 400 })
    expect(await ask('GET', '/orders/999999')).toMatchObject({
      status: 404,
      body: { message: 'There is no order 999999' },
    })
    expect(await ask('GET', '/orders/%')).toMatchObject({ status: 400, body: { message: 'Bad Request' } })
    for (const [method, path] of [
      ['DELETE', '/orders/1'],
      ['GET', '/orders'],
      ['GET', '/nothing'],
      ['POST', '/local/nothing'],
    ] as const) {
      expect(await ask(method, path), `${method} ${path}`).toMatchObject({
        status: 404,
        body: { message: 'Not Found' },
      })
    }
    expect(await ask('POST', '/orders', 'a'.repeat(6 * 1024 * 1024 + 1))).toMatchObject({ status: 413 })
  })

  it('takes an order whatever the request says that it is', async () => {
    const type = 'application/x-www-form-urlencoded'
    expect((await ask('POST', '/orders', JSON.stringify(order), type)).status).toBe(201)
  })
})

describe('the events', () => {
  it('show an environment that starts, runs, and is frozen', async () => {
    const from = events.heard.length
    await place()
    const { environmentId } = await events.until('call', (it) => it.function === 'orders', from)
    const seen = () => {
      const states = events.of('environments').flatMap((views) => views.filter(({ id }) => id === environmentId))
      return new Set(states.map(({ state, invocations }) => (invocations > 1 ? state : `${state} first`)))
    }
    await events.until('environments', () => seen().has('frozen'), from)
    expect([...seen()]).toEqual(expect.arrayContaining(['starting first', 'running', 'frozen']))
  })

  it('show the session that it keeps while it is frozen', async () => {
    const { pid } = await warmEnvironment()
    const sessions = events.of('sessions').at(-1)
    expect(sessions).toContainEqual(expect.objectContaining({ environmentPid: pid, function: 'orders', state: 'idle' }))
  })

  it('show that one which is retired says goodbye to the database', async () => {
    const { id, pid } = await warmEnvironment()
    const from = events.heard.length
    expect((await ask('POST', `/local/environments/${id}/retire`)).status).toBe(200)
    const views = await events.until(
      'environments',
      (it) => it.some((view) => view.id === id && view.state === 'gone'),
      from,
    )
    expect(views.find((view) => view.id === id)?.end).toBe('retired')
    await events.until('sessions', (it) => it.every(({ environmentPid }) => environmentPid !== pid), from)
  })

  it('show that one which is killed leaves its session behind', async () => {
    const { id, pid } = await warmEnvironment()
    const from = events.heard.length
    expect((await ask('DELETE', `/local/environments/${id}`)).status).toBe(200)
    const views = await events.until(
      'environments',
      (it) => it.some((view) => view.id === id && view.state === 'gone'),
      from,
    )
    expect(views.find((view) => view.id === id)?.end).toBe('killed')
    // Whatever comes next at the database, that session is still there.
    await warmEnvironment()
    expect(events.of('sessions').at(-1)).toContainEqual(expect.objectContaining({ environmentPid: pid }))
  })

  it('begin with how things stand', async () => {
    const late = await Listener.start(service.url)
    expect(await late.until('service', () => true)).toMatchObject({
      functions: [
        { name: 'orders', concurrency: 10, max: 1 },
        { name: 'fulfilOrders', concurrency: 5, max: 1 },
        { name: 'dailyReport', concurrency: 1, max: 1 },
        { name: 'misbehaving', concurrency: 2, max: 1 },
      ],
      idleMillis: 60_000,
    })
    expect((await late.until('environments', () => true)).length).toBeGreaterThan(0)
    late.stop()
  })
})

describe('what AWS would do', () => {
  it('starts an environment for each call of a burst, as far as they may, and turns away the others', async () => {
    const { status, body } = await ask('POST', '/local/burst?orders=12')
    expect(status).toBe(200)
    const statuses = body.map(({ statusCode }: { statusCode: number }) => statusCode).sort()
    expect(statuses).toEqual([...Array(10).fill(201), 503, 503])
    const alive = environmentsOf(events.of('environments').at(-1) ?? [], 'orders').filter(
      ({ state }) => state !== 'gone',
    )
    expect(alive).toHaveLength(10)
  })

  it('delivers messages in batches', async () => {
    const ids = await Promise.all([place(), place()].map(async (answer) => (await answer).body.id))
    const from = events.heard.length
    for (const id of ids) expect((await ask('POST', '/local/queue', JSON.stringify({ id }))).status).toBe(202)
    await events.until('call', (it) => it.function === 'fulfilOrders' && it.outcome === 'response', from)
    await events.until('queue', ({ waiting, inFlight }) => waiting + inFlight === 0, from)
    for (const id of ids) expect((await ask('GET', `/orders/${id}`)).body.fulfilledAt).toEqual(expect.any(String))
  })

  it('delivers a message that fails five times, and then puts it aside', async () => {
    const from = events.heard.length
    await ask('POST', '/local/queue', 'no order')
    const { failed } = await events.until('queue', (it) => it.failed.length > 0, from)
    expect(failed).toEqual(['no order'])
    const calls = events.heard.slice(from).filter((it) => it.topic === 'call' && it.value.function === 'fulfilOrders')
    expect(calls).toHaveLength(5)
  })

  it('runs the schedule', async () => {
    const { body: report } = await ask('GET', '/report')
    expect(await ask('POST', '/local/schedule')).toMatchObject({ status: 200, body: { ordered: report.orders } })
    await events.until('log', ({ text }) => JSON.parse(text).message === 'daily report')
  })
})

describe('the page', () => {
  it('is one file that asks for nothing from elsewhere', async () => {
    const { status, headers, body } = await ask('GET', '/')
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect([...body.matchAll(/(?:src|href)="(?!data:|#)[^"]*"|url\(|@import|https?:\/\/(?!www\.w3\.org)/g)]).toEqual([])
  })

  it('gets a reason for what can not be', async () => {
    expect(await ask('POST', '/local/burst?orders=many')).toMatchObject({
      status: 400,
      body: { message: 'Expected `orders` to be an integer from 1 to 50' },
    })
    expect(await ask('DELETE', '/local/environments/none')).toMatchObject({
      status: 404,
      body: { message: 'There is no environment none' },
    })
  })
})
