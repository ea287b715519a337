import { createPool, type PoolOptions, wrapHandler } from 'pg-thaw'

/** What a handler asks for, all at once. */
export type Together = keyof typeof together

/** What a call asks. */
export interface Asked {
  readonly asks: Together
  /** How many. */
  readonly count: number
}

/** What a call answers: the connections that its environment had opened before it, and what it was answered, in order. */
export interface Told {
  readonly dialsBefore: number
  readonly answers: readonly unknown[]
}

const pool = createPool(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions)

const together = {
  read,
  readByName: (n: number) => pool.query({ name: 'read', text: 'SELECT $1::int AS n', values: [n] }).then(only),
  readPlain: (n: number) => pool.query(`SELECT ${n} AS n`).then(only),
  write: (n: number) => pool.query('INSERT INTO written VALUES ($1) RETURNING n', [n]).then(only),
  readAndWrite: (n: number) => (n % 2 === 0 ? read(n) : together.write(n)),
  readTwice: async (n: number) => (await read(n)) - n + (await read(n)),
  readSlowly: (n: number) => pool.query('SELECT $1::int AS n, pg_sleep(0.01)', [n]).then(only),
  failInPlaces: (n: number) => (n % 2 === 0 ? read(n) : pool.query('SELECT 1 / 0').then(only, () => n)),
  transactionAmongReads: (n: number) => (n === 1 ? inTransaction(n) : read(n)),
  transactionFirst: (n: number) => (n === 0 ? inTransaction(n) : together.write(n)),
  transactions: inTransaction,
  clientAmongReads: (n: number) => (n === 0 ? onClient(n) : read(n)),
}

export const handler = wrapHandler(async ({ asks, count }: Asked): Promise<Told> => {
  const dialsBefore = pool.stats().dials
  const answers = await Promise.all(Array.from({ length: count }, (_, n) => together[asks](n)))
  return { dialsBefore, answers }
})

function only({ rows }: { rows: { n: number }[] }): number {
  return rows[0]?.n ?? Number.NaN
}

function read(n: number): Promise<number> {
  return pool.query('SELECT $1::int AS n', [n]).then(only)
}

function inTransaction(n: number): Promise<number> {
  return pool.transaction(async (client) => {
    await client.query('INSERT INTO written VALUES ($1)', [n])
    await client.query('SELECT pg_sleep(0.01)')
    return only(await client.query('SELECT $1::int AS n', [n]))
  })
}

function onClient(n: number): Promise<number> {
  return pool.use(async (client) => {
    await client.query('SELECT pg_sleep(0.01)')
    return only(await client.query('SELECT $1::int AS n', [n]))
  })
}
