import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { readSecret } from '../../../src/credentials/secret'

const secretId = 'orders/database'
const marker = 'hunter2-marker'

const rds = {
  engine: 'postgres',
  host: 'db.abc.eu-west-1.rds.amazonaws.com',
  username: 'app',
  password: marker,
  dbname: 'orders',
  port: 5433,
}

describe('a secret', () => {
  it('that RDS manages has a user and a password', async () => {
    const secret = JSON.stringify({ username: 'postgres', password: marker })
    expect(await readSecret(secret, { secretId })).toMatchObject({ user: 'postgres', password: marker })
  })

  it('that has all says where to connect as well', async () => {
    expect(await readSecret(JSON.stringify(rds), { secretId })).toEqual({
      user: 'app',
      password: marker,
      host: 'db.abc.eu-west-1.rds.amazonaws.com',
      port: 5433,
      database: 'orders',
    })
  })

  it.each(['postgres', 'aurora-postgresql', 'PostgreSQL', undefined])('of the engine %s is taken', async (engine) => {
    expect(await readSecret(JSON.stringify({ ...rds, engine }), { secretId })).toMatchObject({ user: 'app' })
  })

  it('may have its port as text, and fields that are empty', async () => {
    const secret = JSON.stringify({ ...rds, port: '6432', host: '', dbname: null })
    expect(await readSecret(secret, { secretId })).toEqual({
      user: 'app',
      password: marker,
      host: undefined,
      port: 6432,
      database: undefined,
    })
  })

  it('names its own user, before the one that is given', async () => {
    expect(await readSecret(JSON.stringify(rds), { secretId, user: 'other' })).toMatchObject({ user: 'app' })
    const nameless = JSON.stringify({ password: marker })
    expect(await readSecret(nameless, { secretId, user: 'other' })).toMatchObject({ user: 'other' })
  })

  it.each(['hunter2', ' spaces ', '{not json', '12345', '"quoted"', '[1]', 'null'])(
    'that is only a password is one to the letter: %s',
    async (secret) => {
      expect(await readSecret(secret, { secretId, user: 'app' })).toEqual({ user: 'app', password: secret })
    },
  )

  it('of another shape is read by the function that is given', async () => {
    const parse = async (secret: string) => ({ user: 'app', password: secret.split('|')[1] })
    expect(await readSecret(`app|${marker}`, { secretId, parse })).toEqual({ user: 'app', password: marker })
  })
})

describe('a secret is refused by name', () => {
  const bad = {
    'is no JSON object': [`plain ${marker}`],
    'is no JSON object:': [JSON.stringify([marker])],
    'is empty': ['', { user: 'app' }],
    'belongs to another engine': [JSON.stringify({ ...rds, engine: 'mysql' })],
    'has no `password`': [JSON.stringify({ username: marker })],
    'has a `password` that is no string (number)': [JSON.stringify({ username: 'app', password: 4711 })],
    'has no `username`': [JSON.stringify({ password: marker })],
    'has a `port` that is no port': [JSON.stringify({ ...rds, port: marker })],
    'was not understood by the `parse` that was given (SyntaxError': [`{"x": ${marker}`, { parse: JSON.parse }],
  } satisfies Record<string, [string, object?]>

  it.each(Object.entries(bad))('when it %s', async (text, [secret, options]) => {
    const error = await readSecret(secret, { secretId, ...options }).catch((it: unknown) => it)
    expect(error).toMatchObject({
      name: 'CredentialsLookupError',
      code: 'CREDENTIALS_SECRET_INVALID',
      message: expect.stringContaining(`\`${secretId}\` ${text}`),
    })
    expect(inspect(error, { showHidden: true, depth: null })).not.toContain(marker)
    expect(error).not.toHaveProperty('cause')
  })
})
