import type { LocalLambda } from 'pg-thaw/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrated, responseOf, type Service, startService } from './support/service'

let service: Service
let report: LocalLambda

beforeAll(async () => {
  service = await startService()
  await migrated(service)
  report = await service.start('daily-report')
  await service.database.admin.query(`
    INSERT INTO orders (customer, created_at, fulfilled_at) VALUES
      ('Ada', '2026-03-01T03:59Z', '2026-03-01T05:00Z'),
      ('Bob', '2026-03-01T12:00Z', '2026-03-01T12:30Z'),
      ('Cid', '2026-03-02T03:00Z', NULL),
      ('Dee', '2026-03-02T05:00Z', NULL);
    INSERT INTO order_lines SELECT id, 'tea', 1 FROM orders;
    INSERT INTO order_lines SELECT id, 'cake', 1 FROM orders WHERE customer IN ('Ada', 'Cid')`)
})
afterAll(() => service.dispose())

const expected = { day: '2026-03-02', ordered: 2, fulfilled: 2, waiting: 2, products: 2 }
const stored = () =>
  service.database.admin.query('SELECT day::text, ordered, fulfilled, waiting, products FROM reports ORDER BY day')

describe('the daily report', () => {
  it('counts the 24 hours before its time, stores it and logs one line', async () => {
    expect(responseOf(await report.invoke({ time: '2026-03-02T04:00:00Z' }))).toEqual(expected)
    expect(await stored()).toEqual([expected])
    expect(service.logged).toEqual([
      { level: 'INFO', message: 'daily report', requestId: expect.any(String), ...expected },
    ])
  })

  it('replaces what it stored when it is run again', async () => {
    await service.database.admin.query("UPDATE orders SET fulfilled_at = created_at WHERE customer = 'Cid'")
    responseOf(await report.invoke({ time: '2026-03-02T04:00:00Z' }))
    expect(await stored()).toEqual([{ ...expected, fulfilled: 3, waiting: 1 }])
  })

  it('is of now when it is called by hand', async () => {
    const today = new Date().toISOString().slice(0, 10)
    expect(responseOf(await report.invoke({}))).toMatchObject({ ordered: 0 })
    expect(await service.database.admin.query('SELECT day::text FROM reports WHERE day >= $1', [today])).toHaveLength(1)
  })

  it('fails, so that Lambda tries again, and logs the code once, when there is no database', async () => {
    const lines = service.logged.length
    const away = await service.start('daily-report', { database: { host: '127.0.0.1', port: 9 }, timeoutMillis: 1500 })
    const { outcome, error } = await away.invoke({})
    expect(outcome).toBe('error')
    expect(JSON.stringify(error)).not.toContain('POOL_')
    expect(service.logged.slice(lines)).toMatchObject([{ level: 'ERROR', error: 'DialError', code: 'ECONNRESET' }])
  })
})
