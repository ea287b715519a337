import { createPool, type PoolOptions, wrapHandler } from 'pg-thaw'

/** A row that a call writes. */
export interface Writing {
  readonly key: number
  /** By a single query, or in a transaction. */
  readonly how: 'query' | 'transaction'
  /** Of the transaction. Default 0. */
  readonly retries?: number
}

/** What a call answers. Where it is nothing, the row is written. */
export interface Written {
  readonly failed?: { readonly code: unknown; readonly retry: unknown; readonly message: string }
}

const INSERT = 'INSERT INTO writes (key) VALUES ($1)'

const pool = createPool(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions)

export const handler = wrapHandler(async ({ key, how, retries = 0 }: Writing): Promise<Written> => {
  try {
    if (how === 'query') await pool.query(INSERT, [key])
    else await pool.transaction((client) => client.query(INSERT, [key]), { retries })
    return {}
  } catch (error) {
    const { code, retry, message } = error as Error & { code?: unknown; retry?: unknown }
    return { failed: { code, retry, message } }
  }
})
