import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { KeyChain } from '../../../src/credentials/aws/aws-keys'
import { noAwsVariables, useEnvironmentVariables } from '../../support/environment-variables'

const set = useEnvironmentVariables()
const { signal } = new AbortController()
const ordinary = { fresh: false, signal }

describe('the keys of a function', () => {
  it('are those in its variables', async () => {
    set({ ...noAwsVariables, AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'token' })
    expect(await new KeyChain().keys(ordinary)).toEqual({
      accessKeyId: 'AKID',
      secretAccessKey: 'secret',
      sessionToken: 'token',
    })
  })

  it.each([
    ['nothing is set', {}],
    ['the secret half is missing', { AWS_ACCESS_KEY_ID: 'AKID' }],
    ['their endpoint is anybody', { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://keys.example.com/' }],
    ['their endpoint is no address', { AWS_CONTAINER_CREDENTIALS_FULL_URI: 'keys' }],
    [
      'the token for their endpoint is not there',
      {
        AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1/',
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '/nowhere/token',
      },
    ],
  ])('are missing when %s', async (_, variables) => {
    set({ ...noAwsVariables, ...variables })
    await expect(new KeyChain().keys(ordinary)).rejects.toMatchObject({ code: 'CREDENTIALS_KEYS_MISSING' })
  })
})

describe('the endpoint for the keys of a container', () => {
  let server: Server
  let requests: (string | undefined)[]
  let answer: { status: number; body: string }

  const keysUntil = (expiration: number) => ({
    status: 200,
    body: JSON.stringify({
      AccessKeyId: 'ASIA',
      SecretAccessKey: 'secret',
      Token: 'token',
      Expiration: new Date(expiration).toISOString(),
    }),
  })

  beforeEach(async () => {
    requests = []
    server = createServer((request, response) => {
      requests.push(request.headers.authorization)
      response.writeHead(answer.status).end(answer.body)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    set({ ...noAwsVariables, AWS_CONTAINER_CREDENTIALS_FULL_URI: `http://127.0.0.1:${port}/keys` })
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 0, 1) })
    answer = keysUntil(Date.now() + 3_600_000)
  })
  afterEach(() => {
    vi.useRealTimers()
    server.close()
  })

  it('gives them, and is asked again only when they are about to expire, or were refused', async () => {
    set({ AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Bearer me' })
    const chain = new KeyChain()
    const keys = { accessKeyId: 'ASIA', secretAccessKey: 'secret', sessionToken: 'token' }
    expect([await chain.keys(ordinary), await chain.keys(ordinary)]).toEqual([keys, keys])
    expect(requests).toEqual(['Bearer me'])
    await chain.keys({ fresh: true, signal })
    expect(requests).toHaveLength(2)
    vi.setSystemTime(Date.now() + 3_600_000 - 5 * 60_000)
    answer = keysUntil(Date.now() + 3_600_000)
    await chain.keys(ordinary)
    expect(requests).toHaveLength(3)
  })

  it('is shown a token out of a file', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'pg-thaw-token-'))
    writeFileSync(join(directory, 'token'), 'from a file\n')
    set({ AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: join(directory, 'token') })
    await new KeyChain().keys(ordinary)
    rmSync(directory, { recursive: true })
    expect(requests).toEqual(['from a file'])
  })

  it.each([
    ['fails', { status: 500, body: 'oops' }, 'CREDENTIALS_UNAVAILABLE'],
    ['gives something else', { status: 200, body: '[]' }, 'CREDENTIALS_UNAVAILABLE'],
    ['gives what has expired', keysUntil(0), 'CREDENTIALS_TOKEN_EXPIRED'],
  ])('is told apart when it %s', async (_, wrong, code) => {
    answer = wrong
    await expect(new KeyChain().keys(ordinary)).rejects.toMatchObject({ code })
  })

  it('may be gone', async () => {
    server.close()
    await expect(new KeyChain().keys(ordinary)).rejects.toMatchObject({
      code: 'CREDENTIALS_UNAVAILABLE',
      cause: { code: 'ECONNREFUSED' },
    })
  })
})
