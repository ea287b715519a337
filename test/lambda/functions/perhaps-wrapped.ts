import { execFileSync } from 'node:child_process'
import { createPool, type PoolOptions, wrapHandler } from 'pg-thaw'

const pool = createPool(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions)

/** Asks once, in any process. */
export async function ask(): Promise<void> {
  await pool.query('SELECT 1')
}

/** What is asked at module scope, where every handler is one that is not wrapped yet. */
const asked = process.env.ASKS_DURING_INIT ? pool.query('SELECT 1') : undefined

/** What became of a query: the code of its error, if it failed. */
async function answer(): Promise<{ code?: string; waitedMillis?: number }> {
  await asked
  if (process.env.STARTS_ANOTHER) {
    const { STARTS_ANOTHER, ...env } = process.env
    const text = `require(${JSON.stringify(__filename)}).ask().then(() => process.exit())`
    execFileSync(process.execPath, ['--eval', text], { env, stdio: 'inherit' })
  }
  return pool.query('SELECT 1').then(
    () => ({}),
    ({ code, waitedMillis }) => ({ code, waitedMillis }),
  )
}

/** Some ask in their first call what they need for the handler, and wrap it then. */
let made: typeof answer | undefined
async function late(...args: unknown[]): Promise<{ code?: string; waitedMillis?: number }> {
  if (made === undefined) await pool.query('SELECT 1')
  made ??= wrapHandler(answer)
  return Reflect.apply(made, undefined, args)
}

const ways = { IS_WRAPPED: wrapHandler, IS_WRAPPED_LATE: () => late }
const [way] = Object.entries(ways).filter(([name]) => process.env[name])

export const handler = way?.[1](answer) ?? answer
