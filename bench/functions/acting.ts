import pg from 'pg'
import { changeOrder, orderByKey, type Statement } from '../orders.js'

/** What a call is to do. */
export interface Asked {
  readonly act: Act
}

/** What a call tells. */
export interface Told {
  /** The whole of it, from the event's arrival to the answer: what stands around the handler is in it, the runtime is not. */
  readonly millis: number
  /** From the event's arrival to the first row; `NaN`, which JSON turns into null, where none was asked for. */
  readonly firstRowMillis: number
  /** Connects of this environment so far. */
  readonly connects: number
}

/** Somebody who takes queries. */
interface Asking {
  query(text: string, values?: unknown[]): Promise<unknown>
}

type Work = (client: Asking) => Promise<unknown>

/** A contender, as functions use it. */
export interface Database extends Asking {
  transaction(work: Work): Promise<unknown>
  /** Runs `work` on a client of its own. */
  hold(work: Work): Promise<unknown>
  connects(): number
}

type Handler = (asked: Asked, context: object, callback?: unknown) => Promise<unknown>

/** A handler that does what it is asked to, and measures what its caller would wait for. */
export function acting(
  database: Database,
  wrap = (handler: Handler) => handler,
): (...call: unknown[]) => Promise<Told> {
  const work = wrap(({ act }) => acts[act](database))
  return async (...call) => {
    const began = performance.now()
    firstRow = Number.NaN
    await work(...(call as Parameters<Handler>))
    const millis = performance.now() - began
    return { millis, firstRowMillis: firstRow - began, connects: database.connects() }
  }
}

let firstRow = Number.NaN
let asked = 0

async function ask(whom: Asking, statement: Statement): Promise<void> {
  await whom.query(statement.text, [statement.value(asked++)])
  if (Number.isNaN(firstRow)) firstRow = performance.now()
}

async function inTurn(count: number, one: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < count; i++) await one()
}

function atOnce(count: number, one: () => Promise<unknown>): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, one))
}

const read = (whom: Asking) => ask(whom, orderByKey)
const write = (whom: Asking) => ask(whom, changeOrder)
const transaction = (database: Database) =>
  database.transaction(async (client) => {
    await read(client)
    await write(client)
  })

const acts = {
  nothing: async () => {},
  read,
  write,
  'two queries': (database: Database) => inTurn(2, () => read(database)),
  'four at once': (database: Database) => atOnce(4, () => read(database)),
  'twenty at once': (database: Database) => atOnce(20, () => read(database)),
  'four writes at once': (database: Database) => atOnce(4, () => write(database)),
  transaction,
  'two transactions at once': (database: Database) => atOnce(2, () => transaction(database)),
  'ten transactions at once': (database: Database) => atOnce(10, () => transaction(database)),
  'client held for three queries': (database: Database) => database.hold((client) => inTurn(3, () => read(client))),
  /** What a connect takes here, for whom it is a part of the measure. */
  connect: async () => {
    const client = new pg.Client()
    await client.connect()
    firstRow = performance.now()
    await client.end()
  },
} satisfies Record<string, (database: Database) => Promise<unknown>>

export type Act = keyof typeof acts

/** What users of pg write. */
export async function inTransaction(client: Asking, work: Work): Promise<void> {
  await client.query('BEGIN')
  await work(client)
  await client.query('COMMIT')
}

/** Lends a pool's client. */
export async function lend(pool: pg.Pool, work: Work): Promise<void> {
  const client = await pool.connect()
  try {
    await work(client)
  } finally {
    client.release()
  }
}
