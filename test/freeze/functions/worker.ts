import { createPool, type PoolOptions, wrapHandler } from 'pg-thaw'

/** What a call does with the database. */
export interface Task {
  /**
   * - `query`: one.
   * - `late`: one, some time after the call has begun.
   * - `parallel`: three at once, on connections of their own as far as there are some.
   * - `connect`: two on a connection that is lent for both.
   * - `transaction`: two in a transaction.
   * - `sequence`: three, one after the other.
   * - `sleep`: one that takes its time.
   * - `hold`: one in a transaction that is never ended, nor is the call.
   */
  readonly does: 'query' | 'late' | 'parallel' | 'connect' | 'transaction' | 'sequence' | 'sleep' | 'hold'
  /** How long each query of `sequence`, or that of `sleep`, takes in the server. Default 0. */
  readonly millis?: number
}

/** What a call answers: the backends that it worked with, and the pool afterwards. */
export interface Done {
  readonly pids: number[]
  readonly stats: ReturnType<ReturnType<typeof createPool>['stats']>
}

const ASK = 'SELECT pg_backend_pid() AS pid'
const LATE_MILLIS = 30

const pool = createPool(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions)

export const handler = wrapHandler(async ({ does, millis = 0 }: Task): Promise<Done> => {
  return { pids: await work(does, millis), stats: pool.stats() }
})

async function work(does: Task['does'], millis: number): Promise<number[]> {
  const ask = async (on: { query(sql: string): Promise<{ rows: { pid: number }[] }> } = pool, sql = ASK) => {
    const { rows } = await on.query(sql)
    return rows.map(({ pid }) => pid)
  }
  const slow = `${ASK}, pg_sleep(${millis / 1000})`
  switch (does) {
    case 'query':
      return ask()
    case 'late':
      await new Promise((resolve) => setTimeout(resolve, LATE_MILLIS))
      return ask()
    case 'parallel':
      return (await Promise.all([ask(), ask(), ask()])).flat()
    case 'connect':
      return pool.use(async (client) => [...(await ask(client)), ...(await ask(client))])
    case 'transaction':
      return pool.transaction(async (client) => [...(await ask(client)), ...(await ask(client))])
    case 'sequence':
      return [...(await ask(pool, slow)), ...(await ask(pool, slow)), ...(await ask(pool, slow))]
    case 'sleep':
      return ask(pool, slow)
    case 'hold':
      return pool.transaction(async (client) => {
        await ask(client)
        return new Promise(() => {})
      })
    default:
      return does satisfies never
  }
}
