import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { secretsExtension } from '../../../src/credentials/secrets-extension'
import { noAwsVariables, useEnvironmentVariables } from '../../support/environment-variables'
import { SecretsExtensionDouble } from '../../support/secrets-extension'
import { SecretsManagerDouble } from '../../support/secrets-manager'

const set = useEnvironmentVariables()
const secretId = 'orders/data base'
const marker = 'hunter2-marker'

let service: SecretsManagerDouble
let extension: SecretsExtensionDouble

beforeEach(async () => {
  service = await SecretsManagerDouble.start()
  extension = await SecretsExtensionDouble.start(service)
  set({
    ...noAwsVariables,
    ...service.environment,
    PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: String(extension.port),
  })
  service.put(secretId, JSON.stringify({ username: 'app', password: 'one' }))
})
afterEach(async () => {
  await extension[Symbol.asyncDispose]()
  await service.close()
})

function asked(fresh = false, signal = new AbortController().signal) {
  return { fresh, signal }
}

describe('the Parameters and Secrets extension', () => {
  it('is asked for the secret, with the token of the session', async () => {
    const provider = secretsExtension({ secretId })
    expect(await provider(asked())).toMatchObject({ user: 'app', password: 'one' })
    expect(extension.queries.map(String)).toEqual(['secretId=orders%2Fdata+base&versionStage=AWSCURRENT'])
    expect(service.calls).toEqual([])
  })

  it('listens on 2773 if nothing else is said', async () => {
    await using usual = await SecretsExtensionDouble.start(service, 2773)
    set({ PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: undefined })
    await secretsExtension({ secretId })(asked())
    expect(usual.queries).toHaveLength(1)
  })

  it('is waited for while it is not ready', async () => {
    extension.unreadyFor(2)
    expect(await secretsExtension({ secretId })(asked())).toMatchObject({ password: 'one' })
    expect(extension.queries).toHaveLength(3)
  })

  it('is not waited for any more when the one who asked has left', async () => {
    extension.unreadyFor(100)
    const left = new AbortController()
    const given = secretsExtension({ secretId })(asked(false, left.signal))
    left.abort()
    await expect(given).rejects.toThrow()
  })

  it('is not waited for without end', async () => {
    extension.unreadyFor(100)
    await expect(secretsExtension({ secretId })(asked())).rejects.toMatchObject({
      code: 'CREDENTIALS_UNAVAILABLE',
      message: expect.stringContaining(`\`${secretId}\` (400): it is not ready during init`),
    })
    expect(extension.queries).toHaveLength(6)
  })

  it('once it was ready, means what it says', async () => {
    const provider = secretsExtension({ secretId })
    await provider(asked())
    extension.refuse(400, `something about ${marker}`)
    const error = await Promise.resolve(provider(asked())).catch((it: unknown) => it)
    expect(error).toMatchObject({ code: 'CREDENTIALS_UNAVAILABLE' })
    expect(inspect(error, { showHidden: true })).not.toContain(marker)
    expect(extension.queries).toHaveLength(2)
  })

  it.each([
    [400, JSON.stringify({ __type: 'AccessDeniedException' }), 'CREDENTIALS_ACCESS_DENIED'],
    [400, JSON.stringify({ __type: 'com.amazonaws#ExpiredTokenException' }), 'CREDENTIALS_TOKEN_EXPIRED'],
    [404, JSON.stringify({ __type: 'ResourceNotFoundException' }), 'CREDENTIALS_SECRET_NOT_FOUND'],
    [401, 'unauthorized', 'CREDENTIALS_ACCESS_DENIED'],
    [500, 'oops', 'CREDENTIALS_UNAVAILABLE'],
  ])('is understood by its status and its codes: %s %s', async (status, body, code) => {
    extension.refuse(status, body)
    await expect(Promise.resolve(secretsExtension({ secretId })(asked()))).rejects.toMatchObject({ code })
  })

  it('may not be there', async () => {
    set({ PARAMETERS_SECRETS_EXTENSION_HTTP_PORT: '1' })
    await expect(Promise.resolve(secretsExtension({ secretId })(asked()))).rejects.toMatchObject({
      code: 'CREDENTIALS_UNAVAILABLE',
      message: expect.stringContaining('is its layer part of the function?'),
      cause: { code: 'ECONNREFUSED' },
    })
  })
})

describe('an extension that answers with what was refused', () => {
  it('is passed by: Secrets Manager is asked directly', async () => {
    const provider = secretsExtension({ secretId })
    await provider(asked())
    service.put(secretId, JSON.stringify({ username: 'app', password: 'two' }))
    expect(await provider(asked())).toMatchObject({ password: 'one' })
    expect(await provider(asked(true))).toMatchObject({ password: 'two' })
    expect(extension.queries).toHaveLength(2)
    expect(service.count()).toBe(1)
  })

  it('is passed by again, until it has forgotten it', async () => {
    const provider = secretsExtension({ secretId })
    await provider(asked())
    service.put(secretId, JSON.stringify({ username: 'app', password: 'two' }))
    await provider(asked(true))
    expect(await provider(asked())).toMatchObject({ password: 'two' })
    expect(service.count()).toBe(2)
    extension.forget()
    expect(await provider(asked())).toMatchObject({ password: 'two' })
    expect(service.count()).toBe(2)
  })

  it('is passed by with keys that are given', async () => {
    const provider = secretsExtension({ secretId, keys: { accessKeyId: 'AKIDGIVEN', secretAccessKey: 'secret' } })
    await provider(asked(true))
    expect(service.calls.at(-1)?.headers.authorization).toContain('Credential=AKIDGIVEN/')
  })

  it('is asked to look again, where there is no other way to Secrets Manager', async () => {
    const provider = secretsExtension({ secretId })
    await provider(asked())
    service.fail('access-denied')
    expect(await provider(asked(true))).toMatchObject({ password: 'one' })
    expect(extension.queries.map(String)).toContain(
      'secretId=orders%2Fdata+base&versionStage=AWSCURRENT&refreshNow=true',
    )
  })

  it('is not asked for a secret that Secrets Manager says is not there', async () => {
    const provider = secretsExtension({ secretId: 'another' })
    await expect(Promise.resolve(provider(asked(true)))).rejects.toMatchObject({ code: 'CREDENTIALS_SECRET_NOT_FOUND' })
    expect(extension.queries).toEqual([])
  })
})
