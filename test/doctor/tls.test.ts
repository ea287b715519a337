import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Client, type ClientConfig } from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { examine } from '../../src/doctor/index'
import type { PoolOptions } from '../../src/index'
import { startTlsServer, type TlsServer } from '../support/tls-server'
import { about, PATIENCE } from './support/examined'

describe('a server with TLS', () => {
  let server: TlsServer
  beforeAll(async () => {
    server = await startTlsServer()
  })
  afterAll(() => server?.close())

  const at = (more: PoolOptions): PoolOptions => {
    const { host, port, user, password, database } = server
    return { host, port, user, password, database, ...more }
  }

  it('that is verified is said to be, and by whom it was signed', async () => {
    const found = await examine(at({ ssl: 'verify-full', ca: server.authority.cert }), PATIENCE)
    expect(about(found, 'TLS')).toMatchObject({
      severity: 'ok',
      found: expect.stringMatching(/^TLSv1\.3, \w+, 2 round trips \(.* ms\), signed by .*, verified$/),
    })
  })

  it('that nobody verifies is warned of', async () => {
    const found = await examine(at({ ssl: { rejectUnauthorized: false } }), PATIENCE)
    expect(found.severity).toBe('warning')
    expect(about(found, 'TLS')).toMatchObject({ severity: 'warning', found: expect.stringMatching(/not verified$/) })
    expect(found.options.ssl).toBe("'verify-full'")
  })

  it('that nobody here vouches for is refused, and why', async () => {
    const found = await examine(at({ ssl: 'verify-full' }), PATIENCE)
    expect(found.severity).toBe('error')
    expect(found.findings.at(-1)).toMatchObject({ topic: 'TLS', severity: 'error' })
  })

  it('that lets nobody in without is said to', async () => {
    const rules = join(server.data, 'pg_hba.conf')
    const before = readFileSync(rules, 'utf8')
    const reload = async () => {
      const client = new Client({ ...at({}), ssl: { ca: server.authority.cert } } as ClientConfig)
      await client.connect()
      await client.query('SELECT pg_reload_conf()')
      await client.end()
    }
    writeFileSync(rules, `hostnossl all all all reject\n${before}`)
    await reload()
    try {
      const found = await examine(at({}), PATIENCE)
      expect(about(found, 'TLS')).toMatchObject({
        severity: 'error',
        found: expect.stringMatching(/no encryption \(28000\)$/),
        advice: "the server lets nobody in without: `ssl: 'verify-full'`",
      })
    } finally {
      writeFileSync(rules, before)
      await reload()
    }
  })

  it('saves a round trip with direct negotiation', async () => {
    const options = { ssl: 'verify-full', ca: server.authority.cert, sslnegotiation: 'direct' } as const
    expect(about(await examine(at(options), PATIENCE), 'TLS')?.found).toMatch(/, 1 round trips /)
  })
})
