import { DsqlSigner } from '@aws-sdk/dsql-signer'
import { Signer } from '@aws-sdk/rds-signer'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { dsql } from '../../../src/credentials/dsql'
import { rdsIam } from '../../../src/credentials/rds-iam'
import type { CredentialsProvider } from '../../../src/postgres/connection/opening/credentials'
import { noAwsVariables, useEnvironmentVariables } from '../../support/environment-variables'

const set = useEnvironmentVariables()
const rdsHost = 'orders.cluster-abc.eu-west-1.rds.amazonaws.com'
const dsqlHost = 'abcdefghij.dsql.us-east-2.on.aws'

const keySets = {
  'keys of a user': { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfi=' },
  'keys of a session': {
    AWS_ACCESS_KEY_ID: 'ASIAEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG+bPxRfi=',
    AWS_SESSION_TOKEN: "IQoJb3JpZ2luX2VjE//+a/b=c ~*'()!",
  },
}

beforeEach(() => {
  set(noAwsVariables)
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 1, 3, 4, 5, 6) })
})
afterEach(() => vi.useRealTimers())

function given(provider: CredentialsProvider, fresh = false) {
  return Promise.resolve(provider({ fresh, signal: new AbortController().signal }))
}

function credentials({ AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, ...rest }: (typeof keySets)['keys of a session']) {
  return {
    accessKeyId: AWS_ACCESS_KEY_ID,
    secretAccessKey: AWS_SECRET_ACCESS_KEY,
    ...('AWS_SESSION_TOKEN' in rest ? { sessionToken: rest.AWS_SESSION_TOKEN } : {}),
  }
}

describe.each(Object.entries(keySets))('a token signed with the %s', (_, keys) => {
  beforeEach(() => set(keys))

  it.each(['app', "user.with+every/thing @:=%~*'()!", 'Bücherei'])(
    'is the one of rds-signer, for the user %s',
    async (user) => {
      const theirs = new Signer({
        hostname: rdsHost,
        port: 5433,
        username: user,
        region: 'eu-west-1',
        credentials: credentials(keys as (typeof keySets)['keys of a session']),
      })
      expect((await given(rdsIam({ host: rdsHost, port: 5433, user }))).password).toBe(await theirs.getAuthToken())
    },
  )

  it.each(['admin', 'app'])('is the one of dsql-signer, for the user %s', async (user) => {
    const theirs = new DsqlSigner({
      hostname: dsqlHost,
      region: 'us-east-2',
      credentials: credentials(keys as (typeof keySets)['keys of a session']),
    })
    const token = user === 'admin' ? theirs.getDbConnectAdminAuthToken() : theirs.getDbConnectAuthToken()
    expect((await given(dsql({ host: dsqlHost, user }))).password).toBe(await token)
  })
})

describe('signed tokens', () => {
  beforeEach(() => set(keySets['keys of a user']))

  it('come with where they sign in to, are never kept, and never sent in plain text', async () => {
    const common = { password: expect.any(String), expiresAt: 0, requiresEncryption: true }
    expect(await given(rdsIam({ host: rdsHost, user: 'app', database: 'orders' }))).toEqual({
      ...common,
      user: 'app',
      host: rdsHost,
      port: 5432,
      database: 'orders',
    })
    expect(await given(dsql({ host: dsqlHost }))).toEqual({
      ...common,
      user: 'admin',
      host: dsqlHost,
      port: 5432,
      database: 'postgres',
    })
  })

  it('are signed anew each time', async () => {
    const provider = rdsIam({ host: rdsHost, user: 'app' })
    const { password } = await given(provider)
    vi.setSystemTime(Date.now() + 60_000)
    expect((await given(provider)).password).not.toBe(password)
  })

  it.each([
    ['the one that is given', rdsIam({ host: rdsHost, user: 'app', region: 'sa-east-1' }), 'sa-east-1'],
    ['the one in the name of the host', rdsIam({ host: rdsHost, user: 'app' }), 'eu-west-1'],
    [
      'the one in the name of a host in China',
      rdsIam({ host: 'db.abc.rds.cn-north-1.amazonaws.com.cn', user: 'a' }),
      'cn-north-1',
    ],
    ["the function's", rdsIam({ host: 'db.example.com', user: 'app' }), 'ap-south-1'],
    ['the one in the name of a cluster', dsql({ host: dsqlHost }), 'us-east-2'],
    ["the function's", dsql({ host: 'vpce-1.example.com' }), 'ap-south-1'],
  ])('are for a region: %s', async (_, provider, region) => {
    set({ AWS_REGION: 'ap-south-1' })
    expect((await given(provider)).password).toContain(`%2F20260203%2F${region}%2F`)
  })

  it('need a region', async () => {
    await expect(given(rdsIam({ host: 'db.example.com', user: 'app' }))).rejects.toMatchObject({
      code: 'CREDENTIALS_REGION_MISSING',
      message: expect.stringContaining('db.example.com'),
    })
  })

  it('need keys', async () => {
    set(noAwsVariables)
    await expect(given(dsql({ host: dsqlHost }))).rejects.toMatchObject({ code: 'CREDENTIALS_KEYS_MISSING' })
  })
})
