import { once } from 'node:events'
import { expect, it } from 'vitest'
import { calledBack, describeBoth } from '../../support/both-pools'

describeBoth('events', ({ open }) => {
  it('come in this order, with these arguments', async () => {
    const pool = open()
    const events: unknown[][] = []
    for (const name of ['connect', 'acquire', 'release', 'remove']) {
      ;(pool as NodeJS.EventEmitter).on(name, (...args) => events.push([name, ...args]))
    }
    const client = await pool.connect()
    events.push(['lent'])
    const problem = new Error('problem')
    const removed = once(pool, 'remove')
    client.release()
    const again = await pool.connect()
    again.release(problem)
    await removed
    expect(events).toEqual([
      ['connect', client],
      ['acquire', client],
      ['lent'],
      ['release', undefined, client],
      ['acquire', client],
      ['release', problem, client],
      ['remove', client],
    ])
  })

  it('tell of each client and each query, that it has got a connection and has given it back', async () => {
    const pool = open({ max: 4 })
    const counts = { acquire: 0, release: 0 }
    pool.on('acquire', (client) => {
      expect(client).toBeDefined()
      counts.acquire += 1
    })
    pool.on('release', (error, client) => {
      expect(error).toBeFalsy()
      expect(client).toBeDefined()
      counts.release += 1
    })
    const asked = Array.from({ length: 10 }, () => [
      calledBack((callback) =>
        pool.connect((error, _client, done) => {
          done()
          callback(error)
        }),
      ),
      pool.query('SELECT now()'),
    ])
    await Promise.all(asked.flat())
    await pool.end()
    expect(counts).toEqual({ acquire: 20, release: 20 })
  })

  it('connect comes once for each connection, before it is lent', async () => {
    const pool = open({ max: 1 })
    const connected: unknown[] = []
    pool.on('connect', (client) => connected.push(client))
    const client = await pool.connect()
    expect(connected).toEqual([client])
    client.release()
    await pool.query('SELECT 1')
    expect(connected).toHaveLength(1)
  })
})
