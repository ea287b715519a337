import { join } from 'node:path'
import { type Relay, type RelayFault, startRelay } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { PoolOptions } from '../../src/index'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { type Fleet, processes, type Round } from './support/fleet'
import { type OwnServer, startOwnServer } from './support/own-server'

/** What a call comes to that meets the fault at the dial, or in the middle of its query. */
const faults: { fault: RelayFault; atDial: string; inQuery: string }[] = [
  { fault: 'cut', atDial: 'error', inQuery: 'error' },
  { fault: 'reset', atDial: 'error', inQuery: 'error' },
  { fault: 'half-open', atDial: 'error', inQuery: 'error' },
  { fault: 'deaf', atDial: 'error', inQuery: 'error' },
  { fault: 'slow', atDial: 'response', inQuery: 'response' },
]

let worker: BundledFunction
let server: OwnServer
let relay: Relay
let fleet: Fleet

beforeAll(async () => {
  worker = await bundleFunction(join(__dirname, 'functions/worker.ts'))
  server = await startOwnServer()
})
afterAll(async () => {
  await server.close()
  worker.dispose()
})
afterEach(async () => {
  await fleet.close()
  await relay.close()
})

async function start(pool: PoolOptions): Promise<void> {
  const { host, port, user, password, database } = server
  relay = await startRelay({ host, port, slowMillis: 30 })
  fleet = await processes(1, {
    module: worker.module,
    database: { host: relay.host, port: relay.port, user, password, database },
    // A busy machine may need more time for its answer than the default leaves it.
    pool: { validationTimeoutMillis: 300, deadlineMarginMillis: 500, ...pool },
    lambda: { timeoutMillis: 1500 },
  })
  await expectSuccess()
}

async function expectSuccess(): Promise<void> {
  const { failures } = await fleet.round({ does: 'query' })
  expect(failures).toEqual([])
}

/** The next call succeeds, in the same environment: the fault has not ended it. */
async function expectRecovery(after: Round): Promise<void> {
  const { records, failures } = await fleet.round({ does: 'query' })
  expect(failures).toEqual([])
  expect(records.map(({ environmentId }) => environmentId)).toEqual(
    after.records.map(({ environmentId }) => environmentId),
  )
}

describe.each(faults)('the fault "$fault"', ({ fault, atDial, inQuery }) => {
  it('fails no call when it strikes what is idle', async () => {
    await start({ pooling: 'always', min: 2 })
    for (const does of ['query', 'parallel', 'transaction', 'late'] as const) {
      const before = await fleet.round({ does: 'parallel' })
      relay.strike(fault)
      const { failures } = await fleet.round({ does })
      expect(failures).toEqual([])
      await expectRecovery(before)
    }
  })

  it('does not end the environment when it meets a dial, and the next call succeeds', async () => {
    await start({ pooling: 'never' })
    relay.newcomersMeet = fault
    const struck = await fleet.round({ does: 'query' })
    expect(struck.records).toMatchObject([{ outcome: atDial, cold: false }])
    relay.newcomersMeet = undefined
    await expectRecovery(struck)
  })

  it('does not end the environment when it strikes in the middle of a query, and the next call succeeds', async () => {
    await start({ pooling: 'always' })
    const call = fleet.round({ does: 'sleep', millis: 300 })
    await server.untilSessions(1, 5000, "state = 'active'")
    relay.strike(fault)
    const struck = await call
    expect(struck.records).toMatchObject([{ outcome: inQuery, cold: false }])
    await expectRecovery(struck)
  })
})
