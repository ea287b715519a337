import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { temporaryDirectory } from '../../scripts/postgres-server-guard'
import { serverUser } from '../../scripts/postgres-server-user'
import { Pool } from '../../src/index'
import { certificateAuthority } from '../support/tls-certificates'
import { startTlsServer, type TlsServer } from '../support/tls-server'

const clients = certificateAuthority()
let directory: string
let server: TlsServer

/** A server that lets nobody in without a certificate in his name. */
beforeAll(async () => {
  directory = await mkdtemp(join(await temporaryDirectory(await serverUser()), 'pg-thaw-clients-'))
  await chmod(directory, 0o755)
  const [caFile, hbaFile] = [join(directory, 'clients.crt'), join(directory, 'pg_hba.conf')]
  await writeFile(caFile, clients.cert)
  await writeFile(hbaFile, 'hostssl all all all cert\n')
  server = await startTlsServer({ settings: { ssl_ca_file: caFile, hba_file: hbaFile } })
})
afterAll(async () => {
  await server?.close()
  await rm(directory, { recursive: true, force: true })
})

const NAME = 'SELECT client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()'

it('a client certificate is presented by every pool whose options were a pg.Client’s first, and these stay as they were', async () => {
  const { host, port, user, database } = server
  const ssl = { ca: server.authority.cert, ...clients.issue(user) }
  const { key } = ssl
  const options = { host, port, user, database, ssl }
  const client = new pg.Client(options)
  await client.connect()
  await client.end()
  // pg hides it on the object that it was given, from then on.
  expect(Object.keys(ssl)).toEqual(['ca', 'cert'])
  const before = Object.getOwnPropertyDescriptors(ssl)
  for (const given of [options, { ...options }, options]) {
    await using pool = new Pool(given)
    expect((await pool.query(NAME)).rows).toEqual([{ client_dn: `/CN=${user}` }])
    await using next = new Pool(pool.options)
    expect((await next.query(NAME)).rows).toEqual([{ client_dn: `/CN=${user}` }])
  }
  expect(Object.getOwnPropertyDescriptors(ssl)).toEqual(before)
  expect(ssl.key).toBe(key)
})

it('without one the server says why', async () => {
  const { host, port, user, database } = server
  await using pool = new Pool({ host, port, user, database, ssl: 'no-verify' })
  await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: '28000', severity: 'FATAL' })
})
