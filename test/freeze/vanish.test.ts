import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { describeWithNetworks, type Network, openNetwork } from '../support/network-namespace'
import { type Fleet, type FleetOptions, machines, processes } from './support/fleet'
import { type OwnServer, startOwnServer } from './support/own-server'

const environments = 20
const leaseMillis = 2000
const pool = { pooling: 'always', leaseMillis } as const

let worker: BundledFunction
let server: OwnServer
let fleet: Fleet

beforeAll(async () => {
  worker = await bundleFunction(join(__dirname, 'functions/worker.ts'))
})
afterAll(() => worker.dispose())
afterEach(() => fleet.close())

/** Half of them are frozen when they vanish, the other half are in a transaction, and hold a lock there. */
async function vanishAll(): Promise<void> {
  await fleet.provision()
  const calls = fleet.round({ does: 'query' }, { does: 'hold' })
  await server.untilSessions(environments / 2, 10_000, "state = 'idle in transaction'")
  await server.untilSessions(environments / 2, 10_000, "state = 'idle'")
  await fleet.vanish()
  await calls
  expect(await server.sessions()).toHaveLength(environments)
  await server.untilSessions(0, leaseMillis + 1000)
}

describe('environments that vanish without a word', () => {
  beforeAll(async () => {
    server = await startOwnServer()
  })
  afterAll(() => server.close())

  it('leave no session behind after their lease, whether idle or in a transaction', async () => {
    const { host, port } = server
    const lambda = { database: { host, port }, vanish: 'silent' } as const
    fleet = await processes(environments, { module: worker.module, database: server, pool, lambda })
    await vanishAll()
  })
})

describeWithNetworks('machines that vanish without a word', () => {
  let network: Network

  beforeAll(async () => {
    network = await openNetwork()
    server = await startOwnServer({ network: await network.link() })
  })
  afterAll(async () => {
    await server.close()
    await network.dispose()
  })

  it('leave no session behind after their lease, whether idle or in a transaction', async () => {
    const links = await Promise.all(Array.from({ length: environments }, () => network.link()))
    const options: FleetOptions = { module: worker.module, database: server, pool }
    fleet = await machines(links, options)
    await vanishAll()
  })
})
