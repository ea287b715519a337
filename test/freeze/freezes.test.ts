import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Relay, startRelay } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { PoolOptions } from '../../src/index'
import { type BundledFunction, bundleFunction } from '../support/bundle'
import { describeWithNetworks, type Link, type Network, openNetwork } from '../support/network-namespace'
import type { Task } from './functions/worker'
import { type Fleet, type FleetOptions, machines, processes } from './support/fleet'
import { type OwnServer, startOwnServer } from './support/own-server'

/** How the environments' connections die while all of them are frozen. */
const causes = ['lease expired', 'lease expiring', 'terminated', 'server restarted', 'reset'] as const
type Cause = (typeof causes)[number]

const environments = 5
/** What the calls of a round do; one freeze of each environment lies between two rounds. */
const rounds: readonly Task['does'][] = ['query', 'parallel', 'late', 'connect', 'transaction', 'sequence']
const leaseMillis = 300

let worker: BundledFunction
let server: OwnServer
let fleet: Fleet

beforeAll(async () => {
  worker = await bundleFunction(join(__dirname, 'functions/worker.ts'))
})
afterAll(() => worker.dispose())

function options(cause: Cause, at: { host: string; port: number }): FleetOptions {
  const { user, password, database } = server
  const pool: PoolOptions = {
    pooling: 'always',
    min: 2,
    max: 4,
    validationTimeoutMillis: 200,
    ...(cause.startsWith('lease') && { leaseMillis }),
  }
  return { module: worker.module, database: { ...at, user, password, database }, pool }
}

/** Ends every session of the frozen fleet. Where it can be told, it resolves when nothing of them is left at the server. */
async function kill(cause: Exclude<Cause, 'reset'>, round: number): Promise<void> {
  switch (cause) {
    case 'lease expired':
      await server.untilSessions(0, leaseMillis + 5000)
      return
    case 'lease expiring':
      // From well before the server's timer to well after it, so that some calls come just when it fires.
      await pause(leaseMillis - 100 + 30 * round)
      return
    case 'terminated':
      await server.terminateAll()
      return
    case 'server restarted': {
      await server.stop(round % 2 === 0 ? 'fast' : 'immediate')
      const started = server.start()
      // Every other time the calls come while it is still starting.
      if (round % 4 < 2) await started
      return
    }
    default:
      cause satisfies never
  }
}

async function freezeAcross(cause: Cause, die: (round: number) => Promise<void>): Promise<void> {
  const first = await fleet.round({ does: 'parallel' })
  expect(first.failures).toEqual([])
  let before = first.answers.flatMap(({ pids }) => pids)
  for (const [round, does] of rounds.entries()) {
    await die(round)
    const { records, answers, failures } = await fleet.round({ does })
    expect(failures).toEqual([])
    expect(records.map(({ cold }) => cold)).toEqual(Array.from({ length: environments }, () => false))
    const after = answers.flatMap(({ pids }) => pids)
    if (cause !== 'lease expiring') expect(after.filter((pid) => before.includes(pid))).toEqual([])
    before = after
  }
}

describe('a frozen process', () => {
  let relay: Relay

  beforeAll(async () => {
    server = await startOwnServer()
    relay = await startRelay({ host: server.host, port: server.port })
  })
  afterAll(async () => {
    await relay.close()
    await server.close()
  })
  afterEach(() => fleet.close())

  it.each(causes)('fails no call after its connections died: %s', async (cause) => {
    fleet = await processes(environments, options(cause, { host: relay.host, port: relay.port }))
    await freezeAcross(cause, async (round) => {
      if (cause !== 'reset') return kill(cause, round)
      relay.strike('reset')
      await server.untilSessions(0, 5000)
    })
  })
})

describeWithNetworks('a paused machine', () => {
  let network: Network
  let links: Link[]

  beforeAll(async () => {
    network = await openNetwork()
    const admin = await network.link()
    links = await Promise.all(Array.from({ length: environments }, () => network.link()))
    server = await startOwnServer({ network: admin })
  })
  afterAll(async () => {
    await server.close()
    await network.dispose()
  })
  afterEach(() => fleet.close())

  it.each(causes)('fails no call after its connections died: %s', async (cause) => {
    fleet = await machines(links, options(cause, { host: server.host, port: server.port }))
    await freezeAcross(cause, async (round) => {
      if (cause !== 'reset') await kill(cause, round)
      // After a long pause the server's kernel has given up what it had to say; after a short one it still tries.
      if (cause === 'reset' || round % 2 === 0) await Promise.all(links.map((link) => link.abort()))
      if (cause === 'reset') await server.untilSessions(0, 5000)
    })
  })
})
