import { Client } from 'pg'
import Cursor from 'pg-cursor'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Opening } from '../../src/pool/connector'
import { PROFILES } from '../../src/postgres/connection/opening/profile'
import { forsake, isUsable, type PgClient } from '../../src/postgres/connection/pg-client'
import { PgConnector, type PgConnectorOptions } from '../../src/postgres/connection/pg-connector'
import { createDatabase, type TestDatabase } from '../support/database'

let database: TestDatabase

beforeAll(async () => {
  database = await createDatabase()
})
afterAll(() => database.dispose())

function connectorOf(options: Partial<PgConnectorOptions> = {}): PgConnector {
  return new PgConnector({
    newClient: () => new Client(database.config) as PgClient,
    hosts: [{ name: '', options: {} }],
    targetSessionAttrs: 'any',
    resumeMillis: 0,
    onConnect: undefined,
    verify: undefined,
    reset: 'rollback',
    leaseMillis: () => Number.POSITIVE_INFINITY,
    invocationMillis: () => Number.POSITIVE_INFINITY,
    profile: PROFILES.direct,
    pooled: undefined,
    credentials: undefined,
    preparing: undefined,
    demoted: () => {},
    limitsWork: false,
    isLeftAlone: () => false,
    tls: undefined,
    isUnsaid: false,
    ...options,
  })
}

/** A setting that no server knows, as the lease is one that old servers don't. */
const unknown = { options: '-c unheard_of=1' }

function opening(): Opening & { losses: Error[] } {
  const losses: Error[] = []
  return { withinMillis: Infinity, onAbandon: undefined, losses, lost: (error) => void losses.push(error) }
}

describe('a dial', () => {
  it('is remembered by how long it took', async () => {
    const connector = connectorOf({ onConnect: () => new Promise((resolve) => setTimeout(resolve, 60)) })
    expect(connector.connectMillis).toBe(1)
    const client = await connector.dial(opening())
    expect(connector.connectMillis).toBeGreaterThan(55)
    await connector.close(client)
  })

  it('that is given up leaves nothing open, and does not begin again', async () => {
    let made = 0
    const held: { opening?: Opening } = {}
    const connector = connectorOf({
      leaseMillis: () => 60_000,
      newClient: () => {
        made += 1
        const client = new Client({ ...database.config, ...unknown }) as PgClient
        // Just when the server refuses, nobody waits any more.
        client.connection.once('errorMessage', () => held.opening?.onAbandon?.())
        return client
      },
    })
    held.opening = opening()
    await expect(connector.dial(held.opening)).rejects.toThrow('unrecognized')
    expect(made).toBe(1)
    await database.untilSessions(0)
  })

  it('is repeated for less of a lease, and a loss of what was refused is none of what was opened', async () => {
    let made = 0
    const connector = connectorOf({
      leaseMillis: () => 60_000,
      newClient: () => {
        made += 1
        return new Client({ ...database.config, ...(made === 1 && unknown) }) as PgClient
      },
    })
    const dialled = opening()
    const client = await connector.dial(dialled)
    await database.untilSessions(1)
    expect(dialled.losses).toEqual([])
    expect(made).toBe(2)
    await connector.close(client)
  })

  it('has the same lease again where it was not what the server refused', async () => {
    let isRefused = true
    const leases: string[] = []
    const connector = connectorOf({
      leaseMillis: () => 60_000,
      newClient: () => new Client({ ...database.config, ...(isRefused && unknown) }) as PgClient,
      onConnect: async (client) => {
        leases.push((await client.query('SHOW idle_session_timeout')).rows[0].idle_session_timeout)
        if (leases.length === 1) await client.query('SET unheard_of = 1')
      },
    })
    await expect(connector.dial(opening())).rejects.toMatchObject({ code: '42704' })
    isRefused = false
    await expect(connector.dial(opening())).rejects.toMatchObject({ code: '42704' })
    await connector.close(await connector.dial(opening()))
    expect(leases).toEqual(['1min', '1min'])
  })
})

describe('a client that was forsaken', () => {
  it('settles nothing, before nor after', async () => {
    const connector = connectorOf()
    const client = await connector.dial(opening())
    const settled: string[] = []
    const note = (what: string) => () => void settled.push(what)
    client.query('SELECT pg_sleep(0.05)').then(note('running'), note('running'))
    client.query('SELECT 1').then(note('queued'), note('queued'))
    const closing = connector.close(client)
    forsake(client)
    client.query('SELECT 2').then(note('later'), note('later'))
    client.query('SELECT 3', note('callback'))
    const cursor = new Cursor('SELECT 4')
    expect(client.query(cursor)).toBe(cursor)
    expect(isUsable(client)).toBe(false)
    await closing
    await database.untilSessions(0)
    expect(settled).toEqual([])
  })

  it('has what runs cancelled on the server', async () => {
    const connector = connectorOf()
    const client = await connector.dial(opening())
    client.query('SELECT pg_sleep(60)').catch(() => {})
    const closing = connector.close(client)
    forsake(client)
    await closing
    await database.untilSessions(0)
  })
})
