import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isLocalAddress, VerifiedTls } from '../../../src/postgres/connection/tls'
import { certificateAuthority } from '../../support/tls-certificates'

const rdsHost = 'orders.cluster-abc.eu-west-1.rds.amazonaws.com'
let directory: string
let ca: string

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'pg-thaw-ca-'))
  ca = certificateAuthority().cert
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

describe('verified TLS', () => {
  it('makes its context once, for all hosts whose authorities are the same', () => {
    const tls = new VerifiedTls({ ca })
    const { secureContext } = tls.ssl('a.example.com')
    expect(tls.ssl('b.example.com').secureContext).toBe(secureContext)
    expect(tls.ssl(rdsHost).secureContext).toBe(secureContext)
  })

  it('verifies', () => {
    expect(new VerifiedTls().ssl('a.example.com').rejectUnauthorized).toBe(true)
  })

  it('tells apart what the file of Lambda is for', () => {
    const lambdaCaFile = join(directory, 'lambda.pem')
    writeFileSync(lambdaCaFile, ca)
    const tls = new VerifiedTls({ lambdaCaFile })
    const rds = tls.ssl(rdsHost).secureContext
    expect(tls.ssl('other.abc.us-east-1.rds.amazonaws.com').secureContext).toBe(rds)
    expect(tls.ssl('db.abc.rds.cn-north-1.amazonaws.com.cn').secureContext).toBe(rds)
    const system = tls.ssl('db.example.com').secureContext
    expect(system).not.toBe(rds)
    for (const host of ['p.proxy-abc.eu-west-1.rds.amazonaws.com', 'a.dsql.us-east-1.on.aws', undefined]) {
      expect(tls.ssl(host).secureContext).toBe(system)
    }
    expect(new VerifiedTls({ lambdaCaFile, sslrootcert: 'system' }).ssl(rdsHost).secureContext).toBeDefined()
  })

  it('trusts whom Node.js trusts where Lambda has no such file', () => {
    expect(() => new VerifiedTls({ lambdaCaFile: join(directory, 'none') }).prepare(rdsHost)).not.toThrow()
  })

  it('reads a file when it is first needed, and not again', () => {
    const sslrootcert = join(directory, 'late.pem')
    const tls = new VerifiedTls({ sslrootcert, ca: [ca] })
    expect(() => tls.prepare('db.example.com')).toThrow(expect.objectContaining({ code: 'ENOENT' }))
    writeFileSync(sslrootcert, ca)
    tls.prepare('db.example.com')
    rmSync(sslrootcert)
    expect(() => tls.prepare('db.example.com')).not.toThrow()
  })

  it('refuses authorities that are none, by the name of the option', () => {
    expect(() => new VerifiedTls({ ca: [ca, 'no certificate'] }).prepare('a')).toThrow('Expected `ca` to be')
    const sslrootcert = join(directory, 'empty.pem')
    writeFileSync(sslrootcert, '')
    const wrong = expect.objectContaining({ code: 'POOL_OPTION_INVALID', option: 'sslrootcert' })
    expect(() => new VerifiedTls({ sslrootcert }).prepare('a')).toThrow(wrong)
  })
})

describe('an address', () => {
  it.each([
    '',
    undefined,
    'localhost',
    'LocalHost',
    '127.0.0.1',
    '127.8.9.1',
    '::1',
    '[::1]',
    '::ffff:127.0.0.1',
    '/var/run/postgresql',
    '@abstract',
  ])('is on this machine: %s', (host) => expect(isLocalAddress(host)).toBe(true))

  it.each([
    'db.example.com',
    '10.0.0.1',
    '127.evil.com',
    '127.0.0.1.evil.com',
    'localhost.evil.com',
    '::2',
    '0.0.0.0',
    '::ffff:10.0.0.1',
  ])('is not on this machine: %s', (host) => expect(isLocalAddress(host)).toBe(false))
})
