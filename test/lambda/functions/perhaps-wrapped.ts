import { createPool, type PoolOptions, wrapHandler } from 'pg-thaw'

const pool = createPool(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions)

/** What is asked at module scope, where every handler is one that is not wrapped yet. */
const asked = process.env.ASKS_DURING_INIT ? pool.query('SELECT 1') : undefined

/** What became of a query: the code of its error, if it failed. */
async function answer(): Promise<{ code: string | undefined }> {
  await asked
  const code = await pool.query('SELECT 1').then(
    () => undefined,
    (error) => error.code,
  )
  return { code }
}

export const handler = process.env.IS_WRAPPED ? wrapHandler(answer) : answer
