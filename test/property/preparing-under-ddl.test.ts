import fc from 'fast-check'
import pg, { type PoolClient, type QueryResult } from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Pool, type PoolOptions } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'
import { within } from '../support/within'

/** For longer runs by hand: `DDL_SECONDS=300 DDL_SEED=7 npx vitest run test/property/preparing-under-ddl.test.ts`. */
const seconds = Number(process.env.DDL_SECONDS ?? 15)
const seed = Number(process.env.DDL_SEED ?? 20_260_101)

const LONGEST_MILLIS = 15_000

/** What a server may say of a name whose tables have changed; inside of a transaction that is its program's, once for each text. */
const STALE = new Set(['0A000', '26000', '42883', '42804', '22P02'])

let database: TestDatabase
/** Asks as pg does, without names: what it hears is what everybody should. */
let plain: pg.Client
let lastKey = 0

beforeAll(async () => {
  database = await createDatabase()
  plain = new pg.Client({ ...database.config, application_name: 'admin' })
  await plain.connect()
})
afterAll(async () => {
  await plain.end()
  await database.dispose()
})

async function createTables(): Promise<void> {
  await database.admin.query('DROP TABLE IF EXISTS items, written')
  await database.admin.query('CREATE TABLE items (id int, label text)')
  await database.admin.query("INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 5) AS n")
  await database.admin.query('CREATE TABLE written (n int)')
}

/** Changes under which every query below stays valid: then one that fails, failed for its name. */
const migrations = {
  'add a column': (table) => `ALTER TABLE ${table} ADD COLUMN IF NOT EXISTS extra int DEFAULT 7`,
  'drop a column': (table) => `ALTER TABLE ${table} DROP COLUMN IF EXISTS extra, DROP COLUMN IF EXISTS renamed`,
  'rename a column': (table) => `DO $$ BEGIN ALTER TABLE ${table} RENAME COLUMN extra TO renamed;
    EXCEPTION WHEN undefined_column OR duplicate_column THEN NULL; END $$`,
  'make the key a bigint': (table) => retype(table, 'bigint'),
  'make the key a text': (table) => retype(table, 'text'),
  'make the key an int': (table) => retype(table, 'int'),
  'make the table anew': (table) => `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE;
    CREATE TABLE anew AS TABLE ${table}; DROP TABLE ${table}; ALTER TABLE anew RENAME TO ${table}`,
  analyze: (table) => `ANALYZE ${table}`,
} satisfies Record<string, (table: Table) => string>

type Migration = keyof typeof migrations
type Table = 'items' | 'written'

function retype(table: Table, type: string): string {
  const key = table === 'items' ? 'id' : 'n'
  return `ALTER TABLE ${table} ALTER COLUMN ${key} TYPE ${type} USING ${key}::text::${type}`
}

const READS = [
  'SELECT * FROM items WHERE id = $1',
  'SELECT label, id FROM items WHERE id = $1',
  'SELECT i.*, $1::text AS echo FROM items AS i WHERE i.id::text = $1::text',
  'SELECT count(*) FROM items WHERE id <> $1',
  'WITH found AS (SELECT * FROM items WHERE id = $1) SELECT * FROM found',
]
const WRITE = 'INSERT INTO written (n) VALUES ($1) RETURNING *'
const COUNT = 'SELECT count(*)::int AS times FROM written WHERE n::text = $1::text'
const DELETE = 'DELETE FROM written WHERE n::text = $1::text'

/** What a program sees of an answer. Not the number of the table, which a name keeps for as long as its rows look alike. */
function seen({ rows, rowCount, command, fields }: QueryResult) {
  const shape = fields.map(({ name, dataTypeID, dataTypeSize, dataTypeModifier, format }) => {
    return { name, dataTypeID, dataTypeSize, dataTypeModifier, format }
  })
  return { rows, rowCount, command, shape }
}

const outcomeOf = (answer: Promise<QueryResult>) => answer.then(seen, (error) => ({ code: error.code }))

/** One run: its pool, and what must be stored at its end, and what must not. */
interface Scene {
  readonly pool: Pool
  readonly stored: Set<number>
  readonly undone: Set<number>
  /** Whether nothing changes while this is asked: then answers can be compared. */
  readonly isQuiet: boolean
}

interface Asked {
  query(text: string, values?: unknown[]): Promise<QueryResult>
}

async function read({ isQuiet }: Scene, on: Asked, at: number, value: unknown): Promise<void> {
  const text = READS[at % READS.length] as string
  const heard = await outcomeOf(on.query(text, [value]))
  if (isQuiet) expect(heard, text).toEqual(await outcomeOf(plain.query(text, [value])))
  else if (value !== NONSENSE) expect(heard, text).toMatchObject({ command: 'SELECT', rowCount: 1 })
}

async function write({ stored }: Scene, on: Asked): Promise<void> {
  const key = ++lastKey
  expect((await on.query(WRITE, [key])).rows).toMatchObject([{ n: expect.anything() }])
  stored.add(key)
}

function byCallback(client: PoolClient, text: string, values: unknown[]): Promise<QueryResult> {
  return new Promise((resolve, reject) => {
    client.query(text, values, (error, result) => (error ? reject(error) : resolve(result)))
  })
}

/** Several at once on one client: each sees what those before it did, and they are answered in their order. */
async function inOrder({ stored }: Scene, client: PoolClient, between?: string): Promise<void> {
  const key = ++lastKey
  const answered: number[] = []
  const asked = [WRITE, COUNT, DELETE, COUNT, ...(between ? [between] : []), WRITE, COUNT].map((text, at) => {
    const values = text === between ? [] : [key]
    const answer = at % 2 === 0 ? client.query(text, values) : byCallback(client, text, values)
    return answer.finally(() => answered.push(at))
  })
  const results = await Promise.all(asked)
  expect(results.flatMap(({ rows }) => rows).flatMap((row) => row.times ?? [])).toEqual([1, 0, 1])
  expect(answered).toEqual(asked.map((_, at) => at))
  stored.add(key)
}

/** A transaction fails for each stale text once; what it wrote then is undone. */
async function transact(scene: Scene, how: 'transaction' | 'BEGIN', at: number): Promise<void> {
  const { pool, stored, undone } = scene
  for (let attempt = 0; ; attempt += 1) {
    const keys = [++lastKey, ++lastKey]
    const work = async (client: PoolClient) => {
      await client.query(WRITE, [keys[0]])
      await client.query(READS[at % READS.length] as string, [1])
      await client.query(WRITE, [keys[1]])
    }
    try {
      if (how === 'transaction') await pool.transaction(work)
      else await pool.use((client) => begun(client, work))
      for (const key of keys) stored.add(key)
      return
    } catch (error) {
      for (const key of keys) undone.add(key)
      const { code } = error as { code?: string }
      if (attempt === 2 || !STALE.has(code ?? '')) throw error
    }
  }
}

async function begun(client: PoolClient, work: (client: PoolClient) => Promise<void>): Promise<void> {
  await client.query('BEGIN')
  try {
    await work(client)
    await client.query('COMMIT')
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

const NONSENSE = 'no number'

type Action = (scene: Scene, at: number) => Promise<unknown>

const actions = {
  read: (scene, at) => read(scene, scene.pool, at, 1 + (at % 5)),
  'read with a value that fails': (scene, at) => read(scene, scene.pool, at, NONSENSE),
  write: (scene) => write(scene, scene.pool),
  'several on a client': (scene) => scene.pool.use((client) => inOrder(scene, client)),
  'several on a client, and DEALLOCATE ALL': (scene) =>
    scene.pool.use((client) => inOrder(scene, client, 'DEALLOCATE ALL')),
  'several on a client, and DISCARD ALL': (scene) => scene.pool.use((client) => inOrder(scene, client, 'DISCARD ALL')),
  'a read and a failure on a client': (scene, at) =>
    scene.pool.use(async (client) => {
      await read(scene, client, at, 1)
      await read(scene, client, at, NONSENSE)
      await read(scene, client, at, 2)
    }),
  'release while queries run': async (scene, at) => {
    const client = await scene.pool.connect()
    const running = [write(scene, client), read(scene, client, at, 1), write(scene, client)]
    client.release()
    await Promise.all(running)
  },
  'DEALLOCATE ALL': ({ pool }) => pool.query('DEALLOCATE ALL'),
  'DISCARD ALL': ({ pool }) => pool.query('DISCARD ALL'),
  "a statement of one's own": ({ pool }) =>
    pool.use(async (client) => {
      await client.query('PREPARE mine AS SELECT 1')
      await client.query('DEALLOCATE mine')
    }),
  'a transaction': (scene, at) => transact(scene, 'transaction', at),
  'a transaction by hand': (scene, at) => transact(scene, 'BEGIN', at),
} satisfies Record<string, Action>

/** Some things at once, and perhaps a change before or meanwhile. */
interface Step {
  readonly migration: [Migration, Table] | undefined
  readonly isMeanwhile: boolean
  readonly asks: [keyof typeof actions, number][]
}

const step: fc.Arbitrary<Step> = fc.record({
  migration: fc.option(
    fc.tuple(
      fc.constantFrom(...(Object.keys(migrations) as Migration[])),
      fc.constantFrom<Table[]>('items', 'written'),
    ),
    { nil: undefined },
  ),
  isMeanwhile: fc.boolean(),
  asks: fc.array(
    fc.tuple(fc.constantFrom(...(Object.keys(actions) as (keyof typeof actions)[])), fc.nat({ max: 20 })),
    {
      minLength: 1,
      maxLength: 4,
    },
  ),
})
const options = fc.record({
  max: fc.constantFrom(1, 3),
  prepare: fc.constantFrom<('auto' | number)[]>('auto', 0),
  preparedStatements: fc.constantFrom(2, 100),
})

/** No session knows more names of the pool's than it may. */
async function expectFewNames(pool: Pool, most: number): Promise<void> {
  const clients = await Promise.all(Array.from({ length: pool.stats().max }, () => pool.connect()))
  const counts = await Promise.all(
    clients.map(async (client) => {
      const { rows } = await client.query(
        "SELECT count(*)::int AS names FROM pg_prepared_statements WHERE name LIKE 'pg_thaw_%'",
      )
      client.release()
      return rows[0].names as number
    }),
  )
  expect(Math.max(...counts)).toBeLessThanOrEqual(most)
}

/** How often statements ran by a name, and how often one was given up: else nothing was tried. */
const tried = { reused: 0, forgotten: 0 }

async function run(given: PoolOptions & { preparedStatements: number }, steps: readonly Step[]): Promise<void> {
  await createTables()
  const pool = new Pool({ ...database.config, ...given })
  const [stored, undone] = [new Set<number>(), new Set<number>()]
  try {
    for (const { migration, isMeanwhile, asks } of steps) {
      const migrate = async () => migration && database.admin.query(migrations[migration[0]](migration[1]))
      if (!isMeanwhile) await migrate()
      const scene: Scene = { pool, stored, undone, isQuiet: !isMeanwhile || migration === undefined }
      const asked = asks.map(([name, at]) => (actions[name] as Action)(scene, at))
      await within(LONGEST_MILLIS, Promise.all([isMeanwhile && migrate(), ...asked]), 'an end of a step')
      await expectFewNames(pool, given.preparedStatements)
    }
    const { lent, waiting, dials, reused, forgotten } = pool.stats()
    // No name that fails costs a connection.
    expect({ lent, waiting, isWithin: dials <= pool.stats().max }).toEqual({ lent: 0, waiting: 0, isWithin: true })
    tried.reused += reused
    tried.forgotten += forgotten
  } finally {
    await pool.end()
  }
  const rows = await database.admin.query<{ n: string; times: number }>(
    'SELECT n::text AS n, count(*)::int AS times FROM written GROUP BY n',
  )
  const found = new Map(rows.map(({ n, times }) => [Number(n), times]))
  expect([...found].filter(([n, times]) => times !== 1 || undone.has(n))).toEqual([])
  expect([...stored].filter((n) => !found.has(n))).toEqual([])
}

it(`whatever becomes of tables and names, what is asked is answered as without names (seed ${seed})`, {
  timeout: seconds * 1000 + 60_000,
}, async () => {
  await fc.assert(fc.asyncProperty(options, fc.array(step, { minLength: 3, maxLength: 12 }), run), {
    seed,
    numRuns: 1_000_000,
    interruptAfterTimeLimit: seconds * 1000,
    markInterruptAsFailure: false,
  })
  expect(tried.reused).toBeGreaterThan(seconds * 10)
  expect(tried.forgotten).toBeGreaterThan(seconds * 3)
})
