// What answers imports of `pg-thaw` in the environments beside: the same code, with the pool of `pg` as it is. Only what calls in those
// environments use is here; all else, such as the errors, is pg-thaw's own, and nothing comes of it.
import { Client, type PoolClient, type PoolConfig, Pool as StockPool } from 'pg'
import type { Credentials, PoolCredentials, PoolOptions, TransactionOptions } from '../../index.js'

export * from '../../index.js'
export * as default from './pg-thaw.js'

// Read by whoever has started the environment (src/local/functions/beside.ts).
process.stdout.write('pg-thaw:replaced\n')

/** `pg.Pool` with the same `max`, and the methods that it does not have as one writes them with it. */
export class Pool extends StockPool {
  constructor(options: PoolOptions = {}) {
    const { credentials, ...stock } = options
    const max = options.max ?? (Number(process.env.PG_THAW_MAX) || 10)
    super({ ...(stock as PoolConfig), max, ...(credentials && { Client: signingIn(credentials) }) })
  }

  async use<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.connect()
    try {
      return await work(client)
    } finally {
      client.release()
    }
  }

  transaction<T>(work: (client: PoolClient) => Promise<T>, options: TransactionOptions = {}): Promise<T> {
    return this.use(async (client) => {
      await client.query(beginOf(options))
      try {
        const result = await work(client)
        await client.query('COMMIT')
        return result
      } catch (error) {
        await client.query('ROLLBACK')
        throw error
      }
    })
  }

  stats(): Record<string, number> {
    return { total: this.totalCount, idle: this.idleCount, waiting: this.waitingCount }
  }

  trim(): number {
    return 0
  }

  async drain(): Promise<void> {}
}

export function createPool(options?: PoolOptions): Pool {
  return new Pool(options)
}

export function wrapHandler<H>(handler: H): H {
  return handler
}

function beginOf({ isolation, readOnly }: TransactionOptions): string {
  return ['BEGIN', isolation && `ISOLATION LEVEL ${isolation}`, readOnly && 'READ ONLY'].filter(Boolean).join(' ')
}

const connect = Client.prototype.connect as (this: Client) => Promise<Client>

/** Clients that ask for user and password once, and again when that did not lead to a connection. */
function signingIn(provider: PoolCredentials): typeof Client {
  let known: Promise<Credentials> | undefined
  class SignedIn extends Client {}
  SignedIn.prototype.connect = function (this: Client & { connectionParameters?: object }, done?: unknown) {
    known ??= Promise.resolve(provider({ fresh: false, signal: new AbortController().signal }))
    const connected = known
      .then(({ user, password }) => {
        // The address is the one that the function names, if it names one: between the two may be a proxy.
        const given = { ...(user !== undefined && { user }), ...(password !== undefined && { password }) }
        Object.assign(this, given)
        Object.assign(this.connectionParameters ?? {}, given)
        return connect.call(this)
      })
      .catch((error: unknown) => {
        known = undefined
        throw error
      })
    if (typeof done !== 'function') return connected
    connected.then(
      () => done(),
      (error: unknown) => done(error),
    )
    return undefined
  } as typeof Client.prototype.connect
  return SignedIn
}
