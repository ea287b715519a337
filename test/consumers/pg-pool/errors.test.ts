import { once } from 'node:events'
import type pg from 'pg'
import { expect, it } from 'vitest'
import { calledBack, describeBoth } from '../../support/both-pools'

describeBoth('a client that is given back twice', ({ open }) => {
  it('throws each time after the first, by its method and by the callback’s function', async () => {
    const pool = open()
    const client = await pool.connect()
    client.release()
    for (let time = 0; time < 2; time += 1) expect(() => client.release()).toThrow(/already been released/)
    const { results } = await calledBack((callback) => pool.connect(callback as never))
    const done = results[1] as unknown as () => void
    done()
    for (let time = 0; time < 2; time += 1) expect(() => done()).toThrow(/already been released/)
  })
})

describeBoth('an error of a client', ({ open }) => {
  it('reaches the pool’s listeners, with the client, where nobody has it, and takes it out of the pool', async () => {
    const pool = open()
    const client = await pool.connect()
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([1, 0, 0])
    Object.assign(client, { mark: 'this one' })
    client.release()
    const told = once(pool, 'error') as Promise<[Error & { client?: unknown }, unknown]>
    const heard: string[] = []
    client.once('error', ({ message }) => heard.push(message))
    client.emit('error', new Error('on purpose'))
    const [error, of] = await told
    expect(error.message).toBe('on purpose')
    expect(error.client).toMatchObject({ mark: 'this one' })
    expect(of).toBe(client)
    expect(heard).toEqual(['on purpose'])
    expect([pool.totalCount, pool.idleCount]).toEqual([0, 0])
  })

  it('is its borrower’s own while it is lent', async () => {
    const pool = open()
    const client = await pool.connect()
    const heard: string[] = []
    pool.on('error', () => heard.push('pool'))
    client.once('error', () => heard.push('client'))
    client.emit('error', new Error('on purpose'))
    expect(heard).toEqual(['client'])
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 0])
    client.release()
  })

  it('under a query of the pool rejects that', async () => {
    const pool = open({ max: 1 })
    const lent = once(pool, 'acquire') as Promise<[pg.Client]>
    const { error } = await calledBack((callback) => {
      pool.query('SELECT pg_sleep(5)', [], callback as never)
      void lent.then(([client]) => (client.connection as unknown as { stream: { destroy(): void } }).stream.destroy())
    })
    expect(error).toBeInstanceOf(Error)
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it('needs no listener of the pool, when it is emitted by hand', () => {
    const pool = open()
    expect(() => pool.emit('error', new Error('problem'))).not.toThrow()
  })
})

describeBoth('a client that came back unusable', ({ open }) => {
  it('is taken out of the pool when its connection is gone', async () => {
    const pool = open({ max: 1 })
    const client = await pool.connect()
    const gone = once(client, 'error')
    client.connection.end()
    await gone
    expect([pool.totalCount, pool.idleCount]).toEqual([1, 0])
    client.release()
    expect([pool.totalCount, pool.idleCount]).toEqual([0, 0])
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it('is taken out when its borrower has ended it', async () => {
    const pool = open({ max: 1 })
    const client = await pool.connect()
    void client.end()
    client.release()
    expect([pool.totalCount, pool.idleCount]).toEqual([0, 0])
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })
})
