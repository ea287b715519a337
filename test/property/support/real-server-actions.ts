import { setTimeout as pause } from 'node:timers/promises'
import type { PoolClient } from 'pg'
import Cursor from 'pg-cursor'
import type { Pool } from 'pg-thaw'
import type { Random } from './random'
import type { Witness } from './witness'

/** Where an action happens. */
export interface Scene {
  readonly pool: Pool
  readonly random: Random
  readonly witness: Witness
  /** Takes a client that the program has forgotten. */
  forget(client: PoolClient): void
}

export type Action = (scene: Scene) => Promise<unknown>

/** Never settles. */
export const never = new Promise<never>(() => {})

/** SQL of a column that takes its time. */
function slowly({ random }: Scene): string {
  return `, pg_sleep(${random.between(10, 200) / 1000})`
}

function soon({ random }: Scene): AbortSignal {
  return AbortSignal.timeout(random.between(0, 250))
}

/** Takes a client, checks it, works with it, and gives it back somehow. */
async function lend(
  scene: Scene,
  work: (client: PoolClient) => unknown,
  giveBack = (client: PoolClient) => release(client),
): Promise<void> {
  const client = await scene.pool.connect()
  try {
    await scene.witness.receives(client)
    await work(client)
  } finally {
    giveBack(client)
  }
}

/** Gives a client back; a second time, or late, that may be refused by an error. */
function release(client: PoolClient, giveBack = client.release): void {
  try {
    giveBack.call(client)
  } catch {}
}

/** What callers wait for; it settles within their bounds, whatever happens. */
export const awaited: Record<string, Action> = {
  ask: ({ witness, pool }) => witness.ask(pool),
  'ask slowly': (scene) => scene.witness.ask(scene.pool, slowly(scene)),
  'ask a lot at once': ({ witness, pool, random }) =>
    Promise.allSettled(Array.from({ length: random.between(2, 12) }, () => witness.ask(pool))),
  'ask what fails': ({ pool }) => pool.query('SELECT 1 / 0').catch(() => {}),
  write: async ({ witness, pool }) => witness.written.push(await witness.write(pool)),
  'write in a transaction': async ({ witness, pool }) =>
    witness.written.push(await pool.transaction((client) => witness.write(client))),
  'throw in a transaction': ({ witness, pool }) =>
    pool.transaction(async (client) => {
      await witness.write(client)
      throw new Error('thrown on purpose')
    }),
  'swallow in a transaction': ({ pool }) =>
    pool.transaction(async (client) => {
      await client.query('SELECT 1 / 0').catch(() => {})
    }),
  lend: (scene) => lend(scene, (client) => scene.witness.ask(client)),
  'lend and throw away': (scene) =>
    lend(
      scene,
      (client) => scene.witness.ask(client),
      (client) => client.release(scene.random.percent(50) || new Error('unwanted')),
    ),
  'lend by callback': ({ pool, witness }) =>
    new Promise((resolve, reject) => {
      pool.connect((error, client, done) => {
        if (error !== undefined || client === undefined) return reject(error)
        witness
          .ask(client)
          .finally(() => done())
          .then(resolve, reject)
      })
    }),
  'ask by callback': ({ pool, witness }) =>
    new Promise((resolve, reject) => {
      const echo = `echo ${witness.unique()}`
      pool.query('SELECT $1::text AS echo', [echo], (error, result) => {
        if (error) return reject(error)
        resolve(witness.heard(echo, result))
      })
    }),
  use: (scene) => scene.pool.use((client) => scene.witness.receives(client).then(() => scene.witness.ask(client))),
  'use and throw': ({ pool }) => pool.use(() => Promise.reject(new Error('thrown on purpose'))),
  'use and hang until a signal': (scene) => scene.pool.use(() => never, { signal: soon(scene) }),
  'transact and hang until a signal': (scene) => scene.pool.transaction(() => never, { signal: soon(scene) }),
  'leave a transaction open': (scene) =>
    lend(scene, async (client) => {
      await client.query('BEGIN')
      await scene.witness.write(client)
    }),
  'leave a failed transaction open': (scene) =>
    lend(scene, async (client) => {
      await client.query('BEGIN')
      await client.query('SELECT 1 / 0').catch(() => {})
    }),
  'release while queries run': async (scene) => {
    let running: Promise<unknown>[] = []
    await lend(scene, (client) => {
      running = [client.query('BEGIN'), scene.witness.ask(client, slowly(scene)), scene.witness.ask(client)]
    })
    await Promise.allSettled(running)
  },
  'release twice': (scene) =>
    lend(
      scene,
      (client) => scene.witness.ask(client),
      (client) => {
        const again = client.release
        release(client)
        // By then the client may be somebody else's: the second release is of a loan that is over.
        setTimeout(() => release(client, again), scene.random.between(0, 30))
      },
    ),
  'end a lent client': (scene) =>
    lend(scene, (client) => {
      // What people do who come from `new Client()`; its type hides it.
      ;(client as PoolClient & { end(): Promise<void> }).end().catch(() => {})
    }),
  'read a cursor': (scene) => lend(scene, (client) => readSome(client, true)),
  'leave a cursor open': (scene) => lend(scene, (client) => readSome(client, false)),
  'abort a query': (scene) => {
    const text = `SELECT 1 AS one${slowly(scene)}`
    return scene.pool.query({ text, signal: scene.random.percent(20) ? AbortSignal.abort() : soon(scene) })
  },
  'abort a connect': (scene) => scene.pool.connect({ signal: soon(scene) }).then((client) => release(client)),
}

async function readSome(client: PoolClient, doesClose: boolean): Promise<void> {
  const cursor = client.query(new Cursor('SELECT generate_series(1, 1000) AS n'))
  await cursor.read(10)
  // pg-cursor waits for the server's answer for ever, also where the connection is gone.
  if (doesClose)
    await Promise.race([cursor.close(), new Promise((resolve) => client.once('end', resolve)), pause(2000)])
}

/** What a program starts and does not wait for. In an invocation, it may end before this does. */
export const leftBehind: Record<string, Action> = {
  'a query': (scene) => scene.witness.ask(scene.pool, slowly(scene)),
  'a loser of a race': (scene) => Promise.race([pause(5), scene.witness.ask(scene.pool, slowly(scene))]),
  'more queries than connections': (scene) =>
    Promise.all(Array.from({ length: 8 }, () => scene.witness.ask(scene.pool, slowly(scene)))),
  'a transaction': ({ pool, witness }) => pool.transaction((client) => pause(50).then(() => witness.write(client))),
  'a use that hangs': (scene) => scene.pool.use(() => never, { signal: AbortSignal.timeout(1500) }),
  'a second try on a client that is forgotten': async (scene) => {
    try {
      await scene.pool.query('SELECT pg_sleep(0.3)')
    } catch {
      await forgotten(scene)
    }
  },
  'a forgotten client': forgotten,
  'a forgotten transaction': async (scene) => {
    const client = await forgotten(scene)
    await client.query('BEGIN')
    await scene.witness.write(client)
  },
  'a late query': async (scene) => {
    await pause(scene.random.between(0, 300))
    await scene.witness.ask(scene.pool)
  },
  'a late release': async (scene) => {
    const client = await scene.pool.connect()
    const giveBack = client.release
    await pause(scene.random.between(0, 300))
    release(client, giveBack)
  },
}

async function forgotten(scene: Scene): Promise<PoolClient> {
  const client = await scene.pool.connect()
  scene.forget(client)
  await scene.witness.receives(client)
  return client
}
