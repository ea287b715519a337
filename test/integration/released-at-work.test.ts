import type pg from 'pg'
import { expect, it } from 'vitest'
import { describeBoth } from '../support/both-pools'

/** How often each is tried; more by `ROUNDS`. */
const ROUNDS = Number(process.env.ROUNDS ?? 10)

const patience = { timeout: 30_000 + ROUNDS * 1000 }
const all = (count: number) => Array.from({ length: count }, (_, n) => n)

/** Stock lends one client again while it is at work: all pile up on it, and its idle timeout would end it after 10 s. */
const OPTIONS = { max: 5, idleTimeoutMillis: 0 }

/** Takes 200 ms, and is not over when its client is released. */
const INSERT = 'INSERT INTO inserts SELECT $1::int FROM pg_sleep(0.2)'

describeBoth('what runs when its client is released takes effect', ({ open, database }) => {
  const stored = async (table: string) =>
    (await database().admin.query<{ n: number }>(`SELECT n FROM ${table} ORDER BY n`)).map(({ n }) => n)
  const create = (sql: string) => database().admin.query(sql)

  /** A client, by its promise or by its callback, and what gives it back. */
  const lent = (pool: pg.Pool, byCallback: boolean): Promise<[pg.PoolClient, release: () => void]> =>
    byCallback
      ? new Promise((resolve, reject) =>
          pool.connect((error, client, done) => (client ? resolve([client, done]) : reject(error))),
        )
      : pool.connect().then((client) => [client, () => client.release()])

  it('an insert of 200 ms', patience, async () => {
    await create('CREATE TABLE inserts (n int)')
    const pool = open(OPTIONS)
    const round = async (n: number) => {
      const [client, release] = await lent(pool, n % 2 === 1)
      const asked = client.query(INSERT, [n])
      release()
      expect((await asked).rowCount).toBe(1)
    }
    await Promise.all(all(ROUNDS).map(round))
    expect(await stored('inserts')).toEqual(all(ROUNDS))
    await create('DROP TABLE inserts')
  })

  it('a commit with a deferred trigger of 200 ms', {
    timeout: 30_000 + ROUNDS * 1000,
  }, async () => {
    await create(`CREATE TABLE commits (n int);
        CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END$$;
        CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON commits DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()`)
    const pool = open(OPTIONS)
    const round = async (n: number) => {
      const [client, release] = await lent(pool, n % 2 === 1)
      await client.query('BEGIN')
      await client.query('INSERT INTO commits VALUES ($1)', [n])
      const asked = client.query('COMMIT')
      release()
      expect((await asked).command).toBe('COMMIT')
    }
    await Promise.all(all(ROUNDS).map(round))
    expect(await stored('commits')).toEqual(all(ROUNDS))
    await create('DROP TABLE commits; DROP FUNCTION slow')
  })
})
