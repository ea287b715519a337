import { expect, it } from 'vitest'
import { describeBoth } from '../../support/both-pools'

/** A make of promises that is not the language's own. */
class OtherPromise<T> extends Promise<T> {}

describeBoth('a Promise of another make', ({ open, isStock }) => {
  it('is what all promises of the pool are', async () => {
    const pool = open({ Promise: OtherPromise })
    const connected = pool.connect()
    expect(connected).toBeInstanceOf(OtherPromise)
    ;(await connected).release()
    const asked = pool.query('SELECT 1 AS one')
    expect(asked).toBeInstanceOf(OtherPromise)
    expect((await asked).rows).toEqual([{ one: 1 }])
    const ended = pool.end()
    expect(ended).toBeInstanceOf(OtherPromise)
    await ended
  })

  it('is what carries their errors too', async () => {
    const pool = open({ Promise: OtherPromise, port: 1 })
    for (const promise of [pool.connect(), pool.query('SELECT 1')]) {
      expect(promise).toBeInstanceOf(OtherPromise)
      await expect(promise).rejects.toMatchObject({ code: 'ECONNREFUSED' })
    }
    await pool.end()
    await expect(pool.query('SELECT 1')).rejects.toThrow('Cannot use a pool')
    expect(isStock || pool.ended).toBe(true)
  })
})

describeBoth('a log', ({ open }) => {
  it('hears of connections and queries, in this order', async () => {
    const said: unknown[] = []
    const pool = open({ log: (text: unknown) => said.push(text), maxUses: 2 })
    await pool.query('SELECT 1')
    await pool.query('SELECT 1')
    await pool.end()
    const heard = [
      'connecting new client',
      'new client connected',
      'query dispatched',
      'remove expended client',
      'ending',
    ]
    const [, , ...rest] = said.filter((text) => heard.includes(text as string))
    expect(said.filter((text) => text === 'dispatching query')).toHaveLength(2)
    expect(said.indexOf('connecting new client')).toBeLessThan(said.indexOf('new client connected'))
    expect(rest.toSorted()).toEqual(['ending', 'query dispatched', 'query dispatched', 'remove expended client'])
    expect(rest.at(-1)).toBe('ending')
  })

  it('hears of a client that has served its time in the step in which it comes back', async () => {
    const said: unknown[] = []
    const pool = open({ log: (text: unknown) => said.push(text), maxUses: 1 })
    const client = await pool.connect()
    client.release()
    expect(said).toContain('remove expended client')
  })

  it('hears why a connect failed', async () => {
    const said: unknown[][] = []
    const pool = open({ log: (...all: unknown[]) => said.push(all), port: 1 })
    await expect(pool.connect()).rejects.toThrow()
    const [, reason] = said.find(([text]) => text === 'client failed to connect') ?? []
    expect(reason).toMatchObject({ code: 'ECONNREFUSED' })
  })
})
