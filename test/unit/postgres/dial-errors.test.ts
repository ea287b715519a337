import { createServer } from 'node:net'
import { describe, expect, it } from 'vitest'
import { credentialsFrom } from '../../../src/credentials/index'
import { Pool, type PoolOptions } from '../../../src/index'
import { useEnvironmentVariables } from '../../support/environment-variables'

const set = useEnvironmentVariables()

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
