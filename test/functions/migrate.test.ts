import { randomBytes } from 'node:crypto'
import { Client } from 'pg'
import type { LocalLambda } from 'pg-thaw/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { SecretsManagerDouble } from '../support/secrets-manager'
import { CloudFormationDouble } from './support/cloudformation'
import { call } from './support/http'
import { responseOf, type Service, startService } from './support/service'

// Roles belong to the whole server: this one is of this run alone.
const appUser = `app_"${randomBytes(4).toString('hex')}`
const appPassword = "a 'quoted' \\ password"

let service: Service
let secrets: SecretsManagerDouble
let stack: CloudFormationDouble
let env: Record<string, string>
let migrate: LocalLambda

beforeAll(async () => {
  service = await startService()
  secrets = await SecretsManagerDouble.start()
  stack = await CloudFormationDouble.start()
  const { user, password } = service.database.config
  secrets.put('admin', JSON.stringify({ username: user, password }))
  // As the attachment of the secret writes it: with an address that is not the one to go to.
  secrets.put('app', appSecret(appPassword))
  env = { ...secrets.environment, DATABASE_ADMIN_SECRET_ID: 'admin', DATABASE_SECRET_ID: 'app', PG_THAW_MAX: '1' }
  migrate = await service.start('migrate', { env })
})
afterAll(async () => {
  await service.database.admin.query(
    `DO $$ BEGIN
      IF EXISTS (SELECT FROM pg_roles WHERE rolname = '${appUser}') THEN
        DROP OWNED BY ${quoted(appUser)}; DROP ROLE ${quoted(appUser)};
      END IF;
    END $$`,
  )
  await service.dispose()
  await secrets.close()
  await stack.close()
})
afterEach(() => {
  stack.answers.length = 0
  secrets.recover()
})

function appSecret(password: string): string {
  const { database } = service.database.config
  return JSON.stringify({ username: appUser, password, engine: 'postgres', host: 'nowhere', port: 1, dbname: database })
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

async function asApp(password: string): Promise<Client> {
  const client = new Client({ ...service.database.config, user: appUser, password })
  await client.connect()
  return client
}

describe('the migration', () => {
  it('makes the schema and the user of the functions, and tells CloudFormation', async () => {
    const request = stack.request('Create')
    responseOf(await migrate.invoke(request))
    expect(stack.answers).toMatchObject([
      {
        method: 'PUT',
        // What the address is signed for.
        headers: { 'content-type': '' },
        body: {
          Status: 'SUCCESS',
          PhysicalResourceId: 'migration',
          StackId: request.StackId,
          RequestId: request.RequestId,
          LogicalResourceId: 'Migration',
        },
      },
    ])
    const orders = await service.start('orders', { env: { ...env, DATABASE_ADMIN_SECRET_ID: '' } })
    const body = JSON.stringify({ customer: 'Ada', lines: [{ product: 'tea', quantity: 1 }] })
    expect(await call(orders, 'POST /orders', { body })).toMatchObject({ statusCode: 201 })
    expect(await call(orders, 'GET /report')).toMatchObject({ statusCode: 200, body: { orders: 1 } })
  })

  it('gives that user what the functions do, and no more', async () => {
    const fulfil = await service.start('fulfil-orders', { env })
    const report = await service.start('daily-report', { env })
    const Records = [{ messageId: 'a', body: '{"id":"1"}' }]
    expect(responseOf(await fulfil.invoke({ Records }))).toEqual({ batchItemFailures: [] })
    for (let time = 0; time < 2; time++) expect(responseOf(await report.invoke({}))).toMatchObject({ fulfilled: 1 })
    const client = await asApp(appPassword)
    const refused = ['DELETE FROM orders', "UPDATE orders SET customer = ''", 'DROP TABLE orders', 'CREATE TABLE a ()']
    for (const statement of refused) {
      await expect(client.query(statement), statement).rejects.toMatchObject({ code: '42501' })
    }
    await client.end()
  })

  it('can be run again, several at once, and keeps what is there', async () => {
    const requests = [stack.request('Update'), stack.request('Update'), stack.request('Update')]
    for (const record of await Promise.all(requests.map((request) => migrate.invoke(request)))) responseOf(record)
    expect(stack.answers.map(({ body }) => body.Status)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS'])
    expect(new Set(stack.answers.map(({ body }) => body.RequestId)).size).toBe(3)
    expect(await service.database.admin.query('SELECT customer FROM orders')).toEqual([{ customer: 'Ada' }])
  })

  it('gives the user the password that its secret has now, which the server stores as a verifier', async () => {
    secrets.put('app', appSecret('another'))
    responseOf(await migrate.invoke(stack.request('Update')))
    await (await asApp('another')).end()
    await expect(asApp(appPassword)).rejects.toMatchObject({ code: '28P01' })
    const [role] = await service.database.admin.query<{ rolpassword: string }>(
      'SELECT rolpassword FROM pg_authid WHERE rolname = $1',
      [appUser],
    )
    expect(role?.rolpassword).toMatch(/^SCRAM-SHA-256\$4096:/)
  })

  it('leaves everything as it is when it is deleted, without a database as with one', async () => {
    const away = await service.start('migrate', { env, database: { host: '127.0.0.1', port: 9 } })
    responseOf(await away.invoke(stack.request('Delete')))
    responseOf(await migrate.invoke(stack.request('Delete')))
    expect(stack.answers.map(({ body }) => body.Status)).toEqual(['SUCCESS', 'SUCCESS'])
    expect(await service.database.admin.query('SELECT customer FROM orders')).toEqual([{ customer: 'Ada' }])
    await (await asApp('another')).end()
  })

  it('answers FAILED, with the reason and in time, when the database is away', async () => {
    const away = await service.start('migrate', {
      env,
      database: { host: '127.0.0.1', port: 9 },
      timeoutMillis: 4000,
    })
    const { outcome } = await away.invoke(stack.request('Create'))
    expect(outcome).toBe('response')
    const reason = /^The migration failed: (.*ECONN|the server closed the connection)/
    expect(stack.answers).toMatchObject([{ body: { Status: 'FAILED', Reason: expect.stringMatching(reason) } }])
    expect(service.logged.at(-1)).toMatchObject({ message: 'the migration failed', code: 'ECONNRESET' })
  })

  it('answers FAILED when a secret can’t be read, and does not touch the user', async () => {
    secrets.fail('access-denied')
    const { outcome } = await migrate.invoke(stack.request('Update'))
    expect(outcome).toBe('response')
    expect(stack.answers).toMatchObject([{ body: { Status: 'FAILED', Reason: expect.stringContaining('app') } }])
    await (await asApp('another')).end()
  })

  it('fails as a whole when it fails: the user keeps the password it had', async () => {
    secrets.put('app', appSecret('never'))
    // The last that is done is to grant what can be done with it.
    await service.database.admin.query('ALTER TABLE orders RENAME COLUMN fulfilled_at TO moved')
    try {
      responseOf(await migrate.invoke(stack.request('Update')))
      expect(stack.answers).toMatchObject([{ body: { Status: 'FAILED' } }])
      await (await asApp('another')).end()
    } finally {
      await service.database.admin.query('ALTER TABLE orders RENAME COLUMN moved TO fulfilled_at')
    }
  })

  it('tells CloudFormation again when it was not heard', async () => {
    secrets.put('app', appSecret('another'))
    stack.refusals = 2
    responseOf(await migrate.invoke(stack.request('Update')))
    expect(stack.answers.map(({ body }) => body.Status)).toEqual(['SUCCESS', 'SUCCESS', 'SUCCESS'])
  })

  it('fails, so that it is called again, when CloudFormation can’t be told at all', async () => {
    stack.refusals = 3
    const { outcome, error } = await migrate.invoke(stack.request('Update'))
    expect({ outcome, message: error?.errorMessage }).toEqual({
      outcome: 'error',
      message: 'CloudFormation could not be told',
    })
    expect(JSON.stringify(error)).not.toContain('signature')
  })

  it('called by hand it fails as any function', async () => {
    const away = await service.start('migrate', { database: { host: '127.0.0.1', port: 9 }, timeoutMillis: 2000 })
    expect((await away.invoke({})).outcome).toBe('error')
    expect(responseOf(await migrate.invoke({}))).toBeNull()
    expect(stack.answers).toEqual([])
  })
})
