import { inspect } from 'node:util'
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { signedHeaders } from '../../../src/credentials/aws/signature'
import { secretsManager } from '../../../src/credentials/secrets-manager'
import { noAwsVariables, useEnvironmentVariables } from '../../support/environment-variables'
import { type Call, type Fault, SecretsManagerDouble } from '../../support/secrets-manager'

const set = useEnvironmentVariables()
const secretId = 'orders/database'
const marker = 'hunter2-marker'

let service: SecretsManagerDouble

beforeEach(async () => {
  service = await SecretsManagerDouble.start()
  set({ ...noAwsVariables, ...service.environment })
  service.put(secretId, JSON.stringify({ username: 'app', password: marker, dbname: 'orders' }))
})
afterEach(() => service.close())

function asked(fresh = false) {
  return { fresh, signal: new AbortController().signal }
}

function onlyCall(): Call {
  const [call, ...others] = service.calls
  if (call === undefined || others.length > 0) throw new Error(`Expected one call, found ${service.calls.length}`)
  return call
}

describe('Secrets Manager, through the AWS SDK,', () => {
  it('is asked for the current version', async () => {
    expect(await secretsManager({ secretId })(asked())).toMatchObject({
      user: 'app',
      password: marker,
      database: 'orders',
    })
    expect(service.calls.map(({ secretId, stage }) => [secretId, stage])).toEqual([[secretId, 'AWSCURRENT']])
  })

  it('finds a secret by its ARN, in the region that this names', async () => {
    set({ AWS_REGION: 'us-west-2' })
    await secretsManager({ secretId: service.arn(secretId) })(asked())
    expect(service.calls[0]?.headers.authorization).toContain('/eu-west-1/secretsmanager/')
  })

  it('is asked for another version by its label', async () => {
    service.put(secretId, 'the next')
    const provider = secretsManager({ secretId, versionStage: 'AWSPREVIOUS' })
    expect(await provider(asked())).toMatchObject({ password: marker })
  })

  it('is asked through a client that is given', async () => {
    const client = new SecretsManagerClient({ endpoint: service.endpoint, region: 'eu-north-1' })
    await secretsManager({ secretId, client })(asked())
    client.destroy()
    expect(service.calls[0]?.headers.authorization).toContain('/eu-north-1/secretsmanager/')
  })

  it('is asked with keys that are given', async () => {
    const keys = async () => ({ accessKeyId: 'AKIDGIVEN', secretAccessKey: 'secret', sessionToken: 'given' })
    await secretsManager({ secretId, keys })(asked())
    const { headers } = onlyCall()
    expect(headers.authorization).toContain('Credential=AKIDGIVEN/')
    expect(headers['x-amz-security-token']).toBe('given')
  })

  it('says of a provider of keys that fails what is wrong', async () => {
    const keys = async () => Promise.reject(Object.assign(new Error(marker), { code: 'ECONNRESET' }))
    const error = await Promise.resolve(secretsManager({ secretId, keys })(asked())).catch((it: unknown) => it)
    expect(error).toMatchObject({ code: 'CREDENTIALS_UNAVAILABLE', message: '`keys` gave no AWS keys (ECONNRESET)' })
    expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(marker)
  })

  it('is asked without anything kept open', async () => {
    await secretsManager({ secretId })(asked())
    expect(service.calls[0]?.headers.connection).toBe('close')
  })

  it.each(['throttled', 'internal-error', 'reset', 'cut'] satisfies Fault[])(
    'is asked again when it is %s for once',
    async (fault) => {
      service.fail(fault, 1)
      const given = Promise.resolve(secretsManager({ secretId })(asked()))
      // What was read and not understood is not asked for again by the SDK.
      if (fault === 'cut') await expect(given).rejects.toMatchObject({ code: 'CREDENTIALS_UNAVAILABLE' })
      else expect(await given).toMatchObject({ password: marker })
    },
  )

  it('is asked again when it is silent for once', async () => {
    service.fail('silence', 1)
    expect(await secretsManager({ secretId })(asked())).toMatchObject({ password: marker })
    expect(service.count()).toBe(2)
  })

  it('signs as this package does by itself', async () => {
    await secretsManager({ secretId })(asked())
    const { headers, body } = onlyCall()
    const [, names = ''] = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '') ?? []
    const when = String(headers['x-amz-date']).replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5')
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse(when) })
    onTestFinished(() => void vi.useRealTimers())
    const others = names.split(';').filter((name) => !['host', 'x-amz-date', 'x-amz-security-token'].includes(name))
    const ours = await signedHeaders(
      String(headers.host),
      Object.fromEntries(others.map((name) => [name, String(headers[name])])),
      body,
      {
        keys: {
          accessKeyId: String(process.env.AWS_ACCESS_KEY_ID),
          secretAccessKey: String(process.env.AWS_SECRET_ACCESS_KEY),
          sessionToken: String(process.env.AWS_SESSION_TOKEN),
        },
        service: 'secretsmanager',
        region: 'eu-west-1',
      },
    )
    expect(ours.authorization).toBe(headers.authorization)
  })
})

describe('what goes wrong with Secrets Manager has a code, the name of the secret, and not the secret:', () => {
  const cases: Record<string, [arrange: () => void, code: string]> = {
    throttled: [() => service.fail('throttled'), 'CREDENTIALS_UNAVAILABLE'],
    'out of order': [() => service.fail('internal-error'), 'CREDENTIALS_UNAVAILABLE'],
    resetting: [() => service.fail('reset'), 'CREDENTIALS_UNAVAILABLE'],
    'cutting off its answers': [() => service.fail('cut'), 'CREDENTIALS_UNAVAILABLE'],
    'not allowed': [() => service.fail('access-denied'), 'CREDENTIALS_ACCESS_DENIED'],
    'of an expired session': [() => service.fail('expired-token'), 'CREDENTIALS_TOKEN_EXPIRED'],
    'without keys': [
      () => set({ ...noAwsVariables, AWS_REGION: 'eu-west-1', HOME: '/nowhere', AWS_CONFIG_FILE: '/nowhere' }),
      'CREDENTIALS_KEYS_MISSING',
    ],
    'without a region': [
      () => set({ AWS_REGION: undefined, HOME: '/nowhere', AWS_CONFIG_FILE: '/nowhere' }),
      'CREDENTIALS_REGION_MISSING',
    ],
    'of a binary secret': [() => service.put(secretId, Buffer.from(marker)), 'CREDENTIALS_SECRET_INVALID'],
    'of a secret that is no JSON': [() => service.put(secretId, marker), 'CREDENTIALS_SECRET_INVALID'],
    'of another engine': [
      () => service.put(secretId, JSON.stringify({ username: 'a', password: marker, engine: 'mysql' })),
      'CREDENTIALS_SECRET_INVALID',
    ],
  }

  it.each(Object.entries(cases))('%s', async (_, [arrange, code]) => {
    arrange()
    const error = await Promise.resolve(secretsManager({ secretId })(asked())).catch((it: unknown) => it)
    expect(error).toMatchObject({ name: 'CredentialsLookupError', code, message: expect.stringContaining(secretId) })
    const shown = inspect(error, { depth: 20, showHidden: true }) + JSON.stringify(error)
    for (const secret of [marker, service.environment.AWS_SECRET_ACCESS_KEY, service.environment.AWS_SESSION_TOKEN]) {
      expect(shown).not.toContain(secret)
    }
  })

  it('no such secret', async () => {
    await expect(Promise.resolve(secretsManager({ secretId: 'another' })(asked()))).rejects.toMatchObject({
      code: 'CREDENTIALS_SECRET_NOT_FOUND',
      message: expect.stringContaining('`another`'),
    })
  })

  it('it works again as soon as what was missing is there', async () => {
    set({ AWS_REGION: undefined, HOME: '/nowhere', AWS_CONFIG_FILE: '/nowhere' })
    const provider = secretsManager({ secretId })
    await expect(Promise.resolve(provider(asked()))).rejects.toMatchObject({ code: 'CREDENTIALS_REGION_MISSING' })
    set({ AWS_REGION: 'eu-west-1' })
    expect(await provider(asked())).toMatchObject({ password: marker })
  })
})
