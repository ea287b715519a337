import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { secretsManager } from '../../../src/credentials/secrets-manager'
import { CredentialCache } from '../../../src/credentials/source/credential-cache'
import { systemClock } from '../../../src/pool/clock'
import type { Credentials } from '../../../src/postgres/connection/opening/credentials'
import { verifiedTls } from '../../../src/postgres/connection/opening/tls'
import { classifyDialFailure as classify } from '../../../src/postgres/connection/session/sqlstate'
import { noAwsVariables, useEnvironmentVariables } from '../../support/environment-variables'
import { type RotationSteps, SecretsManagerDouble } from '../../support/secrets-manager'
import { startTlsServer, type TlsServer } from '../../support/tls-server'

const set = useEnvironmentVariables()
const secretId = 'orders/database'
const rotations = 20

let server: TlsServer
let service: SecretsManagerDouble
let admin: Client
let roles: string[]
/** Every dial that got as far as the server, and whether it let them in. */
let attempts: { accepted: number; refused: number }

beforeAll(async () => {
  server = await startTlsServer()
  const { host, port, user, password, database } = server
  admin = new Client({ host, port, user, password, database })
  admin.on('error', () => {})
  await admin.connect()
})
afterAll(async () => {
  await admin?.end()
  await server?.close()
})
beforeEach(async () => {
  service = await SecretsManagerDouble.start()
  set({ ...noAwsVariables, ...service.environment })
  roles = ['one', 'two'].map((name) => `${name}_${randomBytes(4).toString('hex')}`)
  attempts = { accepted: 0, refused: 0 }
  for (const role of roles) await admin.query(`CREATE ROLE ${role} LOGIN PASSWORD '${role} at first'`)
  service.put(secretId, secretOf(roles[0] ?? '', `${roles[0]} at first`))
})
afterEach(async () => {
  await service.close()
  for (const role of roles) await admin.query(`DROP ROLE ${role}`)
})

function secretOf(username: string, password: string): string {
  return JSON.stringify({
    engine: 'postgres',
    host: server.host,
    port: server.port,
    username,
    password,
    dbname: 'postgres',
  })
}

function newSource() {
  const provider = secretsManager({ secretId })
  return new CredentialCache({ provider, classify, ttlMillis: 300_000, clock: systemClock, random: Math.random })
}

/** Signs in with TLS and SCRAM, and asks who it is. */
async function signIn(source: CredentialCache): Promise<string> {
  const { signal } = new AbortController()
  const client = await source.use(signal, async (pending) => open(await pending))
  const { rows } = await client.query('SELECT current_user AS name')
  await client.end()
  return rows[0].name
}

async function open({ host, port, user, password, database }: Credentials): Promise<Client> {
  const ssl = verifiedTls({ ca: server.authority.cert })(host)
  const client = new Client({ ...{ host, port, user, password, database }, ssl } as object)
  client.on('error', () => {})
  try {
    await client.connect()
    attempts.accepted += 1
    return client
  } catch (error) {
    attempts.refused += 1
    throw error
  }
}

const alter = async (secret: string) => {
  const { username, password } = JSON.parse(secret)
  await admin.query(`ALTER ROLE ${username} PASSWORD '${password}'`)
}

describe('a secret that rotates under a warm environment', () => {
  /** The new password is tested as a rotating function does it, and calls go on between all steps. */
  const stepsOf = (source: CredentialCache, create: RotationSteps['create']): RotationSteps => ({
    create,
    set: alter,
    test: async (pending) => {
      const { username: user, password, ...rest } = JSON.parse(pending)
      await (await open({ ...rest, user, password, database: rest.dbname })).end()
    },
    between: async () => {
      await Promise.all([signIn(source), signIn(source)])
    },
  })

  it('costs no call, with a single user', async () => {
    const source = newSource()
    await signIn(source)
    for (let rotation = 0; rotation < rotations; rotation += 1) {
      const create = (current: string) =>
        secretOf(JSON.parse(current).username, `${rotation} ${randomBytes(8).toString('hex')}`)
      await service.rotate(secretId, stepsOf(source, create))
      expect(await signIn(source)).toBe(roles[0])
    }
    // Of the two calls that find the old password refused, each is refused once.
    expect(attempts.refused).toBe(2 * rotations)
  })

  it('costs no call, with two users in turn, and what the retired one had opened is known', async () => {
    const source = newSource()
    await signIn(source)
    for (let rotation = 0; rotation < rotations; rotation += 1) {
      const before = await source.get(new AbortController().signal)
      const create = (current: string) => {
        const other = roles.find((role) => role !== JSON.parse(current).username) ?? ''
        return secretOf(other, `${rotation} ${randomBytes(8).toString('hex')}`)
      }
      await service.rotate(secretId, stepsOf(source, create))
      const retired = before.user ?? ''
      expect(source.isCurrent(before)).toBe(true)
      // The next rotation but one would find it out; a change of the retired user's password does so at once.
      await admin.query(`ALTER ROLE ${retired} PASSWORD 'none that is known'`)
      expect(await signIn(source)).not.toBe(retired)
      expect(source.isCurrent(before)).toBe(false)
    }
  })

  it('may roll back: what was pending is not used any more', async () => {
    const source = newSource()
    await signIn(source)
    const undone = service.rotate(secretId, {
      create: (current) => secretOf(JSON.parse(current).username, 'pending for a while'),
      set: alter,
      test: async () => {
        expect(await signIn(source)).toBe(roles[0])
        await alter(secretOf(roles[0] ?? '', `${roles[0]} at first`))
        throw new Error('the rotation failed')
      },
    })
    await expect(undone).rejects.toThrow('the rotation failed')
    expect(await signIn(source)).toBe(roles[0])
  })
})
