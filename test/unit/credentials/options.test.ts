import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { dsql } from '../../../src/credentials/dsql'
import { rdsIam } from '../../../src/credentials/rds-iam'
import { secretsExtension } from '../../../src/credentials/secrets-extension'
import { secretsManager } from '../../../src/credentials/secrets-manager'

const marker = 'hunter2-marker'

describe('options of a provider', () => {
  it.each([
    ['no secret', () => secretsManager({} as never), 'Expected `secretId` to be a non-empty string, got undefined'],
    [
      'a secret without a name',
      () => secretsExtension({ secretId: ' ' }),
      "Expected `secretId` to be a non-empty string, got ' '",
    ],
    ['no options', () => secretsManager(undefined as never), 'Expected the options of secretsManager to be an object'],
    [
      'one that is unknown',
      () => secretsManager({ secretId: 'a', password: marker } as never),
      'Unknown option `password` of secretsManager; known are secretId, region, versionStage, user, parse, client, keys',
    ],
    [
      'a client that is none',
      () => secretsManager({ secretId: 'a', client: { secretAccessKey: marker } as never }),
      'Expected `client` to be a client of @aws-sdk/client-secrets-manager, got object',
    ],
    [
      'a parse that is none',
      () => secretsManager({ secretId: 'a', parse: 'json' as never }),
      'Expected `parse` to be a function',
    ],
    ['no user', () => rdsIam({ host: 'a' } as never), 'Expected `user` to be a non-empty string'],
    [
      'a port that is none',
      () => rdsIam({ host: 'a', user: 'b', port: 0 }),
      'Expected `port` to be a port from 1 to 65535, got 0 (number)',
    ],
    [
      'a host that is none',
      () => dsql({ host: 5 as never }),
      'Expected `host` to be a non-empty string, got 5 (number)',
    ],
    [
      'keys that are a text',
      () => rdsIam({ host: 'a', user: 'b', keys: marker as never }),
      'Expected `keys` to be a function, or AWS keys, got string',
    ],
    [
      'keys that are half',
      () => dsql({ host: 'a', keys: { accessKeyId: 'AKID', secretAccessKey: '', sessionToken: marker } }),
      'Expected `keys` to be a function, or AWS keys whose `secretAccessKey` is a non-empty string, got object',
    ],
    [
      'keys of a client that has its own',
      () =>
        secretsManager({ secretId: 'a', client: { send: async () => ({}) }, keys: async () => expect.unreachable() }),
      'Expected `keys` to come without a `client`, which has its own',
    ],
  ])('are refused at construction: %s', (_, make, message) => {
    const error = caught(make)
    expect(error).toMatchObject({ code: 'CREDENTIALS_OPTION_INVALID', message: expect.stringContaining(message) })
    expect(inspect(error)).not.toContain(marker)
  })

  it('may be undefined where they are optional', () => {
    expect(() =>
      rdsIam({ host: 'a', user: 'b', port: undefined, region: undefined, database: undefined, keys: undefined }),
    ).not.toThrow()
  })
})

function caught(make: () => unknown): unknown {
  try {
    return make()
  } catch (error) {
    return error
  }
}
