import { type Relay, startRelay } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Pool } from '../../src/index'
import { createDatabase, type TestDatabase } from '../support/database'

let database: TestDatabase
let relay: Relay
let pool: Pool
/** What the pool reported on its own. */
let reported: Error[]
let runs: number

beforeAll(async () => {
  database = await createDatabase()
  await database.admin.query(`
    CREATE TABLE debits (amount int);
    CREATE TABLE credits (amount int);
    CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON credits DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW WHEN (NEW.amount < 0) EXECUTE FUNCTION take_time()`)
})
afterAll(() => database.dispose())
beforeEach(async () => {
  await database.admin.query('TRUNCATE debits, credits')
  relay = await startRelay(database.config)
  reported = []
  runs = 0
  pool = new Pool({ ...database.config, host: relay.host, port: relay.port, max: 2, connectionTimeoutMillis: 5000 })
  pool.on('error', (error) => reported.push(error))
})
afterEach(async () => {
  await pool.end()
  await relay.close()
  await database.untilSessions(0)
})

/** Moves an amount in one transaction; a negative one takes its time to commit. */
function move(amount: number, { beforeSecond = async () => {}, beforeCommit = async () => {} } = {}): Promise<void> {
  return pool.transaction(async (client) => {
    runs += 1
    await client.query('INSERT INTO debits VALUES ($1)', [amount])
    await beforeSecond()
    await client.query('INSERT INTO credits VALUES ($1)', [amount])
    await beforeCommit()
  })
}

async function moved(): Promise<{ debits: number; credits: number }> {
  const [row] = await database.admin.query<{ debits: number; credits: number }>(
    'SELECT (SELECT count(*)::int FROM debits) AS debits, (SELECT count(*)::int FROM credits) AS credits',
  )
  if (row === undefined) throw new Error('no row')
  return row
}

async function terminate(): Promise<void> {
  const [session] = await database.sessions("state LIKE 'idle in transaction%'")
  await database.admin.query('SELECT pg_terminate_backend($1, 5000)', [session?.pid])
}

const kills: { how: string; kill: () => Promise<void> }[] = [
  { how: 'its backend is terminated', kill: terminate },
  { how: 'the network cuts it', kill: async () => relay.strike('cut') },
  { how: 'the network resets it', kill: async () => relay.strike('reset') },
  { how: 'the server has forgotten it', kill: async () => relay.strike('half-open') },
]

describe.each(kills)('a transaction of which $how', ({ kill }) => {
  it.each(['beforeSecond', 'beforeCommit'] as const)(
    'fails once, leaves nothing, and is not run again (%s)',
    async (at) => {
      await expect(move(1, { [at]: kill })).rejects.toThrow()
      await database.untilSessions(0, { where: "state LIKE 'idle in transaction%'" })
      expect(await moved()).toEqual({ debits: 0, credits: 0 })
      expect(runs).toBe(1)
      expect(reported).toEqual([])
      expect(pool.stats()).toMatchObject({ acquires: 1, lent: 0 })
      await move(2)
      expect(await moved()).toEqual({ debits: 1, credits: 1 })
    },
  )
})

it.each(['cut', 'reset'] as const)(
  'a COMMIT that was sent and got no answer (%s) fails once, is not sent again, and has happened as a whole or not at all',
  async (fault) => {
    const result = move(-1)
    await database.untilSessions(1, { where: "state = 'active' AND query = 'COMMIT'" })
    relay.strike(fault)
    await expect(result).rejects.toThrow()
    await database.untilSessions(0)
    const { debits, credits } = await moved()
    expect(credits).toBe(debits)
    expect(debits).toBeLessThanOrEqual(1)
    expect(runs).toBe(1)
    expect(reported).toEqual([])
  },
)
