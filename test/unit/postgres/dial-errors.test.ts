import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { credentialsFrom } from '../../../src/credentials/index'
import { AcquireTimeoutError, DialError, Pool, type PoolOptions } from '../../../src/index'
import { codeOf, textOf } from '../../../src/pool/errors'
import { useEnvironmentVariables } from '../../support/environment-variables'

const set = useEnvironmentVariables()

const addresses = () =>
  new AggregateError(
    ['127.0.0.1:1', '::1:1'].map((it) =>
      Object.assign(new Error(`connect ECONNREFUSED ${it}`), { code: 'ECONNREFUSED' }),
    ),
  )

describe('the error of several addresses', () => {
  it('tells them all, and their code', () => {
    expect(textOf(addresses())).toBe('connect ECONNREFUSED 127.0.0.1:1; connect ECONNREFUSED ::1:1')
    expect(codeOf(addresses())).toBe('ECONNREFUSED')
  })

  it('keeps a text and a code of its own', () => {
    const error = Object.assign(new AggregateError([new Error('one')], 'both failed'), { code: 'ETIMEDOUT' })
    expect(textOf(error)).toBe('both failed; one')
    expect(codeOf(error)).toBe('ETIMEDOUT')
  })

  it('is none, or empty, without harm', () => {
    expect(codeOf(new AggregateError([]))).toBeUndefined()
    expect(codeOf({ code: 5, errors: [{ code: 'X' }] })).toBeUndefined()
    for (const cause of [undefined, null, 'text', 5]) expect(codeOf(cause)).toBeUndefined()
    expect(textOf(new AggregateError([]))).toBe('')
  })

  it('is told by its code or its name where it has no text', () => {
    expect(textOf(Object.assign(new Error(''), { code: 'EODD' }))).toBe('EODD')
    expect(textOf(new TypeError(''))).toBe('TypeError')
  })

  it('is told by the errors of a pool', () => {
    const gauges = {
      max: 1,
      total: 1,
      idle: 0,
      lent: 0,
      dialing: 1,
      validating: 0,
      returning: 0,
      closing: 0,
      waiting: 1,
    }
    const all = 'connect ECONNREFUSED 127.0.0.1:1; connect ECONNREFUSED ::1:1'
    expect(new DialError(gauges, addresses(), true)).toMatchObject({
      code: 'ECONNREFUSED',
      message: expect.stringContaining(all),
    })
    expect(new AcquireTimeoutError('dial', 5, gauges, addresses()).message).toContain(all)
  })
})

describe('a pool that was to be told of its host', () => {
  /** Nobody listens there. */
  async function closedPort(): Promise<number> {
    const server = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    await new Promise((resolve) => server.close(resolve))
    return port
  }

  async function failure(options: PoolOptions): Promise<Error> {
    const pool = new Pool({ port: await closedPort(), connectionTimeoutMillis: 300, ...options })
    const error = await pool.query('SELECT 1').catch((it: unknown) => it)
    await pool.end()
    return error as Error
  }

  const unsaid = 'no host was given (`connectionString` is undefined), so localhost was tried: connect ECONNREFUSED'

  it('says so when its connection string is undefined', async () => {
    set({ PGHOST: undefined })
    const error = await failure({ connectionString: undefined })
    expect(error.message.startsWith(unsaid)).toBe(true)
    expect(error).toMatchObject({ code: 'ECONNREFUSED', cause: { code: 'ECONNREFUSED' } })
  })

  it('says nothing of it where something else says where the server is, or nothing was meant to', async () => {
    set({ PGHOST: undefined })
    const credentials = credentialsFrom(() => ({ user: 'app', password: 'p', host: '127.0.0.1' }))
    for (const options of [
      {},
      { connectionString: undefined, host: '127.0.0.1' },
      { connectionString: undefined, credentials },
    ]) {
      const { message } = await failure(options)
      expect(message).toContain('ECONNREFUSED')
      expect(message).not.toContain('no host')
    }
    set({ PGHOST: '127.0.0.1' })
    expect((await failure({ connectionString: undefined })).message).not.toContain('no host')
  })
})
