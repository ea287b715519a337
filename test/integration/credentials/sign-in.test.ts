import { inspect } from 'node:util'
import { Client, type ClientConfig } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signInWith } from '../../../src/credentials/source/sign-in'
import type { Credentials } from '../../../src/postgres/connection/opening/credentials'
import { verifiedTls } from '../../../src/postgres/connection/opening/tls'
import type { PgClient } from '../../../src/postgres/connection/pg-client'
import { startTlsServer, type TlsServer } from '../../support/tls-server'
import { socketToHere } from '../../support/tls-sockets'

let server: TlsServer

beforeAll(async () => {
  server = await startTlsServer()
})
afterAll(() => server?.close())

function clientOf(config: ClientConfig): PgClient {
  const { host, port } = server
  const client = new Client({ host, port, ...config }) as PgClient
  client.on('error', () => {})
  return client
}

const verified = () => verifiedTls({ ca: server.authority.cert })(server.host)

function deferred<T>() {
  let resolve: (value: T) => void = () => {}
  let reject: (error: unknown) => void = () => {}
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** Resolves when the client has begun to speak TLS. */
function encrypted(client: PgClient): Promise<unknown> {
  return new Promise((resolve) => client.connection.once('sslconnect', resolve))
}

describe('signing in', () => {
  it('waits for the credentials with a connection that is open already', async () => {
    const client = clientOf({ ssl: verified() })
    const { promise, resolve } = deferred<Credentials>()
    signInWith(client, promise, undefined)
    const connected = client.connect()
    await encrypted(client)
    const { user, password } = server
    resolve({ user, password })
    await connected
    const { rows } = await client.query('SELECT current_user AS user, current_database() AS database')
    await client.end()
    expect(rows).toEqual([{ user, database: user }])
  })

  it.each([
    ['of the options before that of the credentials', 'template1', 'postgres', 'template1'],
    ['of the credentials', undefined, 'template1', 'template1'],
  ])('is to the database %s', async (_, ours, theirs, expected) => {
    const client = clientOf({})
    const { user, password } = server
    signInWith(client, Promise.resolve({ user, password, database: theirs }), ours)
    await client.connect()
    const { rows } = await client.query('SELECT current_database() AS database')
    await client.end()
    expect(rows).toEqual([{ database: expected }])
  })

  it('leaves to the options what the credentials do not say', async () => {
    const { user, password } = server
    const client = clientOf({ user, password })
    signInWith(client, Promise.resolve({}), undefined)
    await client.connect()
    await client.end()
    expect(client.user).toBe(user)
  })

  it('fails with the reason why there are no credentials', async () => {
    const client = clientOf({ ssl: verified() })
    const { promise, reject } = deferred<Credentials>()
    signInWith(client, promise, undefined)
    const connected = client.connect()
    await encrypted(client)
    const reason = new Error('no secret')
    reject(reason)
    await expect(connected).rejects.toBe(reason)
    client.connection.stream.destroy()
  })

  it('is nothing any more when the connection is gone before the credentials come', async () => {
    const client = clientOf({ ssl: verified() })
    const { promise, resolve } = deferred<Credentials>()
    signInWith(client, promise, undefined)
    const connected = client.connect()
    await encrypted(client)
    client.connection.stream.destroy()
    await expect(connected).rejects.toThrow()
    resolve({ user: server.user, password: server.password })
    await promise
    expect(client.getTransactionStatus()).toBeNull()
  })

  it('is refused without TLS to another machine, with credentials that must not be seen', async () => {
    const marker = 'hunter2-marker'
    const secret = { user: 'app', password: marker, requiresEncryption: true }
    const sent: Buffer[] = []
    const stream = () => socketToHere((piece) => sent.push(piece))
    const client = clientOf({ host: 'db.example.com', stream })
    signInWith(client, Promise.resolve(secret), undefined)
    const error = await client.connect().catch((it: unknown) => it)
    client.connection.stream.destroy()
    expect(error).toMatchObject({
      code: 'POOL_CREDENTIALS_PLAIN_TEXT',
      message: expect.stringContaining('db.example.com'),
    })
    expect(inspect(error)).not.toContain(marker)
    expect(sent).toEqual([])
  })

  it('is as usual with such credentials on this machine, or with TLS', async () => {
    const { user, password } = server
    for (const ssl of [false, verified()]) {
      const client = clientOf({ ssl })
      signInWith(client, Promise.resolve({ user, password, requiresEncryption: true }), undefined)
      await client.connect()
      expect(client.getTransactionStatus()).toBe('I')
      await client.end()
    }
  })
})
