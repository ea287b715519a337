import pg, { type PoolClient, type QueryArrayResult, type QueryResult } from 'pg'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { type ConnectOptions, createPool, type Pool, type PoolOptions, type PoolStats } from 'pg-thaw'
import { describe, expectTypeOf, it } from 'vitest'

// Checked by the compiler (`npm run types`); nothing in the functions runs.

interface Order {
  id: number
  product: string
}

const poolOf = (use: (pool: Pool) => unknown) => use

describe('a pool, for the compiler,', () => {
  it('goes wherever a pg.Pool goes', () => {
    expectTypeOf<Pool>().toExtend<pg.Pool>()
    expectTypeOf<typeof Pool>().toExtend<new (config?: pg.PoolConfig) => pg.Pool>()
    expectTypeOf(createPool).returns.toEqualTypeOf<Pool>()
    expectTypeOf(createPool).parameter(0).toEqualTypeOf<PoolOptions | undefined>()
  })

  it('has the members of pg.Pool, with their types', () => {
    expectTypeOf<Pool['query']>().toEqualTypeOf<pg.Pool['query']>()
    expectTypeOf<Pool['on']>().toExtend<pg.Pool['on']>()
    expectTypeOf<Pick<Pool, 'totalCount' | 'idleCount' | 'waitingCount' | 'expiredCount'>>().toEqualTypeOf<
      Pick<pg.Pool, 'totalCount' | 'idleCount' | 'waitingCount' | 'expiredCount'>
    >()
    expectTypeOf<Pick<Pool, 'ending' | 'ended' | 'options'>>().toEqualTypeOf<
      Pick<pg.Pool, 'ending' | 'ended' | 'options'>
    >()
  })

  it('types rows by the generic', () => {
    poolOf((pool) => {
      expectTypeOf(pool.query<Order>('SELECT')).resolves.toEqualTypeOf<QueryResult<Order>>()
      expectTypeOf(pool.query<Order>('SELECT', [1])).resolves.toEqualTypeOf<QueryResult<Order>>()
      expectTypeOf(pool.query<Order, [number]>({ text: 'SELECT', values: [1] })).resolves.toEqualTypeOf<
        QueryResult<Order>
      >()
      expectTypeOf(pool.query<[number, string]>({ text: 'SELECT', rowMode: 'array' })).resolves.toEqualTypeOf<
        QueryArrayResult<[number, string]>
      >()
      // @ts-expect-error values are a list
      pool.query<Order>('SELECT', 1)
      // @ts-expect-error a statement is text
      pool.query(1)
    })
  })

  it('takes callbacks', () => {
    poolOf((pool) => {
      expectTypeOf(
        pool.query<Order>('SELECT', (error, result) => {
          expectTypeOf(error).toEqualTypeOf<Error>()
          expectTypeOf(result).toEqualTypeOf<QueryResult<Order>>()
        }),
      ).toBeVoid()
      expectTypeOf(
        pool.query<Order>('SELECT', [1], (_error, result) => expectTypeOf(result).toEqualTypeOf<QueryResult<Order>>()),
      ).toBeVoid()
      expectTypeOf(
        pool.connect((error, client, done) => {
          expectTypeOf(error).toEqualTypeOf<Error | undefined>()
          expectTypeOf(client).toEqualTypeOf<PoolClient | undefined>()
          done()
          done(true)
          done(error)
        }),
      ).toBeVoid()
      expectTypeOf(pool.end(() => {})).toBeVoid()
    })
  })

  it('gives a Submittable back as what it is', () => {
    poolOf((pool) => {
      expectTypeOf(pool.query(new Cursor<Order>('SELECT'))).toEqualTypeOf<Cursor<Order>>()
      expectTypeOf(pool.query(new QueryStream('SELECT'))).toEqualTypeOf<QueryStream>()
      expectTypeOf(pool.query(new pg.Query('SELECT'))).toEqualTypeOf<pg.Query>()
    })
  })

  it('infers the result of scoped work', () => {
    poolOf((pool) => {
      const work = async (client: PoolClient) => (await client.query<Order>('SELECT')).rows
      expectTypeOf(pool.use(work)).resolves.toEqualTypeOf<Order[]>()
      expectTypeOf(pool.transaction(work)).resolves.toEqualTypeOf<Order[]>()
      expectTypeOf(pool.transaction(async () => {})).resolves.toBeVoid()
      expectTypeOf(pool.use(async (client) => client)).resolves.toEqualTypeOf<PoolClient>()
      expectTypeOf(pool.use(work, { signal: AbortSignal.timeout(1) })).resolves.toEqualTypeOf<Order[]>()
      // @ts-expect-error work is asynchronous: the client is taken back when its promise settles
      pool.use(() => 1)
    })
  })

  it('waits no longer than a signal says', () => {
    poolOf((pool) => {
      expectTypeOf(pool.connect()).resolves.toExtend<PoolClient>()
      expectTypeOf(pool.connect({ signal: AbortSignal.timeout(1) })).resolves.toExtend<PoolClient>()
      expectTypeOf<ConnectOptions>().toEqualTypeOf<{ readonly signal?: AbortSignal | undefined }>()
    })
  })

  it('tells and trims what it holds', () => {
    poolOf((pool) => {
      expectTypeOf(pool.stats()).toEqualTypeOf<PoolStats>()
      expectTypeOf(pool.trim).toEqualTypeOf<(keep?: number) => number>()
      expectTypeOf(pool.drain).toEqualTypeOf<() => Promise<void>>()
    })
  })

  it('can be disposed of, and so can what it lends', () => {
    expectTypeOf<Pool>().toExtend<AsyncDisposable>()
    poolOf(async (pool) => {
      await using client = await pool.connect()
      expectTypeOf(client).toExtend<PoolClient>()
    })
  })
})
