import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type LocalLambda, type Relay, startLambda, startRelay } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { PoolOptions } from '../../src/index'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { createDatabase, type TestDatabase } from '../support/database'
import type { Leaving, Left } from './functions/leaver'

let database: TestDatabase
let leaver: BundledFunction
let relay: Relay
let lambda: LocalLambda

beforeAll(async () => {
  database = await createDatabase()
  leaver = await bundleFunction(join(__dirname, 'functions/leaver.ts'))
})
afterAll(async () => {
  leaver.dispose()
  await database.dispose()
})
beforeEach(async () => {
  const { user, password, database: name } = database.config
  relay = await startRelay(database.config)
  const pool: PoolOptions = { pooling: 'always', min: 2 }
  lambda = await startLambda({
    module: leaver.module,
    env: {
      PGHOST: relay.host,
      PGPORT: String(relay.port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: name,
      POOL_OPTIONS: JSON.stringify(pool),
    },
  })
})
afterEach(async () => {
  await lambda.close()
  await relay.close()
  await database.untilSessions(0)
})

async function call(leaves: Leaving['leaves']): Promise<Left & { environmentId: string }> {
  const { outcome, response, error, environmentId } = await lambda.invoke({ leaves } satisfies Leaving)
  if (outcome !== 'response') throw new Error(`${outcome}: ${JSON.stringify(error)}`)
  return { ...(response as Left), environmentId }
}

async function terminateAll(): Promise<void> {
  for (const { pid } of await database.sessions()) {
    await database.admin.query('SELECT pg_terminate_backend($1, 5000)', [pid])
  }
}

const kinds = ['checkout', 'transaction', 'query', 'nothing'] as const
const deaths: { death: string; die: () => Promise<void> }[] = [
  { death: 'the server ends every session', die: terminateAll },
  { death: 'the network resets every connection', die: async () => relay.strike('reset') },
  { death: 'the network cuts every connection', die: async () => relay.strike('cut') },
]

describe.each(deaths)('when $death during the freeze', ({ die }) => {
  it.each(kinds)('G7: what comes late of the last call does not reach the next one (it left: %s)', async (leaves) => {
    const first = await call('nothing')
    for (let round = 0; round < 3; round += 1) {
      await call(leaves)
      await die()
      // Longer than a busy moment of the process.
      await pause(20)
      expect((await call('nothing')).environmentId).toBe(first.environmentId)
    }
  })
})

describe('what is still out when a call ends', () => {
  it.each(['checkout', 'transaction'] as const)(
    'H2: is taken back before the freeze, its transaction ended and its lock free, and is reported once (%s)',
    async (leaves) => {
      await call(leaves)
      await database.untilSessions(0, { where: "state LIKE 'idle in transaction%'" })
      expect(await database.admin.query('SELECT pg_try_advisory_xact_lock(42) AS free')).toEqual([{ free: true }])
      const { leaks } = await call('nothing')
      expect(leaks).toEqual([{ acquiredAt: expect.stringMatching(/leaveCheckout|leaveTransaction/), returned: false }])
      expect((await call('nothing')).leaks).toHaveLength(1)
    },
  )

  it('H2: is a query that nobody waited for: it ends on the server as well', async () => {
    await call('query')
    await database.untilSessions(0, { where: "state = 'active'" })
    await call('nothing')
  })
})
