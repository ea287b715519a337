import { setTimeout as pause } from 'node:timers/promises'
import fc from 'fast-check'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { type CurrentInvocation, environment, type LivePool } from '../../src/registry/environment'
import { type AnswerFault, AnswerProxy, type Ending } from '../support/answer-proxy'
import { createDatabase, type TestDatabase } from '../support/database'
import { within } from '../support/within'

/** For longer runs by hand: `PROOF_SECONDS=300 PROOF_SEED=7 npx vitest run test/property/proof-under-faults.test.ts`. */
const seconds = Number(process.env.PROOF_SECONDS ?? 15)
const seed = Number(process.env.PROOF_SEED ?? 20_260_101)

/** ReadyForQuery, which is what a ping is answered with. */
const PING_ANSWER_BYTES = 6
/** How long what was lost before that may take: the longest silence that is borne (1 s), a connect, and a machine that others use too. */
const NOTICED_MILLIS = 3000
/** When silence ends by itself, for those whom nothing else bounds. */
const SILENCE_MILLIS = 4000
const LONGEST_MILLIS = 10_000
/** So long a pause may have been a freeze; after a minute a flow may have been forgotten too. */
const QUIETS = [1000, 60_000]

let database: TestDatabase
let proxy: AnswerProxy
let lastKey = 0

beforeAll(async () => {
  database = await createDatabase()
  // No key is unique for the server: what is written twice is seen.
  await database.admin.query('CREATE TABLE once (n int); CREATE TABLE again (n int)')
  proxy = await AnswerProxy.start(database.config, SILENCE_MILLIS)
})
afterAll(async () => {
  await proxy[Symbol.asyncDispose]()
  await database.dispose()
})
beforeEach(() => proxy.arm([undefined]))

function open(options: PoolOptions): Pool {
  return new Pool({ ...database.config, host: proxy.host, port: proxy.port, ...options })
}

/** An invocation begins, after a time in which the process may have been frozen. */
function wake(pool: Pool, quietMillis: number): void {
  const invocation: CurrentInvocation = { budgetMillis: 60_000, isAnswered: false, remainingMillis: () => 60_000 }
  const live = [...environment().pools].find((it) => it.pool === pool) as LivePool
  live.wake(invocation, quietMillis)
}

/** What was asked, and what came of it. */
interface Outcome {
  readonly kind: Kind
  readonly keys: readonly number[]
  readonly millis: number
  readonly error: unknown
}

const WRITE = 'INSERT INTO once VALUES ($1)'

async function read(pool: Pool, text: string, key: number): Promise<void> {
  const { rows, fields } = await pool.query(text, [key])
  expect({ rows, names: fields.map(({ name }) => name) }).toEqual({ rows: [{ n: key }], names: ['n'] })
}

type Request = (pool: Pool, keys: number[]) => Promise<unknown>

/** All that a program may ask for; each uses keys that nobody else uses. */
const kinds = {
  read: (pool: Pool, [key]: number[]) => read(pool, 'SELECT $1::int AS n', key as number),
  'read of a table': async (pool: Pool, [key]: number[]) => {
    expect((await pool.query('SELECT n FROM once WHERE n = $1', [key])).rows).toEqual([])
  },
  'idempotent write': (pool: Pool, [key]: number[]) =>
    pool.query({ text: 'INSERT INTO again VALUES ($1)', values: [key], idempotent: true }),
  write: (pool: Pool, [key]: number[]) => pool.query(WRITE, [key]),
  transaction: (pool: Pool, keys: number[]) =>
    pool.transaction(async (client) => {
      for (const key of keys) await client.query(WRITE, [key])
    }),
  client: async (pool: Pool, [key]: number[]) => {
    const client = await pool.connect()
    try {
      await client.query(WRITE, [key])
    } finally {
      client.release()
    }
  },
} satisfies Record<string, Request>

type Kind = keyof typeof kinds
const all = Object.keys(kinds) as Kind[]

async function ask(pool: Pool, kind: Kind): Promise<Outcome> {
  const keys = (kind === 'transaction' ? [0, 0] : [0]).map(() => ++lastKey)
  const began = performance.now()
  const error = await within(LONGEST_MILLIS, (kinds[kind] as Request)(pool, keys), `an end of a ${kind}`).then(
    () => undefined,
    (error: unknown) => error ?? new Error('nothing was thrown'),
  )
  return { kind, keys, millis: performance.now() - began, error }
}

const text = (error: unknown) => (error instanceof Error ? error.message : String(error))

/** None of these may fail, and what they lost is noticed in time. */
function expectUnnoticed(outcomes: readonly Outcome[]): void {
  const failed = outcomes.filter(({ error }) => error !== undefined).map((it) => `${it.kind}: ${text(it.error)}`)
  const late = outcomes.filter(({ millis }) => millis > NOTICED_MILLIS).map((it) => `${it.kind}: ${it.millis} ms`)
  expect({ failed, late }).toEqual({ failed: [], late: [] })
}

/** What fails does so by the loss of its connection, in so many words. */
function expectLoss({ kind, error }: Outcome): void {
  if (error === undefined) return
  expect(text(error), kind).toMatch(/^Connection terminated|ECONNRESET|EPIPE|no answer|not queryable|closed/)
}

/** Counts what is stored, when no session is left that may still write. */
async function expectStored(outcomes: readonly Outcome[]): Promise<void> {
  await database.untilSessions(0)
  const counted = async (table: string) => {
    const rows = await database.admin.query<{ n: number; times: number }>(
      `SELECT n, count(*)::int AS times FROM ${table} WHERE n = ANY($1) GROUP BY n`,
      [outcomes.flatMap(({ keys }) => keys)],
    )
    return new Map(rows.map(({ n, times }) => [n, times]))
  }
  const [once, again] = [await counted('once'), await counted('again')]
  const wrong: string[] = []
  for (const { kind, keys, error } of outcomes) {
    const isAcknowledged = error === undefined
    const isIdempotent = kind === 'idempotent write'
    const times = keys.map((key) => (isIdempotent ? again : once).get(key) ?? 0)
    const says = `${kind} ${isAcknowledged ? 'acknowledged' : text(error)}: stored ${times.join(' and ')} times`
    if (kind.startsWith('read')) continue
    if (isAcknowledged && times.includes(0)) wrong.push(says)
    if (!isIdempotent && Math.max(...times) > 1) wrong.push(says)
    // A transaction is whole, or nothing.
    if (new Set(times).size > 1) wrong.push(says)
    const { retry } = Object(error) as { retry?: string }
    if (!isAcknowledged && retry === 'safe' && Math.max(...times) > 0) wrong.push(`${says}, and called safe`)
  }
  expect(wrong).toEqual([])
}

/** All comes back, in a moment. */
async function expectRest(pool: Pool): Promise<void> {
  const isAtRest = () => {
    const { total, idle, waiting } = pool.stats()
    return total === idle && waiting === 0
  }
  for (const end = performance.now() + SILENCE_MILLIS; !isAtRest() && performance.now() < end; ) await pause(2)
  const { lent, waiting, dialing, validating, returning, closing } = pool.stats()
  expect({ lent, waiting, dialing, validating, returning, closing }).toEqual({
    lent: 0,
    waiting: 0,
    dialing: 0,
    validating: 0,
    returning: 0,
    closing: 0,
  })
}

/** Each slot can be lent, and what is lent works. */
async function expectWhole(pool: Pool): Promise<void> {
  proxy.arm([undefined])
  const { max } = pool.stats()
  const clients = await within(
    LONGEST_MILLIS,
    Promise.all(Array.from({ length: max }, () => pool.connect())),
    'clients',
  )
  for (const client of clients) {
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    client.release()
  }
  await expectRest(pool)
}

describe.each([1, 3])(
  'a pool of %i after a freeze, whose connection ends at any byte of what the server says',
  (max) => {
    it.each(all)('asked for a %s', { timeout: 60_000 }, async (kind) => {
      const pool = open({ max })
      const outcomes: Outcome[] = []
      let struck = -1
      // Until the answer is whole before it is cut off.
      for (let after = 0; proxy.struck > struck; after += 1) {
        await pool.query('SELECT 1')
        struck = proxy.struck
        proxy.arm([{ after, ending: after % 2 === 0 ? 'cut' : 'reset' }])
        wake(pool, 1000)
        const outcome = await ask(pool, kind)
        // What came last is the end of an answer that nobody waits for.
        if (after < PING_ANSWER_BYTES) expectUnnoticed([outcome])
        expectLoss(outcome)
        outcomes.push(outcome)
      }
      await expectWhole(pool)
      await pool.end()
      expect(outcomes.length).toBeGreaterThan(PING_ANSWER_BYTES + 20)
      expect(outcomes.at(-1)?.error).toBeUndefined()
      await expectStored(outcomes)
    })
  },
)

/** One thaw: what each connection meets then, and what is asked, some at once. */
interface Round {
  readonly quietMillis: number
  readonly faults: (AnswerFault | undefined)[]
  readonly dribbles: boolean
  readonly asks: Kind[][]
}

const after = fc.oneof(
  { weight: 2, arbitrary: fc.constant<'before'>('before') },
  { weight: 3, arbitrary: fc.nat({ max: PING_ANSWER_BYTES - 1 }) },
  { weight: 3, arbitrary: fc.nat({ max: 200 }) },
)
// Silence costs the time that it is borne: some is enough.
const ending = fc.constantFrom<Ending[]>('cut', 'cut', 'cut', 'reset', 'reset', 'reset', 'swallow')
/** In most rounds nothing is ended but what has not answered yet: then nobody may notice. */
const unproven = fc.record({ after: after.filter((it) => it === 'before' || it < PING_ANSWER_BYTES), ending })
const faults = (fault: fc.Arbitrary<AnswerFault>) =>
  fc.array(fc.option(fault, { nil: undefined }), { minLength: 1, maxLength: 3 })
const round: fc.Arbitrary<Round> = fc.record({
  quietMillis: fc.constantFrom(...QUIETS),
  faults: fc.oneof(
    { weight: 2, arbitrary: faults(unproven) },
    { weight: 1, arbitrary: faults(fc.record({ after, ending })) },
  ),
  dribbles: fc.boolean(),
  asks: fc.array(fc.array(fc.constantFrom(...all), { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }),
})
const options: fc.Arbitrary<PoolOptions> = fc.record({
  max: fc.constantFrom(1, 3),
  prepare: fc.constantFrom<('auto' | number | false)[]>('auto', 0, false),
})

const isUnproven = (fault: AnswerFault | undefined) =>
  fault === undefined || fault.after === 'before' || fault.after < PING_ANSWER_BYTES

async function run(given: PoolOptions, rounds: readonly Round[]): Promise<void> {
  const pool = open(given)
  const outcomes: Outcome[] = []
  try {
    // As many as it may have, and texts that are known by name.
    await expectWhole(pool)
    await Promise.all(Array.from({ length: 6 }, (_, n) => read(pool, 'SELECT $1::int AS n', n)))
    for (const { quietMillis, faults, dribbles, asks } of rounds) {
      await expectRest(pool)
      proxy.dribble(dribbles)
      proxy.arm(faults)
      wake(pool, quietMillis)
      for (const kinds of asks) {
        const asked = await Promise.all(kinds.map((kind) => ask(pool, kind)))
        outcomes.push(...asked)
        if (faults.every(isUnproven)) expectUnnoticed(asked)
        asked.forEach(expectLoss)
      }
    }
    proxy.dribble(false)
    await expectRest(pool)
    await expectWhole(pool)
  } finally {
    proxy.dribble(false)
    await pool.end()
  }
  await expectStored(outcomes)
}

it(`random programs on connections that end anywhere lose nothing and write nothing twice (seed ${seed})`, {
  timeout: seconds * 1000 + 60_000,
}, async () => {
  const before = proxy.struck
  const program = fc.asyncProperty(options, fc.array(round, { minLength: 1, maxLength: 4 }), run)
  await fc.assert(program, {
    seed,
    numRuns: 1_000_000,
    interruptAfterTimeLimit: seconds * 1000,
    markInterruptAsFailure: false,
  })
  // So much happened that all of this means something.
  expect(proxy.struck - before).toBeGreaterThan(seconds)
})
