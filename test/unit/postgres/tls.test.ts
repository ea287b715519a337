import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { verifiedTls } from '../../../src/postgres/connection/opening/tls'
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
    const tls = verifiedTls({ ca })
    const { secureContext } = tls('a.example.com')
    expect(tls('b.example.com').secureContext).toBe(secureContext)
    expect(tls(rdsHost).secureContext).toBe(secureContext)
  })

  it('verifies', () => {
    expect(verifiedTls({})('a.example.com').rejectUnauthorized).toBe(true)
  })

  it('tells apart what the file of Lambda is for', () => {
    const lambdaCaFile = join(directory, 'lambda.pem')
    writeFileSync(lambdaCaFile, ca)
    const tls = verifiedTls({}, lambdaCaFile)
    const rds = tls(rdsHost).secureContext
    expect(tls('other.abc.us-east-1.rds.amazonaws.com').secureContext).toBe(rds)
    expect(tls('db.abc.rds.cn-north-1.amazonaws.com.cn').secureContext).toBe(rds)
    const system = tls('db.example.com').secureContext
    expect(system).not.toBe(rds)
    for (const host of ['p.proxy-abc.eu-west-1.rds.amazonaws.com', 'a.dsql.us-east-1.on.aws', undefined]) {
      expect(tls(host).secureContext).toBe(system)
    }
    expect(verifiedTls({ sslrootcert: 'system' }, lambdaCaFile)(rdsHost).secureContext).toBeDefined()
  })

  it('trusts whom Node.js trusts where Lambda has no such file', () => {
    expect(() => verifiedTls({}, join(directory, 'none'))(rdsHost)).not.toThrow()
  })

  it('reads a file when it is first needed, and not again', () => {
    const sslrootcert = join(directory, 'late.pem')
    const tls = verifiedTls({ sslrootcert, ca: [ca] })
    expect(() => tls('db.example.com')).toThrow(expect.objectContaining({ code: 'ENOENT' }))
    writeFileSync(sslrootcert, ca)
    tls('db.example.com')
    rmSync(sslrootcert)
    expect(() => tls('db.example.com')).not.toThrow()
  })

  it('refuses authorities that are none, by the name of the option', () => {
    expect(() => verifiedTls({ ca: [ca, 'no certificate'] })('a')).toThrow('Expected `ca` to be')
    const sslrootcert = join(directory, 'empty.pem')
    writeFileSync(sslrootcert, '')
    const wrong = expect.objectContaining({ code: 'POOL_OPTION_INVALID', option: 'sslrootcert' })
    expect(() => verifiedTls({ sslrootcert })('a')).toThrow(wrong)
  })
})
