import { expect, it } from 'vitest'
import { callbackClient, calledBack, describeBoth } from '../../support/both-pools'

describeBoth('asking with callbacks', ({ open }) => {
  it('lends to a callback, with the means to give back', async () => {
    const pool = open()
    const { error, results } = await calledBack<never>((callback) => pool.connect(callback as never))
    const [client, release] = results as unknown as [{ query(text: string): Promise<{ rows: unknown[] }> }, () => void]
    expect(error).toBeFalsy()
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    release()
    expect(pool.idleCount).toBe(1)
  })

  it('answers with and without values, and returns nothing', async () => {
    const pool = open()
    let returned: unknown = 'something'
    const plain = await calledBack((callback) => {
      returned = pool.query('SELECT 1 AS num', callback as never)
    })
    expect(returned).toBeUndefined()
    expect(plain).toMatchObject({ error: undefined, results: [{ rows: [{ num: 1 }] }] })
    const valued = await calledBack((callback) => pool.query('SELECT $1::text AS name', ['Ada'], callback as never))
    expect(valued).toMatchObject({ error: undefined, results: [{ rows: [{ name: 'Ada' }] }] })
  })

  it('returns nothing from connect and end either', async () => {
    const pool = open()
    let returned: unknown[] = []
    await calledBack((callback) => {
      returned.push(
        pool.connect((error, _client, done) => {
          done()
          callback(error)
        }),
      )
    })
    await calledBack((callback) => returned.push(pool.end(callback as never)))
    expect(returned).toEqual([undefined, undefined])
    returned = []
  })

  it('tells a failed connect, with no result, no client, a release that does nothing, and nothing left in the pool', async () => {
    const pool = open({ port: 1 })
    const asked = await calledBack((callback) => pool.query('SELECT $1::text', ['x'], callback as never))
    expect(asked.error).toMatchObject({ code: 'ECONNREFUSED' })
    expect(asked.results[0]).toBeUndefined()
    expect(pool.totalCount).toBe(0)
    const lent = await calledBack((callback) => pool.connect(callback as never))
    expect(lent.error).toBeInstanceOf(Error)
    expect(lent.results[0]).toBeUndefined()
    expect(lent.results[1]).toBeTypeOf('function')
  })

  it('never calls back before connect has returned', async () => {
    const pool = open()
    ;(await pool.connect()).release()
    let isCalled = false
    const called = calledBack((callback) =>
      pool.connect((error, _client, done) => {
        isCalled = true
        done()
        callback(error)
      }),
    )
    expect(isCalled).toBe(false)
    await called
  })

  it('calls a function that stands in place of the query with an error', async () => {
    const pool = open()
    const { error } = await calledBack((callback) => expect(pool.query(callback as never)).toBeUndefined())
    expect(error?.message).toBe('Passing a function as the first parameter to pool.query is not supported')
  })
})

describeBoth('asking with promises', ({ open, database }) => {
  it('lends, asks and ends', async () => {
    const pool = open()
    const client = await pool.connect()
    expect((await client.query('SELECT $1::text AS name', ['hi'])).rows).toEqual([{ name: 'hi' }])
    client.release()
    expect((await pool.query('SELECT $1::text AS name', ['hi'])).rows).toEqual([{ name: 'hi' }])
    expect(await pool.end()).toBeUndefined()
  })

  it('lends no more than `poolSize` clients to any number of callers', async () => {
    const pool = open({ poolSize: 9 })
    const all = Array.from({ length: 30 }, async (_, index) => {
      const client = await pool.connect()
      const { rows } = await client.query('SELECT $1::int AS n', [index])
      client.release()
      return rows[0].n
    })
    expect(await Promise.all(all)).toEqual(Array.from({ length: 30 }, (_, index) => index))
    expect(pool.totalCount).toBe(9)
  })

  it('takes one query object again and again', async () => {
    const pool = open({ poolSize: 9 })
    const query = { text: 'SELECT $1::text AS name', values: ['hi'] }
    const answers = await Promise.all(Array.from({ length: 30 }, () => pool.query(query)))
    expect(answers.map(({ rows }) => rows[0].name)).toEqual(Array(30).fill('hi'))
    expect(query).toEqual({ text: 'SELECT $1::text AS name', values: ['hi'] })
  })

  it('goes on after queries that fail, many at once and one after the other', async () => {
    const pool = open({ max: 3 })
    const failing = () => pool.query('SELECT nonsense').catch(({ code }) => code)
    expect(await Promise.all(Array.from({ length: 30 }, failing))).toEqual(Array(30).fill('42703'))
    for (let time = 0; time < 20; time += 1) expect(await failing()).toBe('42703')
    expect((await pool.query('SELECT $1::text AS name', ['hi'])).rows).toEqual([{ name: 'hi' }])
  })

  it('asks one query at a time of a pool of one', async () => {
    const pool = open({ max: 1 })
    const text = 'SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND query = $1'
    const answers = await Promise.all(Array.from({ length: 20 }, () => pool.query(text, [text])))
    expect(answers.map(({ rows }) => rows[0].n)).toEqual(Array(20).fill(1))
  })

  it('hands its options to its clients, and leaves them as they were', async () => {
    const options = Object.freeze({ binary: true, max: 10 })
    const pool = open(options)
    const client = await pool.connect()
    expect((client as unknown as { binary: boolean }).binary).toBe(true)
    client.release()
    expect(options).toEqual({ binary: true, max: 10 })
    expect(pool.options.max).toBe(10)
  })

  it('hands its connection string to a client of another make, however it is called', async () => {
    const connectionString = 'postgres://foo:bar@baz:1234/xur'
    const given: unknown[] = []
    const Client = function (this: unknown, options: { connectionString: string }) {
      given.push(options.connectionString)
      return new (callbackClient((done) => done(new Error('testing'))) as never as new () => object)()
    }
    const pool = open({ Client, connectionString })
    await expect(pool.connect()).rejects.toThrow('testing')
    expect(given).toEqual([connectionString])
    expect(database().config.database).not.toBe('xur')
  })
})
