import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type LocalLambda, startLambda } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { PoolOptions } from '../../src/index'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { createDatabase, type TestDatabase } from '../support/database'
import { startWire, type Wire } from '../support/wire'
import type { Doing } from './functions/thawed'

const ELSEWHERE = 'elsewhere has answered'
const PING = '>S'
const ANSWER = '<'

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
  // Something else that a handler may wait for, for longer than a round trip to the database takes.
  elsewhere = createServer(async (_request, response) => {
    await pause(100)
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

/** What goes over the wire in one call, between two freezes that are longer than a busy moment of the process. */
async function call(doing: Doing): Promise<string[]> {
  wire.clear()
  await pause(50)
  const { outcome, error } = await lambda.invoke(doing)
  if (outcome !== 'response') throw new Error(`${outcome}: ${JSON.stringify(error)}`)
  return [...wire.log]
}

describe('a call after a freeze', () => {
  const elsewhereUrl = () => `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`

  it('that begins with a read takes one round trip for it: the ping rides along', async () => {
    for (let thaw = 0; thaw < 3; thaw += 1) expect(await call({ does: 'query' })).toEqual([PING, ANSWER])
  })

  it('that begins with a transaction takes none more: the begin is the ping', async () => {
    for (let thaw = 0; thaw < 3; thaw += 1) {
      expect(await call({ does: 'transaction' })).toEqual(['>Q', ANSWER, '>Q', ANSWER, '>Q', ANSWER])
    }
  })

  it('that waits for something else first asks nothing before', async () => {
    for (let thaw = 0; thaw < 3; thaw += 1) {
      expect(await call({ after: elsewhereUrl(), does: 'query' })).toEqual([ELSEWHERE, PING, ANSWER])
    }
  })

  it('that needs no database asks nothing at all', async () => {
    expect(await call({ after: elsewhereUrl(), does: 'nothing' })).toEqual([ELSEWHERE])
    expect(await call({ does: 'query' })).toEqual([PING, ANSWER])
  })
})
