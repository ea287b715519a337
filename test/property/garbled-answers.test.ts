import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import {
  authentication,
  commandComplete,
  dataRow,
  errorResponse,
  type Garble,
  GarblingServer,
  message,
  ready,
  rowDescription,
} from '../support/garbling-server'
import { within } from '../support/within'
import { fuzz } from './support/fuzz'

/** Of each who asks, ms. */
const LIMIT_MILLIS = 150

/** What is found out takes a while to be told in few words, ms. */
const MINUTES = 10 * 60_000

/** Errors that nobody caught: each would have ended the process. */
let uncaught: unknown[]
const catchIt = (error: unknown) => void uncaught.push(error)

beforeEach(() => {
  uncaught = []
  process.on('uncaughtException', catchIt)
  process.on('unhandledRejection', catchIt)
})
afterEach(() => {
  process.off('uncaughtException', catchIt)
  process.off('unhandledRejection', catchIt)
})

/** Whatever is asked of a pool. */
const asks = {
  query: (pool: Pool) => pool.query({ text: 'SELECT 1', signal: AbortSignal.timeout(LIMIT_MILLIS) }),
  values: (pool: Pool) => pool.query({ text: 'SELECT 2', values: [], signal: AbortSignal.timeout(LIMIT_MILLIS) }),
  client: (pool: Pool) => pool.use((client) => client.query('SELECT 3'), { signal: AbortSignal.timeout(LIMIT_MILLIS) }),
  transaction: (pool: Pool) =>
    pool.transaction((client) => client.query('SELECT 4'), { signal: AbortSignal.timeout(LIMIT_MILLIS) }),
}

const options = fc.record({
  leaseMillis: fc.constantFrom(0, 5000),
  // Pings ride along with each loan, or don't.
  validationBypassMillis: fc.constantFrom(0, 60_000),
  prepare: fc.constantFrom<PoolOptions['prepare'][]>(false, 0),
  fanOut: fc.boolean(),
  reset: fc.constantFrom<PoolOptions['reset'][]>('rollback', 'clean'),
})

/** Whatever takes longer than this never ends, also on a machine that is busy. */
const PATIENCE_MILLIS = 30_000

interface Case {
  readonly options: PoolOptions
  readonly asks: readonly (keyof typeof asks)[]
  readonly garble: Garble
}

/** Without E and N: what begins with these and is no whole error or notice keeps pg's parser busy for good. */
const byte = fc.nat({ max: 255 }).map((it) => (it === 0x45 || it === 0x4e ? 0 : it))
const bytes = fc.array(byte, { maxLength: 40 }).map((it) => Buffer.from(it))
const messageType = byte.map((it) => String.fromCharCode(it))
const knownType = fc.constantFrom(...'123ACDGHIKRSTWZcdnstv')

const unasked = fc.constantFrom(
  ...[ready, rowDescription, dataRow('9'), dataRow(''), commandComplete],
  ...[message('1'), message('2'), message('3'), message('n'), message('s'), message('I'), message('c')],
  message('G', Buffer.from([0, 0, 0])),
  message('H', Buffer.from([0, 0, 0])),
  message('d', 'data'),
  message('Z', 'T'),
  message('Z', 'E'),
  message('A', Buffer.from('\0\0\0\x07channel\0payload\0')),
  message('S', Buffer.from('TimeZone\0UTC\0')),
  ...['57P01', '08P01', '42P01', '0A000', '', '🦆'].map(errorResponse),
  ...[0, 1, 2, 3, 6, 7, 8, 9, 99].map((kind) => authentication(kind)),
  authentication(5, 'salt'),
  authentication(10, 'SCRAM-SHA-256\0\0'),
  authentication(10, 'OTHER\0\0'),
  authentication(11, 'r=nonsense,s=c2FsdA==,i=4096'),
  authentication(12, 'v=nonsense'),
)
const LENGTHS = [0, 1, 2, 3, 4, 5, 8, 9, 1000, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]
const hostile = fc
  .tuple(fc.oneof(knownType, messageType), bytes, fc.option(fc.constantFrom(...LENGTHS)))
  .map(([type, body, length]) => message(type, body, length ?? undefined))

const ending = fc.constantFrom<Garble['ending'][]>('none', 'cut', 'reset', 'silence')
const at = fc.nat({ max: 3 })

/** Tells itself where it turns out to be too much for somebody. */
function garbled(at: number, ending: Garble['ending'], say: Garble['say'], text: string): Garble {
  const told = `answer ${at}: ${text}; ending: ${ending}`
  return Object.assign({ at, ending, say }, { [fc.toStringMethod]: () => told })
}

const cutShort = fc
  .tuple(at, fc.nat({ max: 120 }), fc.constantFrom<Garble['ending'][]>('cut', 'reset', 'silence'))
  .map(([at, length, ending]) => garbled(at, ending, (it) => [it.subarray(0, length)], `${length} bytes`))

/** Other messages in the midst of an answer, or in place of its rest. */
const withOthers = fc
  .tuple(
    at,
    fc.nat({ max: 120 }),
    fc.array(fc.oneof(unasked, hostile), { minLength: 1, maxLength: 4 }),
    fc.boolean(),
    ending,
  )
  .map(([at, place, others, goesOn, ending]) => {
    const say = (answer: Buffer) => {
      const first = wholeMessages(answer, place)
      return [answer.subarray(0, first), ...others, ...(goesOn ? [answer.subarray(first)] : [])]
    }
    const text = others.map((it) => it.toString('latin1')).map((it) => JSON.stringify(it))
    return garbled(at, ending, say, `${text} after ${place} bytes, ${goesOn ? 'with' : 'without'} the rest`)
  })

/** Where the last message ends that is whole in so many bytes. */
function wholeMessages(answer: Buffer, length: number): number {
  let end = 0
  for (let next = 0; next <= Math.min(length, answer.length); next += 1 + answer.readUInt32BE(next + 1)) {
    end = next
    if (next + 5 > answer.length) break
  }
  return end
}

const aCase: fc.Arbitrary<Case> = fc.record({
  options,
  asks: fc.array(fc.constantFrom(...(Object.keys(asks) as (keyof typeof asks)[])), { minLength: 1, maxLength: 3 }),
  garble: fc.oneof(cutShort, withOthers),
})

/** All that has to hold, whatever the server says. */
async function live({ options, asks: asked, garble }: Case): Promise<void> {
  await using server = await GarblingServer.start()
  const { host, port } = server
  const pool = new Pool({
    ...options,
    ...{ host, port, user: 'me', password: 'secret', database: 'orders', max: 10 },
    connectionTimeoutMillis: LIMIT_MILLIS,
    validationTimeoutMillis: 50,
  })
  pool.on('error', () => {})
  server.garble = garble
  for (const ask of asked)
    await within(
      PATIENCE_MILLIS,
      asks[ask](pool).catch(() => {}),
      `an end of ${ask}`,
    )
  expect(pool.stats()).toMatchObject({ lent: 0, waiting: 0 })
  server.garble = undefined
  await within(PATIENCE_MILLIS, served(pool), 'a server that is well to be used again')
  await within(PATIENCE_MILLIS, pool.end(), 'the pool ended')
  expect(pool.stats()).toMatchObject({ total: 0, waiting: 0 })
  await vi.waitUntil(() => server.open === 0, { timeout: PATIENCE_MILLIS })
}

/** Resolves when a query got its own answer. */
async function served(pool: Pool): Promise<void> {
  for (let question = 100; ; question += 1) {
    const answer = await pool.query({ text: `SELECT ${question}`, signal: AbortSignal.timeout(500) }).catch(() => {})
    if (answer?.rows[0]?.n === String(question)) return
  }
}

test(
  'whatever a server says, who asks gets an end, and the pool goes on',
  async () => {
    const property = fc.asyncProperty(fc.array(aCase, { minLength: 1, maxLength: 25 }), async (cases) => {
      await Promise.all(cases.map(live))
      expect(uncaught).toEqual([])
    })
    await fc.assert(property, fuzz(8))
  },
  MINUTES,
)

test(
  'in whatever pieces an answer comes, it is understood',
  async () => {
    const cuts = fc.array(fc.nat({ max: 120 }), { maxLength: 6 })
    const property = fc.asyncProperty(options, at, cuts, async (options, at, cuts) => {
      await using server = await GarblingServer.start()
      const say = (answer: Buffer) => {
        const ends = [...cuts.filter((it) => it < answer.length).sort((a, b) => a - b), answer.length]
        return ends.map((end, index) => answer.subarray(ends[index - 1] ?? 0, end))
      }
      server.garble = { at, say, ending: 'none' }
      const { host, port } = server
      const pool = new Pool({ ...options, host, port, user: 'me', password: 'secret', max: 1 })
      for (const question of [1, 1, 2]) {
        const { rows } = await within(PATIENCE_MILLIS, pool.query(`SELECT ${question}`), 'an answer')
        expect(rows).toEqual([{ n: String(question) }])
      }
      await within(PATIENCE_MILLIS, pool.end(), 'the pool ended')
      expect(uncaught).toEqual([])
    })
    await fc.assert(property, fuzz(60))
  },
  MINUTES,
)

test('a length that a server only claims takes no memory', async () => {
  await using server = await GarblingServer.start()
  const claims = message('D', Buffer.alloc(1024), 2 ** 31 - 1)
  server.garble = {
    at: 1,
    say: () => [claims, ...Array.from({ length: 64 }, () => Buffer.alloc(16 * 1024))],
    ending: 'silence',
  }
  const { host, port } = server
  const before = process.memoryUsage().arrayBuffers
  const pool = new Pool({ host, port, user: 'me', password: 'secret', max: 4 })
  await expect(within(PATIENCE_MILLIS, asks.query(pool), 'an end')).rejects.toMatchObject({
    code: 'POOL_QUERY_ABORTED',
  })
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024)
  await within(PATIENCE_MILLIS, pool.end(), 'the pool ended')
})
