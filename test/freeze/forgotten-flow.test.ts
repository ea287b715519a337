import { join } from 'node:path'
import type { InvocationRecord } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { describeWithNetworks, type Network, openNetwork } from '../support/network-namespace'
import type { Done } from './functions/worker'
import { type Fleet, machines, processes } from './support/fleet'
import { type OwnServer, startOwnServer } from './support/own-server'

const validationTimeoutMillis = 400
/** One connect, and what a loaded machine may add to it: far less than any other time limit here. */
const connectMillis = 2000

/** With the only slot taken by the connection that is not there any more, and with room beside it. */
const sizes = [{ max: 1 }, { max: 4 }]

let worker: BundledFunction
let server: OwnServer
let fleet: Fleet

beforeAll(async () => {
  worker = await bundleFunction(join(__dirname, 'functions/worker.ts'))
})
afterAll(() => worker.dispose())
afterEach(() => fleet.close())

async function call(): Promise<InvocationRecord & { done: Done }> {
  const { records, failures } = await fleet.round({ does: 'query' })
  expect(failures).toEqual([])
  const [record] = records
  if (record === undefined) throw new Error('no record')
  return { ...record, done: record.response as Done }
}

/** A call before the flow is forgotten and one after; the flow is forgotten while the environment is frozen between them. */
async function callAfter(forget: () => Promise<void>): Promise<void> {
  const before = await call()
  await forget()
  const after = await call()
  expect(after.environmentId).toBe(before.environmentId)
  expect(after.done.pids).not.toEqual(before.done.pids)
  expect(after.done.stats.retired.invalid).toBe(1)
  expect(after.latencyMillis).toBeLessThan(validationTimeoutMillis + connectMillis)
}

describe('a flow that was forgotten while a process was frozen', () => {
  beforeAll(async () => {
    server = await startOwnServer()
  })
  afterAll(() => server.close())

  it.each(sizes)('F5: costs the next call a validation and a connect, no more ($max)', async ({ max }) => {
    const { host, port } = server
    fleet = await processes(1, {
      module: worker.module,
      database: server,
      pool: { pooling: 'always', max, validationTimeoutMillis },
      lambda: { database: { host, port }, freezeModel: 'forgotten-flow' },
    })
    await callAfter(async () => {})
  })
})

describeWithNetworks('a flow that was forgotten while a machine was paused', () => {
  let network: Network

  beforeAll(async () => {
    network = await openNetwork()
    server = await startOwnServer({ network: await network.link() })
  })
  afterAll(async () => {
    await server.close()
    await network.dispose()
  })

  it.each(sizes)('F5: costs the next call a validation and a connect, no more ($max)', async ({ max }) => {
    const link = await network.link()
    const pool = { pooling: 'always', max, validationTimeoutMillis } as const
    fleet = await machines([link], { module: worker.module, database: server, pool })
    await callAfter(() => link.forgetFlows())
  })
})
