import { once } from 'node:events'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalService, startLocalService } from '../../infra/local/service'
import type { Showing } from '../../src/local/act/faults'
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

async function post(path: string): Promise<{ status: number; body: Showing & { message?: string } }> {
  const response = await fetch(`${service.url}${path}`, { method: 'POST' })
  return { status: response.status, body: (await response.json()) as Showing & { message?: string } }
}

/** Has a fault happen, and says what the page heard of it. */
async function show(fault: string) {
  const from = events.heard.length
  const { status, body } = await post(`/local/faults/${fault}`)
  expect(status, body.message).toBe(200)
  const told = await events.until('fault', (it) => it.fault === fault, from)
  expect(await events.until('shown', (it) => it.fault === fault, from)).toMatchObject(body)
  return { from, told, ...body }
}

const passed = expect.stringMatching(/^the next order: 201 in \d+ ms$/)

describe('a fault', () => {
  it('ends sessions, and the next order finds out and connects', async () => {
    const { from, ...shown } = await show('end-sessions')
    expect(shown).toMatchObject({
      did: '1 session ended',
      next: passed,
      isWell: true,
      told: { text: '1 session ended' },
    })
    expect(await events.until('report', (it) => it.lost > 0, from)).toMatchObject({ function: 'orders', dials: 1 })
  })

  it('loses packets, and the next order finds out and connects', async () => {
    const { from, ...shown } = await show('lose-packets')
    expect(shown).toMatchObject({ did: '1 connection forgotten: packets are lost', next: passed, isWell: true })
    expect(await events.until('report', (it) => it.lost > 0, from)).toMatchObject({ function: 'orders', dials: 1 })
  })

  it('rotates the password, and the next order signs in with the new one', async () => {
    const { from, ...shown } = await show('rotate-password')
    // The session of the flow that was forgotten is at the server until its lease is over.
    expect(shown).toMatchObject({ did: 'another password, and 2 sessions ended', next: passed, isWell: true })
    expect(await events.until('report', (it) => it.dials > 0, from)).toMatchObject({ function: 'orders' })
  })

  it('restarts the database, which is seen to be down and up again', async () => {
    const { from, ...shown } = await show('restart-database')
    expect(shown).toMatchObject({ did: 'the database was restarted', next: passed, isWell: true })
    await events.until('database', ({ isUp }) => !isUp, from)
    await events.until('load', ({ count }) => count === null, from)
    await events.until('load', ({ count }) => count !== null && count > 0, from)
    expect(events.of('database').at(-1)).toEqual({ isUp: true })
  })

  it('runs a query that is too slow, and the environment lives on', async () => {
    const { did, next, isWell } = await show('slow-query')
    expect(did).toMatch(/^a query of 60 s in a call that may take 3 s: the call fails \(.+\) after \d+ ms$/)
    expect([next, isWell]).toEqual([expect.stringMatching(/^the next call: response in \d+ ms$/), true])
    const gone = events.of('lane').filter((view) => view.function === 'misbehaving' && view.state === 'gone')
    expect(gone).toEqual([])
  })

  it.each(['leaked-client', 'missing-await'] as const)(
    'leaves work behind by a %s, which is cut off',
    async (fault) => {
      const { from, did, isWell } = await show(fault)
      expect(did).toContain(': the call answers after ')
      expect(isWell).toBe(true)
      expect(await events.until('report', (it) => it.unfinished > 0, from)).toMatchObject({
        function: 'misbehaving',
        unfinished: 1,
      })
    },
  )

  it('strikes the sessions of one environment', async () => {
    const views = await events.until('environments', (it) => it.some(({ function: name }) => name === 'orders'))
    const { id, pid } = views.find(({ function: name }) => name === 'orders') ?? { id: '', pid: 0 }
    for (const [action, text] of [
      ['lose-packets', '1 connection of an environment forgotten'],
      ['end-session', `1 session of ${pid} ended`],
    ]) {
      const from = events.heard.length
      expect((await post(`/local/environments/${id}/${action}`)).status).toBe(200)
      expect(await events.until('fault', () => true, from)).toMatchObject({ text })
    }
  })

  it('says so when it can not happen now', async () => {
    // The function has two environments at the most.
    const answers = await Promise.all([1, 2, 3].map(() => post('/local/faults/missing-await')))
    const refused = answers.filter(({ status }) => status !== 200)
    expect(refused).toEqual([{ status: 503, body: { message: expect.stringMatching(/^Not now: /) } }])
  })

  it('has a name that is known', async () => {
    expect(await post('/local/faults/flood')).toMatchObject({
      status: 404,
      body: { message: expect.stringContaining('end-sessions, restart-database, lose-packets') },
    })
  })
})

describe('who comes later', () => {
  it('hears first what happened before, in order, and then how things stand', async () => {
    const topics = ['call', 'lane', 'report', 'fault', 'shown', 'load'] as const
    const before = topics.map((topic) => events.of(topic))
    const late = await Listener.start(service.url)
    await late.until('service', () => true)
    for (const [place, topic] of topics.entries()) {
      const heard = before[place] ?? []
      expect(heard.length, topic).toBeGreaterThan(0)
      expect(late.of(topic).slice(0, heard.length), topic).toEqual(heard)
    }
    const order = late.heard.map(({ topic }) => topic)
    expect(order.lastIndexOf('call')).toBeLessThan(order.indexOf('environments'))
    late.stop()
  })
})

describe('a request from elsewhere', () => {
  async function ask(method: string, path: string, headers: Record<string, string>): Promise<number | undefined> {
    const sent = request(`http://127.0.0.1:${service.port}${path}`, { method, headers }).end()
    const [response] = await once(sent, 'response')
    response.resume()
    return response.statusCode
  }

  it.each([
    ['another origin', { origin: 'https://elsewhere.example' }],
    ['another port of this machine', { origin: 'http://localhost:1' }],
    ['a sandbox', { origin: 'null' }],
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['another port, as the browser says', { 'sec-fetch-site': 'same-site' }],
  ])('is refused when it would do something and comes from %s', async (_, headers) => {
    const calls = events.of('call').length
    expect(await ask('POST', '/local/faults/slow-query', headers)).toBe(403)
    expect(await ask('POST', '/orders', headers)).toBe(403)
    expect(await ask('GET', '/report', headers)).toBe(403)
    expect(events.of('call')).toHaveLength(calls)
  })

  it('is served when it comes from the page itself', async () => {
    const host = `localhost:${service.port}`
    const headers = { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' }
    expect(await ask('POST', '/local/schedule', headers)).toBe(200)
  })

  it('is served when somebody follows a link to the page, and refused when a form is sent to it', async () => {
    const headers = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }
    expect(await ask('GET', '/', headers)).toBe(200)
    expect(await ask('POST', '/orders', headers)).toBe(403)
  })

  it.each(['elsewhere.example', `elsewhere.example:1`, 'localhost.elsewhere.example'])(
    'is refused when it was sent to %s',
    async (host) => {
      expect(await ask('GET', '/', { host })).toBe(403)
      expect(await ask('GET', '/local/events', { host })).toBe(403)
    },
  )

  it.each(['localhost', '127.0.0.1', '[::1]:3000'])('is served when it was sent to %s', async (host) => {
    expect(await ask('GET', '/', { host })).toBe(200)
  })
})
