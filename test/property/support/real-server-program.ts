import { setTimeout as pause } from 'node:timers/promises'
import type { PoolClient } from 'pg'
import { createPool, type Pool, wrapHandler } from 'pg-thaw'
import { Random } from './random'
import { type Action, awaited, leftBehind, never } from './real-server-actions'
import { gaugesOf, Witness } from './witness'

/** What the program is for, as its one argument in JSON. */
export interface Order {
  readonly mode: 'ordinary' | 'lambda' | 'managed'
  readonly seed: number
  readonly server: { host: string; port: number; user: string; password: string; database: string }
  /** A pool for each application name, with so many connections at the most. */
  readonly pools: Readonly<Record<string, number>>
}

/** What it tells its parent. */
export type Report =
  | { readonly kind: 'violated'; readonly text: string }
  /** It is about to end its pools: time for a last fault. */
  | { readonly kind: 'ending' }
  /** How many right answers there were amid the faults, and all that was written. */
  | { readonly kind: 'done'; readonly answers: number; readonly written: readonly number[] }

/** What its parent tells it: the faults are over; every connection has gone deaf. */
export type Word = 'judge' | 'deafened'

/** How late something bounded may be on a machine that others use too, ms. */
const SLACK_MILLIS = 5000
/** Without an invocation: waiting for a connection, queries, and the longest silence of the network together, several times over. */
const LONGEST_MILLIS = 15_000
const ACQUIRE_MILLIS = 1500
/** How long the server sleeps for a query that is to be cut off, s. */
const SLEEP = 'SELECT pg_sleep(20)'

const order = JSON.parse(process.argv[2] ?? '') as Order
const isInvoked = order.mode !== 'ordinary'
const witness = new Witness((text) => tell({ kind: 'violated', text }))
/** What was started and not waited for, where nothing cuts it off. */
const loose = new Set<Promise<unknown>>()
const forgotten = new Set<PoolClient>()
let isOver = false

const pools = Object.entries(order.pools).map(([name, max]) =>
  createPool({
    ...order.server,
    application_name: name,
    name,
    max,
    min: Math.min(2, max),
    connectionTimeoutMillis: ACQUIRE_MILLIS,
    maxUses: 40,
    ...(isInvoked ? { pooling: 'always' } : { idleTimeoutMillis: 400 }),
  }),
)

process.on('disconnect', () => process.exit())
process.on('uncaughtException', (error, origin) => witness.violated(`${origin}: ${error.stack ?? error}`))

function gauges(...some: Pool[]): string {
  return (some.length > 0 ? some : pools).map((pool) => JSON.stringify(gaugesOf(pool))).join(' ')
}

function tell(report: Report): void {
  process.send?.(report)
}

function heard(word: Word): Promise<void> {
  return new Promise((resolve) => {
    process.on('message', (message) => message === word && resolve())
  })
}

/** Waits for what has to settle within its bound, and says so where it doesn't. */
async function bounded<T>(name: string, millis: number, work: Promise<T>): Promise<T | undefined> {
  const clock = new AbortController()
  const overdue = pause(millis, undefined, clock).then(
    () => witness.violated(`unsettled: ${name}; after ${millis} ms; ${gauges()}`),
    () => {},
  )
  const settled = work.catch((error) => witness.failed(error))
  const result = await Promise.race([settled, overdue])
  clock.abort()
  return result ?? undefined
}

/** One invocation with so much time. An ordinary program has none, and wraps nothing: there it is just the work. */
function call(millis: number, work: () => Promise<unknown>): Promise<unknown> {
  if (!isInvoked) return work()
  const end = performance.now() + millis
  const context = { getRemainingTimeInMillis: () => Math.max(0, end - performance.now()) }
  return wrapHandler((_: typeof context) => work())(context)
}

function act(random: Random, millis: number): Promise<unknown> {
  const name = random.pick(Object.keys(awaited))
  return bounded(name, millis, (awaited[name] as Action)(sceneOf(random)))
}

/** A fault may reject it, as with any pool, which is for its program to catch. What the pool cuts off by itself must not reject. */
function leave(random: Random): void {
  const name = random.pick(Object.keys(leftBehind))
  const work = (leftBehind[name] as Action)(sceneOf(random)).catch((error) => witness.leftFailed(error))
  if (isInvoked) return
  loose.add(bounded(`left behind: ${name}`, LONGEST_MILLIS, work))
}

function sceneOf(random: Random) {
  const forget = (client: PoolClient) => {
    if (isInvoked) return
    // Outside of invocations nobody takes back what is forgotten: it is found again, later.
    forgotten.add(client)
    setTimeout(() => forgotten.delete(client) && client.release(), random.between(0, 600))
  }
  return { pool: random.pick(pools), random, witness, forget }
}

/** A program without invocations: callers beside each other. */
async function serve(random: Random): Promise<void> {
  while (!isOver) {
    await act(random, LONGEST_MILLIS)
    if (random.percent(15)) leave(random)
    await pause(random.between(0, 15))
  }
}

/** A handler's invocations, one after the other. */
async function invoke(random: Random): Promise<void> {
  while (!isOver) {
    const millis = random.between(150, 600)
    if (random.percent(3)) await abandon(random, millis)
    else
      await bounded(
        'a call',
        millis + 2 * SLACK_MILLIS,
        call(millis, () => handle(random, millis)),
      )
    await pause(random.pick([0, 0, 0, 0, 1, 5, 10, 30, 700]))
  }
}

async function handle(random: Random, millis: number): Promise<void> {
  if (random.percent(30)) leave(random)
  const actions = Array.from({ length: random.between(0, 4) }, () => () => act(random, millis + SLACK_MILLIS))
  if (random.percent(50)) await Promise.all(actions.map((action) => action()))
  else for (const action of actions) await action()
  // What waits for a signal or a slow network may have used up the time already.
  if (random.percent(30)) leave(random)
}

/** A call that never ends, as that of a durable function which waits: at the latest the next one after its time takes over. */
async function abandon(random: Random, millis: number): Promise<void> {
  const { pool } = sceneOf(random)
  const hold = () => pool.connect().then((client) => witness.ask(client).then(() => never))
  call(millis, () => hold().catch(() => never)).catch(() => {})
  await pause(millis + 20)
}

/**
 * Work left behind with nobody to catch anything. In quiet alone: a fault would rightly reject it, and end the process, as with pg.Pool.
 * Here nothing but the pool itself, when the call is over, keeps these from being done.
 */
const bare: Record<string, (pool: Pool, sql: string) => unknown> = {
  'a query': (pool, sql) => pool.query(sql),
  'a promise derived from it': (pool, sql) => pool.query(sql).then(() => {}),
  'an async function': async (pool, sql) => {
    await pool.query(sql)
  },
  'many of them': (pool, sql) => Array.from({ length: 12 }, () => pool.query(sql).then(() => {})),
  'a use': (pool, sql) => pool.use((client) => client.query(sql)),
  'a transaction': (pool, sql) => pool.transaction((client) => client.query(sql)),
  'a second try': async (pool, sql) => {
    try {
      await pool.query(sql)
    } catch {
      const client = await pool.connect()
      forgotten.add(client)
      await client.query('SELECT 1')
    }
  },
  'a race': (pool, sql) => Promise.race([pool.query('SELECT 1'), pool.query(sql)]),
}

async function leaveBare(): Promise<void> {
  const calls = Object.entries(bare).map(([name, start], at) => () => {
    // Some are cut off when they have been waited for, most because the time is over; all before an acquire's own time is.
    const millis = at % 4 === 0 ? 1300 : 300
    const work = async () => {
      for (const pool of pools) start(pool, isInvoked ? SLEEP : 'SELECT pg_sleep(0.02)')
    }
    return bounded(`a call that leaves ${name}`, millis + SLACK_MILLIS, call(millis, work))
  })
  if (order.mode === 'managed') await Promise.all(calls.map((start) => start()))
  else for (const start of calls) await start()
  // Where nothing cuts them off, they are done in a moment.
  if (!isInvoked) await pause(1000)
}

/** Each pool lends all that it has, at once, and has all of it back afterwards. */
async function lendsAll(when: string): Promise<void> {
  // What an ended call has left is taken back at the latest when the next one ends.
  for (let n = 0; n < 2; n += 1)
    await bounded(
      'an empty call',
      SLACK_MILLIS,
      call(1000, () => pause(1)),
    )
  for (const pool of pools) {
    const { max } = pool.stats()
    const work = () => lendAll(pool, max)
    if ((await bounded(`lending all ${when}`, 20_000, call(15_000, work))) !== true) {
      witness.violated(`a slot is lost ${when}: not all ${max} can be lent at once; ${gauges(pool)}`)
    }
    const isAtRest = () => {
      const { total, idle, waiting } = pool.stats()
      return total === idle && waiting === 0
    }
    for (const end = performance.now() + SLACK_MILLIS; !isAtRest() && performance.now() < end; ) await pause(20)
    if (!isAtRest()) witness.violated(`something is still out ${when}: ${gauges(pool)}`)
    witness.looksAt(pool)
  }
}

/** Several tries: after an outage the pool dials with care. */
async function lendAll(pool: Pool, max: number): Promise<boolean> {
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const results = await Promise.allSettled(Array.from({ length: max }, () => pool.connect()))
    const clients = results.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []))
    const { lent, waiting } = pool.stats()
    const asked = await Promise.allSettled(clients.map((it) => witness.receives(it).then(() => witness.ask(it))))
    for (const client of clients) client.release()
    for (const it of asked) if (it.status === 'rejected') witness.violated(`a query failed in quiet; ${it.reason}`)
    if (clients.length === max && lent === max && waiting === 0) return true
  }
  return false
}

/** Ends every pool while a client of it is lent and every connection is deaf: it waits, but never past its patience. */
async function end(): Promise<void> {
  const ended = heard('deafened')
  const work = async () => {
    const clients = await Promise.all(pools.map((pool) => pool.connect()))
    tell({ kind: 'ending' })
    await ended
    // Outside of invocations the patience is long, so the client comes back.
    if (!isInvoked) setTimeout(() => clients.map((client) => client.release()), 200)
    await Promise.all(pools.map((pool) => bounded('end()', 2000 + SLACK_MILLIS, pool.end())))
    for (const pool of pools) if (pool.stats().total > 0) witness.violated(`after end(): ${gauges(pool)}`)
  }
  await bounded('a call that ends the pools', 2000 + 2 * SLACK_MILLIS, call(2000, work))
}

async function main(): Promise<void> {
  const callers = { ordinary: 10, lambda: 1, managed: 5 }[order.mode]
  const look = setInterval(() => pools.map((pool) => witness.looksAt(pool)), 20)
  const judged = heard('judge').then(() => {
    isOver = true
  })
  const live = isInvoked ? invoke : serve
  await Promise.all([judged, ...Array.from({ length: callers }, (_, n) => live(new Random(order.seed + n)))])
  await Promise.all(loose)
  for (const client of forgotten) client.release()
  forgotten.clear()
  const { answers } = witness
  // Whatever the last fault did has been heard of by then.
  await pause(200)
  await lendsAll('after the faults')
  await leaveBare()
  await lendsAll('after work that was left behind')
  await end()
  clearInterval(look)
  tell({ kind: 'done', answers, written: witness.written })
}

main().catch((error) => {
  witness.violated(`the program itself failed: ${error.stack ?? error}`)
  process.exitCode = 1
})
