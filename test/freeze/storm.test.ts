import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { type Fleet, processes } from './support/fleet'
import { type OwnServer, startOwnServer } from './support/own-server'

const freeSlots = 27
const reservedSlots = 3
const environments = 60
/** Three of these per call: long enough for the first to hold all slots when the last arrives. */
const queryMillis = 150

let worker: BundledFunction
let server: OwnServer
let fleet: Fleet
/** Every connection that reached the server, the refused ones included. */
let attempts = 0

beforeAll(async () => {
  worker = await bundleFunction(join(__dirname, 'functions/worker.ts'))
  server = await startOwnServer({
    settings: {
      max_connections: String(freeSlots + reservedSlots),
      superuser_reserved_connections: String(reservedSlots),
      log_connections: 'on',
    },
    onLog: (line) => {
      if (line.includes('connection received')) attempts += 1
    },
  })
  await server.query(`CREATE ROLE app LOGIN PASSWORD 'app'`)
})
afterAll(async () => {
  await server.close()
  worker.dispose()
})
afterEach(() => fleet.close())

it('F7: a burst of more environments than there are free slots fails no call, and does not storm the server', async () => {
  const { host, port, database } = server
  fleet = await processes(environments, {
    module: worker.module,
    database: { host, port, database, user: 'app', password: 'app' },
    pool: { connectionTimeoutMillis: 10_000 },
  })
  // All are there before the first is called, or their start would spread the burst.
  await fleet.provision()
  attempts = 0
  const { failures } = await fleet.round({ does: 'sequence', millis: queryMillis })
  expect(failures).toEqual([])
  expect(attempts).toBeLessThanOrEqual(3 * environments)
  // They did not fit in at once.
  expect(attempts).toBeGreaterThan(environments)
})
