import type { LocalLambda } from 'pg-thaw/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrated, responseOf, type Service, startService } from './support/service'

let service: Service
let consumer: LocalLambda

beforeAll(async () => {
  service = await startService()
  await migrated(service)
  consumer = await service.start('fulfil-orders', { env: { ...signIn(service), PG_THAW_MAX: '1' } })
})
afterAll(() => service.dispose())

function signIn({ database: { config } }: Service): Record<string, string> {
  return { PGUSER: config.user, PGPASSWORD: config.password }
}

async function newOrders(count: number): Promise<string[]> {
  const rows = await service.database.admin.query<{ id: string }>(
    "INSERT INTO orders (customer) SELECT 'Ada' FROM generate_series(1, $1) RETURNING id",
    [count],
  )
  return rows.map(({ id }) => id)
}

async function fulfilledAt(id: string): Promise<Date | null | undefined> {
  const rows = await service.database.admin.query<{ at: Date | null }>(
    'SELECT fulfilled_at AS at FROM orders WHERE id = $1',
    [id],
  )
  return rows[0]?.at
}

/** Delivers messages in one batch, and returns which come back: by their place in it. */
async function deliver(bodies: readonly string[], to = consumer): Promise<number[]> {
  const Records = bodies.map((body, index) => ({ messageId: String(index), body }))
  const response = responseOf(await to.invoke({ Records }))
  const { batchItemFailures } = response as { batchItemFailures: { itemIdentifier: string }[] }
  return batchItemFailures.map(({ itemIdentifier }) => Number(itemIdentifier))
}

describe('the consumer of orders to fulfil', () => {
  it('fulfils those that are named, and keeps them', async () => {
    const ids = await newOrders(3)
    expect(await deliver(ids.map((id) => JSON.stringify({ id })))).toEqual([])
    for (const id of ids) expect(await fulfilledAt(id)).toBeInstanceOf(Date)
  })

  it('lets a message that names no order fail alone', async () => {
    const [first = '', second = ''] = await newOrders(2)
    const bodies = [
      JSON.stringify({ id: first }),
      'no JSON',
      '{}',
      'null',
      '{"id":"999999999"}',
      '{"id":"99999999999999999999999"}',
      `{"id":"${second}; DROP TABLE orders"}`,
      JSON.stringify({ id: Number(second) }),
    ]
    expect(await deliver(bodies)).toEqual([1, 2, 3, 4, 5, 6])
    expect(await fulfilledAt(first)).toBeInstanceOf(Date)
    expect(await fulfilledAt(second)).toBeInstanceOf(Date)
    expect(service.logged.at(-1)).toMatchObject({ level: 'WARN', messages: ['1', '2', '3', '4', '5', '6'], of: 8 })
  })

  it('does nothing more when a message is delivered again, in the same batch or later', async () => {
    const [id = ''] = await newOrders(1)
    const message = JSON.stringify({ id })
    expect(await deliver([message, message])).toEqual([])
    const at = await fulfilledAt(id)
    expect(at).toBeInstanceOf(Date)
    expect(await deliver([message])).toEqual([])
    expect(await fulfilledAt(id)).toEqual(at)
  })

  it('works on the same orders in several environments at once', async () => {
    const ids = await newOrders(10)
    const messages = ids.map((id) => JSON.stringify({ id }))
    const batches = [messages, messages.toReversed(), messages, messages.toReversed()]
    expect(await Promise.all(batches.map((batch) => deliver(batch)))).toEqual([[], [], [], []])
  })

  it('has all messages come back while there is no database, and logs why once', async () => {
    const away = await service.start('fulfil-orders', { database: { host: '127.0.0.1', port: 9 }, timeoutMillis: 1500 })
    const before = service.logged.length
    expect(await deliver(['{"id":"1"}', '{"id":"2"}'], away)).toEqual([0, 1])
    const codes = service.logged.slice(before).map(({ level, code }) => [level, code])
    expect(codes).toEqual([
      ['ERROR', 'ECONNRESET'],
      ['WARN', undefined],
    ])
  })
})
