import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type LocalLambda, startLambda } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { PoolOptions } from '../../src/index'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { createDatabase, type TestDatabase } from '../support/database'
import type { Doing } from './functions/thawed'
import { startWire, type Wire } from './support/wire'

const ELSEWHERE = 'elsewhere has answered'
const PING = '>S'
const ANSWER = '<'

/** What the wire sees of each, when nothing is asked beforehand. */
const works = [
  { does: 'query', onTheWire: ['>Q', ANSWER] },
  { does: 'transaction', onTheWire: ['>Q', ANSWER, '>Q', ANSWER, '>Q', ANSWER] },
] as const

let database: TestDatabase
let thawed: BundledFunction
let wire: Wire
let elsewhere: Server
let lambda: LocalLambda

beforeAll(async () => {
  database = await createDatabase()
  thawed = await bundleFunction(join(__dirname, 'functions/thawed.ts'))
})
afterAll(async () => {
  thawed.dispose()
  await database.dispose()
})
beforeEach(async () => {
  wire = await startWire(database.config)
  // Something else that a handler may wait for: it takes one round trip to the database, if one is under way.
  elsewhere = createServer(async (_request, response) => {
    await wire.answered(2000)
    wire.log.push(ELSEWHERE)
    response.end()
  })
  elsewhere.listen(0, '127.0.0.1')
  await once(elsewhere, 'listening')
  const { user, password, database: name } = database.config
  lambda = await startLambda({
    module: thawed.module,
    timeoutMillis: 15_000,
    env: {
      PGHOST: wire.host,
      PGPORT: String(wire.port),
      PGUSER: user,
      PGPASSWORD: password,
      PGDATABASE: name,
      POOL_OPTIONS: JSON.stringify({ pooling: 'always' } satisfies PoolOptions),
    },
  })
  await call({ does: 'query' })
})
afterEach(async () => {
  await lambda.close()
  elsewhere.closeAllConnections()
  elsewhere.close()
  await wire.close()
})

/** What goes over the wire in one call, between two freezes. */
async function call(doing: Doing): Promise<string[]> {
  wire.clear()
  const { outcome, error } = await lambda.invoke(doing)
  if (outcome !== 'response') throw new Error(`${outcome}: ${JSON.stringify(error)}`)
  return [...wire.log]
}

describe('the sign of life that is asked for after a thaw', () => {
  const elsewhereUrl = () => `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`

  it.each(works)('costs a handler that begins with a $does one round trip', async ({ does, onTheWire }) => {
    for (let thaw = 0; thaw < 3; thaw += 1) {
      expect(await call({ does })).toEqual([PING, ANSWER, ...onTheWire])
    }
  })

  it.each(works)('costs nothing before a $does that comes after something else', async ({ does, onTheWire }) => {
    for (let thaw = 0; thaw < 3; thaw += 1) {
      expect(await call({ after: elsewhereUrl(), does })).toEqual([PING, ANSWER, ELSEWHERE, ...onTheWire])
    }
  })

  it('does not hold back a handler that needs no database', async () => {
    expect(await call({ after: elsewhereUrl(), does: 'nothing' })).toEqual([PING, ANSWER, ELSEWHERE])
  })
})
