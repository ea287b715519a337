import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, describe, expect, it } from 'vitest'
import { type Pool, type TimedEvent, wrapHandler } from '../../src/index'
import { database, openPool, pool } from '../support/pool-under-test'

const PLAIN = ['release', 'retire', 'reset', 'leak', 'unfinished', 'fault', 'thaw', 'invocation'] as const
const TIMED = ['acquire', 'connect', 'ping'] as const

type Told = Record<string, unknown> & { readonly pool?: Pool }

/** What is published while somebody listens. */
class Listener implements Disposable {
  readonly heard: [name: string, message: Told][] = []
  readonly #listeners: (() => void)[] = []

  constructor() {
    for (const name of PLAIN) {
      const hear = (message: unknown) => void this.heard.push([name, message as Told])
      subscribe(`pg-thaw:${name}`, hear)
      this.#listeners.push(() => unsubscribe(`pg-thaw:${name}`, hear))
    }
    for (const name of TIMED) {
      const tell = (what: string) => (event: unknown) =>
        void this.heard.push([`${name} ${what}`, { ...(event as Told) }])
      const handlers = { start: tell('start'), asyncEnd: tell('asyncEnd'), error: tell('error') }
      tracingChannel<TimedEvent>(`pg-thaw:${name}`).subscribe(handlers as never)
      this.#listeners.push(() => void tracingChannel<TimedEvent>(`pg-thaw:${name}`).unsubscribe(handlers as never))
    }
  }

  get names(): string[] {
    return this.heard.map(([name]) => name)
  }

  of(name: string): Told[] {
    return this.heard.flatMap(([it, message]) => (it === name ? [message] : []))
  }

  [Symbol.dispose](): void {
    for (const stop of this.#listeners) stop()
  }
}

let listener: Listener
afterEach(() => listener[Symbol.dispose]())

describe('the channels tell', () => {
  it('of a caller that waits, a connect and a loan, with their times', async () => {
    openPool({ max: 1 })
    listener = new Listener()
    await pool.query('SELECT pg_sleep(0.05)')
    expect(listener.names).toEqual([
      'acquire start',
      'connect start',
      'acquire asyncEnd',
      'connect asyncEnd',
      'release',
    ])
    expect(listener.of('connect asyncEnd')).toEqual([{ pool, millis: expect.any(Number) }])
    expect(listener.of('acquire asyncEnd')).toEqual([{ pool, millis: expect.any(Number) }])
    expect(Number(listener.of('release')[0]?.useMillis)).toBeGreaterThan(49)
    await pool.query('SELECT 1')
    expect(listener.names.slice(5)).toEqual(['release'])
  })

  it('of a connect that failed, and of who waited for it', async () => {
    openPool({ port: 1, connectionTimeoutMillis: 200 })
    listener = new Listener()
    await expect(pool.query('')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    expect(listener.of('connect error')[0]).toMatchObject({
      error: { code: 'ECONNREFUSED' },
      millis: expect.any(Number),
    })
    expect(listener.of('acquire error')).toMatchObject([{ pool, error: { name: 'DialError' } }])
  })

  it('of a client that came back with a transaction open, and why a connection was closed', async () => {
    openPool({ max: 1 })
    listener = new Listener()
    await pool.use((client) => client.query('BEGIN'))
    await pool.query('')
    expect(listener.of('reset')).toEqual([{ pool, condition: 'dirty' }])
    await pool.use(async (client) => client.release(true))
    expect(listener.of('retire')).toEqual([{ pool, reason: 'discarded' }])
  })

  it('of a thaw, of what it found, and of the invocation that it began', async () => {
    openPool({ max: 1, min: 1, pooling: 'always' })
    listener = new Listener()
    let pid = 0
    const handler = wrapHandler(async () => {
      const { rows } = await pool.query('SELECT pg_backend_pid() AS pid')
      pid = rows[0].pid
    })
    await handler()
    const gone = new Promise((resolve) => pool.once('remove', resolve))
    await database.admin.query('SELECT pg_terminate_backend($1)', [pid])
    await gone
    await handler()
    expect(listener.of('thaw')).toEqual([{ gapMillis: expect.any(Number) }])
    const [cold, warm] = listener.of('invocation') as unknown as { isCold: boolean; pools: Told[] }[]
    expect([cold?.isCold, warm?.isCold]).toEqual([true, false])
    const mine = (it: typeof cold) => it?.pools.find((one) => one.pool === pool)
    expect(mine(cold)).toMatchObject({ dials: 1, waits: 1, acquires: 1, idle: 1 })
    expect(mine(warm)).toMatchObject({ dials: 1, waits: 1, acquires: 1, idle: 1 })
  })

  it('of a ping, and of work that was left behind', async () => {
    openPool({ max: 1, validationBypassMillis: 0, lingerMillis: 0 })
    await pool.query('')
    listener = new Listener()
    const handler = wrapHandler(async () => {
      ;(await pool.connect()).query('SELECT pg_sleep(10)').catch(() => {})
    })
    await handler()
    expect(listener.names).toEqual(expect.arrayContaining(['ping start', 'ping asyncEnd', 'leak', 'unfinished']))
    expect(listener.of('unfinished')).toEqual([{ pool, count: expect.any(Number) }])
  })

  it('nothing of secrets', async () => {
    openPool({ max: 1 })
    listener = new Listener()
    await pool.query('')
    expect(JSON.stringify(listener.heard)).not.toContain(database.config.password)
  })
})
