/** Uses what both entry points export; what should be refused shows that nothing is `any`. */
export const consumer = `
  import { Pool as PgPool, type PoolClient } from 'pg'
  import {
    AcquireTimeoutError, createPool, DialError, Pool, PoolError, type PoolErrorCode, type PoolOptions, type PoolStats, wrapHandler,
  } from 'pg-thaw'
  import { type InvocationRecord, type LocalLambda, startLambda, startRelay } from 'pg-thaw/testing'

  const options: PoolOptions = { host: 'localhost', max: 2, pooling: 'auto', fanOut: false }
  export const pool: PgPool = new Pool(options)
  export const stats: PoolStats = createPool(options).stats()
  export const handler = wrapHandler(async (event: { id: string }) => {
    const { rows } = await createPool().query<{ total: number }>('SELECT 1 AS total', [event.id])
    return rows.reduce((sum, { total }) => sum + total, 0)
  })
  export const answer: Promise<number> = handler({ id: '1' })
  export const inWork: Promise<string> = createPool().transaction(async (client: PoolClient) => client.escapeLiteral('it'))
  export function codeOf(error: unknown): PoolErrorCode | string | undefined {
    if (error instanceof AcquireTimeoutError) return error.phase
    return error instanceof PoolError || error instanceof DialError ? error.code : undefined
  }
  export async function scoped(): Promise<void> {
    const client = await createPool().connect({ signal: AbortSignal.timeout(10) })
    client.release()
  }
  export async function local(): Promise<InvocationRecord> {
    const lambda: LocalLambda = await startLambda({ module: '/function.cjs' })
    return lambda.invoke({ id: '1' })
  }
  export const relay = startRelay

  // @ts-expect-error the handler takes an object
  handler(1)
  // @ts-expect-error an option that does not exist
  new Pool({ maximum: 3 })
  // @ts-expect-error no such freeze model
  startLambda({ module: '/function.cjs', freezeModel: 'none' })
`

/** A project that comes from pg: in each of its imports the name was changed, and nothing else. */
export const moved = `
  import { Pool, Client, DatabaseError, escapeIdentifier, types, defaults, Query, Result, TypeOverrides, Connection } from 'pg-thaw'
  import type {
    ClientBase, ClientConfig, CustomTypesConfig, FieldDef, Notification, PoolClient, PoolConfig, QueryArrayConfig, QueryConfig, QueryResult,
    QueryResultRow, Submittable,
  } from 'pg-thaw'
  import type { PoolClient as TheirPoolClient } from 'pg'

  interface Order extends QueryResultRow { id: number }

  class Tenants extends Pool {
    override connect(): Promise<PoolClient> {
      return super.connect()
    }
  }
  class Counting extends Pool {
    asked = 0
    override connect(): Promise<PoolClient>
    override connect(callback: (error: Error | undefined, client: PoolClient | undefined, done: (release?: any) => void) => void): void
    override connect(callback?: any): any {
      this.asked += 1
      return super.connect(callback)
    }
  }

  types.setTypeParser(20, (it) => Number(it))
  const config: PoolConfig = { max: 2, application_name: escapeIdentifier('orders') }
  export const pools: Pool[] = [new Pool(config), new Tenants(config), new Counting()]
  export async function orders(pool: Pool, query: QueryConfig): Promise<Order[]> {
    const client: TheirPoolClient = await pool.connect()
    try {
      const result: QueryResult<Order> = await client.query<Order>(query)
      return result.rows
    } catch (error) {
      if (error instanceof DatabaseError && error.code === '23505') return []
      throw error
    } finally {
      client.release()
    }
  }
  export function withCallbacks(pool: Pool): void {
    pool.connect((error: any, client: any, done: (error: any) => void) => done(error))
    pool.connect((error, client, done) => {
      if (error || client === undefined) return done('anything at all')
      client.query('SELECT 1', (problem: Error, result: QueryResult) => done(problem || result.rows.length > 9))
    })
    pool.query('SELECT 1', (error, { rows }) => rows.length)
    pool.on('error', (error: Error, client: PoolClient) => client.release(error))
  }
  export type Others = [ClientBase, ClientConfig, CustomTypesConfig, FieldDef, Notification, QueryArrayConfig, Submittable]
  export const classes = [Client, Query, Result, TypeOverrides, Connection, defaults]
`

/** As many write it: all of pg by its default export. */
export const movedByDefault = `
  import pg from 'pg-thaw'
  export const pool: pg.Pool = new pg.Pool({ max: 1 })
  export const client: pg.Client = new pg.Client()
  export async function one(lent: pg.PoolClient): Promise<pg.QueryResult<{ one: number }>> {
    pg.types.setTypeParser(20, BigInt)
    return lent.query<{ one: number }>('SELECT 1 AS one')
  }
`
