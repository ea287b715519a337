import { Client, type ClientConfig } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifiedTls } from '../../../src/postgres/connection/opening/tls'
import { certificateAuthority } from '../../support/tls-certificates'
import { startRoundTripCounter } from '../../support/tls-round-trips'
import { groupsBefore18, startTlsServer, type TlsServer } from '../../support/tls-server'
import { socketToHere } from '../../support/tls-sockets'

const rdsHost = 'orders.abc.eu-west-1.rds.amazonaws.com'
let server: TlsServer
let olderServer: TlsServer

beforeAll(async () => {
  server = await startTlsServer({ names: ['localhost', '127.0.0.1', rdsHost] })
  olderServer = await startTlsServer({ settings: groupsBefore18 })
})
afterAll(() => Promise.all([server?.close(), olderServer?.close()]))

/** Connects, asks the server what it sees, and says goodbye. */
async function connect(config: ClientConfig, answered: () => void = () => {}): Promise<unknown> {
  const { port, user, password, database } = server
  const client = new Client({ port, user, password, database, ...config })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query('SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()')
    answered()
    return rows[0]
  } finally {
    await client.end()
  }
}

const encrypted = { ssl: true, version: 'TLSv1.3' }

describe('verified TLS with a real server', () => {
  it.each(['localhost', '127.0.0.1'])('knows it by its name or address: %s', async (host) => {
    expect(await connect({ host, ssl: verifiedTls({ ca: server.authority.cert })(host) })).toEqual(encrypted)
  })

  it('knows it by an authority out of a file', async () => {
    const tls = verifiedTls({ sslrootcert: server.caFile })
    expect(await connect({ host: '127.0.0.1', ssl: tls('127.0.0.1') })).toEqual(encrypted)
  })

  it('knows RDS by the file that Lambda ships', async () => {
    const tls = verifiedTls({}, server.caFile)
    expect(await connect({ host: rdsHost, stream: () => socketToHere(), ssl: tls(rdsHost) })).toEqual(encrypted)
  })

  it('does not trust that file for anything else', async () => {
    const tls = verifiedTls({}, server.caFile)
    await expect(connect({ host: 'localhost', ssl: tls('localhost') })).rejects.toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    })
  })

  it('refuses a server of another authority', async () => {
    const tls = verifiedTls({ ca: certificateAuthority().cert })
    await expect(connect({ host: 'localhost', ssl: tls('localhost') })).rejects.toMatchObject({
      code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    })
  })

  it('refuses a server of another name', async () => {
    const host = 'other.example.com'
    const tls = verifiedTls({ ca: server.authority.cert })
    await expect(connect({ host, stream: () => socketToHere(), ssl: tls(host) })).rejects.toMatchObject({
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
    })
  })

  it('refuses a server without TLS', async () => {
    await using plain = await startTlsServer({ settings: { ssl: 'off' } })
    const tls = verifiedTls({ ca: plain.authority.cert })
    await expect(connect({ host: '127.0.0.1', port: plain.port, ssl: tls('127.0.0.1') })).rejects.toThrow(
      'does not support SSL',
    )
  })
})

describe('round trips from nothing to the first row, TCP included,', () => {
  /** The fewest of a few tries: a slow machine can only make them more. */
  async function roundTrips(target: TlsServer, config: ClientConfig, expected: number): Promise<number> {
    let fewest = Number.POSITIVE_INFINITY
    for (let attempt = 0; attempt < 5 && fewest > expected; attempt += 1) {
      await using relay = await startRoundTripCounter(target)
      const { host, port } = relay
      const { user, password, database } = target
      await connect({ host, port, user, password, database, ...config }, () => {
        fewest = Math.min(fewest, relay.roundTrips)
      })
    }
    return fewest
  }

  const verified = (target: TlsServer) => verifiedTls({ ca: target.authority.cert })('127.0.0.1')

  it('are 7 with TLS 1.3 and SCRAM on a server 18', async () => {
    expect(await roundTrips(server, { ssl: verified(server) }, 7)).toBe(7)
  })

  it('are 7 with TLS 1.3 and SCRAM on a server before 18, where pg alone needs 8', async () => {
    expect(await roundTrips(olderServer, { ssl: verified(olderServer) }, 7)).toBe(7)
    expect(await roundTrips(olderServer, { ssl: { ca: olderServer.authority.cert } }, 8)).toBe(8)
  })

  it('are 6 with direct negotiation', async () => {
    expect(await roundTrips(server, { ssl: verified(server), sslnegotiation: 'direct' }, 6)).toBe(6)
  })
})
