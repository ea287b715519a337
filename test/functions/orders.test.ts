import type { LocalLambda } from 'pg-thaw/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call } from './support/http'
import { migrated, type Service, startService } from './support/service'

let service: Service
let orders: LocalLambda

beforeAll(async () => {
  service = await startService()
  await migrated(service)
  orders = await service.start('orders')
})
afterAll(() => service.dispose())

const tea = { customer: 'Ada', lines: [{ product: 'tea', quantity: 2 }] }
const place = (order: unknown) => call(orders, 'POST /orders', { body: JSON.stringify(order) })
const show = (id: string) => call(orders, 'GET /orders/{id}', { pathParameters: { id } })

describe('POST /orders', () => {
  it('stores an order with its lines, and says where it is', async () => {
    const lines = [
      { product: 'tea', quantity: 2 },
      { product: 'cake', quantity: 1 },
    ]
    const { statusCode, headers, body } = await place({ customer: 'Ada', lines })
    const { id } = body as { id: string }
    expect({ statusCode, headers }).toEqual({
      statusCode: 201,
      headers: { 'content-type': 'application/json', location: `/orders/${id}` },
    })
    expect(await show(id)).toMatchObject({
      statusCode: 200,
      body: { id, customer: 'Ada', fulfilledAt: null, lines: [lines[1], lines[0]] },
    })
  })

  it('reads a body that API Gateway has encoded', async () => {
    const body = Buffer.from(JSON.stringify({ ...tea, customer: 'Zoë' })).toString('base64')
    const { statusCode, body: answer } = await call(orders, 'POST /orders', { body, isBase64Encoded: true })
    expect(statusCode).toBe(201)
    expect((await show((answer as { id: string }).id)).body).toMatchObject({ customer: 'Zoë' })
  })

  it('refuses what is no order with 400 and what was expected, and stores nothing', async () => {
    const count = () => service.database.admin.query('SELECT count(*) FROM orders')
    const before = await count()
    expect(await call(orders, 'POST /orders', { body: '{"customer"' })).toMatchObject({
      statusCode: 400,
      body: { message: 'Expected the body to be JSON' },
    })
    expect(await call(orders, 'POST /orders')).toMatchObject({ statusCode: 400 })
    expect(await place({ ...tea, customer: '' })).toMatchObject({
      statusCode: 400,
      body: { message: 'Expected `customer` to be a text of 1 to 200 characters' },
    })
    expect(await count()).toEqual(before)
  })

  it('leaves no order without its lines when one of them fails', async () => {
    await service.database.admin.query("ALTER TABLE order_lines ADD CONSTRAINT no_coffee CHECK (product <> 'coffee')")
    const before = service.logged.length
    const { statusCode, body } = await place({
      customer: 'Coffee drinker',
      lines: [{ product: 'coffee', quantity: 1 }],
    })
    expect({ statusCode, body }).toEqual({ statusCode: 500, body: { message: 'Internal Server Error' } })
    expect(await service.database.admin.query("SELECT FROM orders WHERE customer = 'Coffee drinker'")).toEqual([])
    expect(service.logged.slice(before)).toMatchObject([
      { level: 'ERROR', message: 'POST /orders failed', code: '23514', requestId: expect.any(String) },
    ])
  })
})

describe('GET /orders/{id}', () => {
  it.each(['999999999', '0', '-1', 'tea', '1e3', '99999999999999999999', "1' OR '1'='1"])(
    'says of %s that there is none',
    async (id) => {
      expect(await show(id)).toMatchObject({ statusCode: 404, body: { message: `There is no order ${id}` } })
    },
  )
})

describe('GET /report', () => {
  it('counts, with no more sessions than the pool may open', async () => {
    await place({ customer: 'Reader', lines: [{ product: 'a very popular book', quantity: 1000 }] })
    const { statusCode, body } = await call(orders, 'GET /report')
    expect(statusCode).toBe(200)
    expect(body).toMatchObject({
      orders: expect.any(Number),
      best: expect.arrayContaining([{ product: 'a very popular book', sold: 1000 }]),
    })
    const [row] = await service.database.admin.query<{ orders: number; waiting: number; customers: number }>(
      `SELECT count(*)::int AS orders, count(*) FILTER (WHERE fulfilled_at IS NULL)::int AS waiting,
         count(DISTINCT customer)::int AS customers FROM orders`,
    )
    expect(body).toMatchObject(row ?? {})
    expect((await service.database.sessions()).length).toBeLessThanOrEqual(2)
  })
})

describe('the API', () => {
  it('answers 404 to a route that it does not have', async () => {
    expect(await call(orders, 'DELETE /orders/{id}')).toMatchObject({ statusCode: 404, body: { message: 'Not Found' } })
  })

  it('says in the name of each session in which log its environment writes', async () => {
    await place(tea)
    const names = (await service.database.sessions()).map(({ applicationName }) => applicationName)
    expect(names.length).toBeGreaterThan(0)
    for (const name of names) expect(name).toMatch(/^\d{4}\/\d\d\/\d\d\/\[\$LATEST\][0-9a-f]{32}$/)
  })

  it('asks to come again when it got no connection, and logs the code that the alarm counts', async () => {
    const { port } = service.database.config
    const away = await service.start('orders', { database: { host: '127.0.0.1', port: 9 }, timeoutMillis: 1500 })
    expect(port).not.toBe(9)
    const before = service.logged.length
    expect(await call(away, 'GET /report')).toMatchObject({ statusCode: 503, headers: { 'retry-after': '1' } })
    expect(service.logged.slice(before)).toMatchObject([
      { level: 'ERROR', error: 'DialError', code: 'ECONNRESET', retry: 'safe' },
    ])
  })

  it('names the error that the alarm counts when the server refuses it for good', async () => {
    const { user } = service.database.config
    const refused = await service.start('orders', { env: { PGUSER: user, PGPASSWORD: 'wrong' } })
    const before = service.logged.length
    expect(await call(refused, 'GET /report')).toMatchObject({ statusCode: 500 })
    expect(service.logged.slice(before)).toMatchObject([{ error: 'DialError', code: '28P01' }])
    expect(JSON.stringify(service.logged.slice(before))).not.toContain('wrong')
  })
})

describe('a function that is not told where the database is', () => {
  it('says so when it starts', async () => {
    const lost = await service.start('orders', { env: { PGHOST: '' }, database: undefined as never })
    expect(await lost.invoke({})).toMatchObject({
      outcome: 'init-error',
      error: { errorMessage: 'DATABASE_URL is missing: expected postgres://user:password@host:port/database' },
    })
  })

  it('is content with DATABASE_URL alone', async () => {
    const { url } = service.database
    const local = await service.start('orders', { env: { DATABASE_URL: url }, database: undefined as never })
    expect(await call(local, 'GET /report')).toMatchObject({ statusCode: 200 })
  })
})
