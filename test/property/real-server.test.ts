import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { RelayFault } from 'pg-thaw/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { createDatabase, type TestDatabase } from '../support/database'
import { FaultProxy } from './support/fault-proxy'
import { Random } from './support/random'
import type { Order, Report, Word } from './support/real-server-program'

/** For longer runs by hand: `REAL_SERVER_SECONDS=60 REAL_SERVER_SEED=7 npx vitest run test/property/real-server.test.ts`. */
const seconds = Number(process.env.REAL_SERVER_SECONDS ?? 6)
const seed = Number(process.env.REAL_SERVER_SEED ?? 20_260_101)

/** What comes after the faults is bounded by itself; this is for a program that hangs as a whole. */
const AFTERWARDS_MILLIS = 90_000

const pools = { narrow: 1, wide: 4 }

const onLambda = { AWS_LAMBDA_FUNCTION_NAME: 'storm' }
const modes: { where: string; mode: Order['mode']; env: Record<string, string> }[] = [
  { mode: 'ordinary', where: 'in an ordinary process', env: {} },
  // Nobody listens at that address: what matters is that it is set.
  { mode: 'lambda', where: 'on Lambda', env: { ...onLambda, AWS_LAMBDA_RUNTIME_API: '127.0.0.1:9' } },
  {
    mode: 'managed',
    where: 'on Managed Instances',
    env: { ...onLambda, AWS_LAMBDA_INITIALIZATION_TYPE: 'lambda-managed-instances' },
  },
]

let program: BundledFunction
beforeAll(async () => {
  program = await bundleFunction(join(__dirname, 'support/real-server-program.ts'))
})
afterAll(() => program?.dispose())

for (const { where, mode, env } of modes) {
  const title = `${where}, random actions over a faulty network lose no slot, no caller and no answer (seed ${seed})`
  it(title, { timeout: seconds * 1000 + AFTERWARDS_MILLIS + 10_000 }, async () => {
    await using database = await createDatabase()
    await database.admin.query('CREATE TABLE numbers (n int)')
    await using proxy = await FaultProxy.start(database.config, pools)
    const server = { ...database.config, host: proxy.host, port: proxy.port }
    await using run = start({ mode, seed, server, pools }, env, () => proxy.strike('deaf'))
    const faults = await storm(proxy, database)
    run.say('judge')
    const ending = await run.ending
    expect([...run.violations.values(), ...proxy.excesses]).toEqual([])
    expect(run.done, ending).toBeDefined()
    expect(await misses(database, run.done?.written ?? [])).toEqual([])
    // So much happened that all of this means something.
    expect(faults).toBeGreaterThan(seconds * 3)
    expect(run.done?.answers).toBeGreaterThan(seconds)
  })
}

interface Run extends AsyncDisposable {
  /** What was seen that must not be: each kind once, with what the pools were like at the time. */
  readonly violations: ReadonlyMap<string, string>
  done: (Report & { kind: 'done' }) | undefined
  /** How it ended, and what it printed last. */
  readonly ending: Promise<string>
  say(word: Word): void
}

/** The program in a process of its own, since the library reads the environment's variables when it is loaded. */
function start(order: Order, env: Record<string, string>, deafen: () => void): Run {
  const child = fork(program.module, [JSON.stringify(order)], {
    env: { PATH: process.env.PATH, ...env },
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: seconds * 1000 + AFTERWARDS_MILLIS,
    killSignal: 'SIGKILL',
  })
  let printed = ''
  child.stderr?.on('data', (chunk) => {
    printed = (printed + chunk).slice(-4000)
  })
  const violations = new Map<string, string>()
  const ending = once(child, 'exit').then(([code, signal]) => `ended by ${signal ?? code}\n${printed}`)
  const say = (word: Word) => {
    if (child.connected) child.send(word)
  }
  const run: Run = {
    violations,
    done: undefined,
    ending,
    say,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await ending
    },
  }
  child.on('message', (report: Report) => {
    if (report.kind === 'violated') {
      violations.set(report.text.split(';')[0] ?? '', report.text)
    } else if (report.kind === 'ending') {
      deafen()
      say('deafened')
    } else {
      run.done = report
      // Whatever it has left behind must not keep it.
      child.disconnect()
    }
  })
  return run
}

/** Faults, one after the other, until the time is over; then all is well again. Returns how many there were. */
async function storm(proxy: FaultProxy, { admin }: TestDatabase): Promise<number> {
  const random = new Random(seed)
  const terminate = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = ANY($1) ORDER BY random() LIMIT 1`
  const one = (fault: RelayFault) => () => proxy.strike(fault, random.between(0, 99))
  const faults: (() => unknown)[] = [
    ...(['cut', 'reset', 'half-open', 'deaf', 'slow'] as const).map(one),
    () => proxy.strike(random.pick(['cut', 'reset', 'half-open', 'deaf'])),
    () => admin.query(terminate, [Object.keys(pools)]),
    () => proxy.receive(random.pick(['refuse', 'reset', 'cut', 'deaf', 'half-open', 'slow'])),
    // More often than they are struck, newcomers find a way, and silence has an end.
    ...Array.from({ length: 5 }, () => () => proxy.receive(undefined)),
    ...Array.from({ length: 4 }, () => () => proxy.resetAfflicted()),
  ]
  let count = 0
  for (const end = performance.now() + seconds * 1000; performance.now() < end; count += 1) {
    await random.pick(faults)()
    await pause(random.between(10, 150))
  }
  await proxy.receive(undefined)
  proxy.resetAfflicted()
  return count
}

/** Numbers that were acknowledged and are not there, or that are there more than once. */
async function misses({ admin }: TestDatabase, written: readonly number[]): Promise<string[]> {
  const rows = await admin.query<{ n: number; times: number }>(
    'SELECT n, count(*)::int AS times FROM numbers GROUP BY n',
  )
  const times = new Map(rows.map((row) => [row.n, row.times]))
  const lost = written.filter((n) => !times.has(n)).map((n) => `${n} is lost`)
  return [...lost, ...rows.filter((row) => row.times > 1).map(({ n }) => `${n} was written twice`)]
}
