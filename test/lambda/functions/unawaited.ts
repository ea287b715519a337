import { subscribe } from 'node:diagnostics_channel'
import { setTimeout as pause } from 'node:timers/promises'
import type { PoolClient } from 'pg'
import { createPool, type PoolOptions, wrapHandler } from 'pg-thaw'

/** How a handler leaves a statement behind that it does not wait for. */
export type Way = keyof typeof ways

/** What a call does before it answers. */
export interface Asked {
  /** Leaves `sql` behind in this way. */
  readonly way?: Way
  readonly sql?: string
  /** Leave it as often. Default 1. */
  readonly times?: number
  /** Ask something and wait for it, before. Default true. */
  readonly first?: boolean
  /** Answer only after so long, ms. */
  readonly stays?: number
  /** Hold as many connections as the pool may have, all at once. */
  readonly takesAll?: boolean
  /** Await what an earlier call kept, for so long. */
  readonly awaitsKept?: number
}

/** What a call answers, as far as this environment has heard by its end. */
export interface Told {
  readonly warnings: readonly { readonly code: string | undefined; readonly text: string }[]
  /** Messages on `pg-thaw:leak` about this pool. */
  readonly leaks: number
  /** Of the pool, when the call began. */
  readonly atBegin: { readonly lent: number; readonly waiting: number }
  readonly stats: ReturnType<typeof pool.stats>
}

const warnings: Told['warnings'][number][] = []
process.on('warning', (warning: Error & { code?: string; detail?: string }) => {
  warnings.push({ code: warning.code, text: [warning.message, warning.detail, warning.stack].join('\n') })
})
const pool = createPool(JSON.parse(process.env.POOL_OPTIONS ?? '{}') as PoolOptions)
let leaks = 0
subscribe('pg-thaw:leak', (message) => {
  if ((message as { pool: unknown }).pool === pool) leaks += 1
})
const { max } = pool.options
const kept: unknown[] = []

const ways = {
  query: auditTrail,
  derived: (sql: string) => void pool.query(sql).then(() => {}),
  finishing: (sql: string) => void pool.query(sql).finally(() => {}),
  async: (sql: string) => void runLater(sql),
  chain: (sql: string) => void oneAfterTheOther(sql),
  all: (sql: string) => void Promise.all([pool.query('SELECT 1'), pool.query(sql)]),
  race: (sql: string) => Promise.race([pool.query('SELECT 1'), runLater(sql)]),
  any: (sql: string) => Promise.any([pool.query('SELECT 1'), pool.query(sql)]),
  callback: (sql: string) => pool.query(sql, () => {}),
  use: (sql: string) => void pool.use((client) => client.query(sql)),
  transaction: (sql: string) => void pool.transaction((client) => client.query(sql)),
  connect: (sql: string) => void borrowAndForget(sql),
  connectCallback: (sql: string) => pool.connect((_error, client) => client?.query(sql, () => {})),
  clientKept: async (sql: string) => void (await pool.connect()).query(sql),
  clientReleased: releaseWhileBusy,
  dirty: releaseInTransaction,
  lockedOut: waitForAClient,
  waiting: behindAllOthers,
  kept: (sql: string) => void kept.push(pool.query(sql)),
  retry: (sql: string) => void again(sql),
  timer: (sql: string) => void setTimeout(() => void borrowAndForget(sql), 20),
  tick: (sql: string) => void setTimeout(() => void pool.query(sql), 1),
  immediate: (sql: string) => void setImmediate(() => void pool.query(sql)),
}

export const handler = wrapHandler(async (asked: Asked): Promise<Told> => {
  const { way, sql = 'SELECT 1', times = 1, first = true, stays, takesAll, awaitsKept } = asked
  const { lent, waiting } = pool.stats()
  if (first) await pool.query('SELECT 1')
  for (let time = 0; way !== undefined && time < times; time += 1) await ways[way](sql)
  if (takesAll) await takeAll()
  if (stays !== undefined) await pause(stays)
  if (awaitsKept !== undefined) await Promise.race([Promise.allSettled(kept), pause(awaitsKept)])
  return { warnings, leaks, atBegin: { lent, waiting }, stats: pool.stats() }
})

async function takeAll(): Promise<void> {
  const clients = await Promise.all(Array.from({ length: max }, () => pool.connect()))
  await Promise.all(clients.map((client) => client.query('SELECT 1')))
  for (const client of clients) client.release()
}

function auditTrail(sql: string): void {
  void pool.query(sql)
}

async function runLater(sql: string): Promise<void> {
  await pool.query(sql)
}

async function oneAfterTheOther(sql: string): Promise<void> {
  await pool.query('SELECT pg_sleep(0.02)')
  await pool.query(sql)
}

async function borrowAndForget(sql: string): Promise<PoolClient> {
  const client = await pool.connect()
  await client.query(sql)
  return client
}

async function releaseWhileBusy(sql: string): Promise<void> {
  const client = await pool.connect()
  void client.query(sql)
  client.release()
}

async function releaseInTransaction(sql: string): Promise<void> {
  const client = await pool.connect()
  await client.query('BEGIN')
  await client.query(sql)
  client.release()
}

/** A query that waits for a connection while others hold all of them for a while. */
function behindAllOthers(sql: string): void {
  for (let n = 0; n < max; n += 1) void pool.use((client) => client.query('SELECT pg_sleep(0.1)'))
  void pool.query(sql)
}

/** A caller that waits when the call ends, since a client that nobody releases is all there is. */
async function waitForAClient(sql: string): Promise<void> {
  for (let n = 0; n < max; n += 1) await pool.connect()
  void pool.query(sql)
}

async function again(sql: string): Promise<void> {
  try {
    await pool.query(sql)
  } catch {
    const client = await pool.connect()
    await client.query(sql)
  }
}
