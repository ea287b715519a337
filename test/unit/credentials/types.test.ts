import type { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import type * as providers from '@aws-sdk/credential-providers'
import type { AwsCredentialIdentityProvider } from '@smithy/types'
import type { CredentialsProvider, PoolOptions } from 'pg-thaw'
import { credentialsFrom } from 'pg-thaw/credentials'
import type { RdsIamOptions } from 'pg-thaw/rds-iam'
import { type SecretsManagerOptions, secretsManager } from 'pg-thaw/secrets-manager'
import { describe, expectTypeOf, it } from 'vitest'

// Checked by the compiler (`npm run types`).

describe('providers, for the compiler,', () => {
  it('are what pools take, and may be asked by others too', () => {
    expectTypeOf(secretsManager).returns.toExtend<PoolOptions['credentials']>()
    expectTypeOf(secretsManager).returns.toExtend<CredentialsProvider>()
  })

  it("may be made of a user's own function, which needs nothing that it is told", () => {
    expectTypeOf<() => Promise<{ user: string; password: string }>>().toExtend<CredentialsProvider>()
    expectTypeOf<() => { password: string }>().toExtend<CredentialsProvider>()
    expectTypeOf<() => Promise<{ password: number }>>().not.toExtend<CredentialsProvider>()
    expectTypeOf(credentialsFrom).returns.toExtend<PoolOptions['credentials']>()
  })

  it('are not a function alone', () => {
    expectTypeOf<() => { password: string }>().not.toExtend<PoolOptions['credentials']>()
  })

  it('take a client of the AWS SDK', () => {
    expectTypeOf<{ secretId: string; client: SecretsManagerClient }>().toExtend<SecretsManagerOptions>()
  })

  it('take any credential provider of the AWS SDK as keys, and keys themselves', () => {
    const given = (..._: RdsIamOptions['keys'][]) => {}
    expectTypeOf(given).toBeCallableWith(
      {} as AwsCredentialIdentityProvider,
      {} as ReturnType<typeof providers.fromNodeProviderChain>,
      {} as ReturnType<typeof providers.fromTemporaryCredentials>,
      {} as ReturnType<typeof providers.fromCognitoIdentity>,
      {} as ReturnType<typeof providers.fromSSO>,
      { accessKeyId: 'a', secretAccessKey: 'b' },
    )
    expectTypeOf<() => Promise<{ accessKeyId: string }>>().not.toExtend<RdsIamOptions['keys']>()
  })
})
