import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { describe, expectTypeOf, it } from 'vitest'
import type * as ours from '../../../src/credentials/provider'
import { type SecretsManagerOptions, secretsManager } from '../../../src/credentials/secrets-manager'
import type * as pools from '../../../src/postgres/connection/credential-source'

// Checked by the compiler (`npm run types`).

describe('providers, for the compiler,', () => {
  it('are what pools take, although the two rooms know nothing of each other', () => {
    expectTypeOf<ours.CredentialsProvider>().toEqualTypeOf<pools.CredentialsProvider>()
    expectTypeOf<ours.Credentials>().toEqualTypeOf<pools.Credentials>()
    expectTypeOf(secretsManager).returns.toExtend<pools.CredentialsProvider>()
  })

  it("may be a user's own function, which needs nothing that it is told", () => {
    expectTypeOf<() => Promise<{ user: string; password: string }>>().toExtend<pools.CredentialsProvider>()
    expectTypeOf<() => { password: string }>().toExtend<pools.CredentialsProvider>()
    expectTypeOf<() => Promise<{ password: number }>>().not.toExtend<pools.CredentialsProvider>()
  })

  it('take a client of the AWS SDK', () => {
    expectTypeOf<{ secretId: string; client: SecretsManagerClient }>().toExtend<SecretsManagerOptions>()
  })
})
