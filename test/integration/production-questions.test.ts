import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { Logger } from '@aws-lambda-powertools/logger'
import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type InvocationReport, wrapHandler } from '../../src/index'
import { emf } from '../../src/watch/emf'
import { database, openPool, pool } from '../support/pool-under-test'

type Line = Record<string, number | string>

let lines: Line[]
let end = () => {}
beforeEach(() => {
  lines = []
  end = emf({ write: (line) => void lines.push(JSON.parse(line)) })
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
})
afterEach(() => {
  end()
  vi.restoreAllMocks()
})

let calls = 0
function invoke(work: () => Promise<unknown>): Promise<unknown> {
  calls += 1
  const context = { awsRequestId: `call-${calls}`, getRemainingTimeInMillis: () => 5000 }
  return wrapHandler((_event: object, _context: typeof context) => work())({}, context)
}

describe('a question of the night is answered by a line in the log:', () => {
  it('do callers wait, how long, and is the pool too small', async () => {
    openPool({ max: 1, fanOut: false })
    await invoke(() => pool.query('SELECT 1'))
    await invoke(() => Promise.all([1, 2, 3].map(() => pool.query('SELECT pg_sleep(0.05)'))))
    // The first waited for a connect alone; those of the second for each other.
    expect(lines).toMatchObject([
      { Connects: 1, Waits: 1 },
      { Connects: 0, Waits: 2 },
    ])
    expect(Number(lines[1]?.WaitTime)).toBeGreaterThan(140)
  })

  it('what does a connect take', async () => {
    openPool({ max: 1 })
    await invoke(() => pool.query('SELECT 1'))
    const [line] = lines
    expect(line).toMatchObject({ Connects: 1, ConnectFailures: 0 })
    expect(Number(line?.ConnectTime)).toBeGreaterThan(0)
    expect(Number(line?.ConnectTime)).toBeLessThanOrEqual(Number(line?.WaitTime))
  })

  it('what did the last thaw find', async () => {
    openPool({ max: 1, min: 1, pooling: 'always' })
    let pid = 0
    const ask = async () => {
      pid = (await pool.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
    }
    await invoke(ask)
    await database.admin.query('SELECT pg_terminate_backend($1)', [pid])
    await database.untilSessions(0)
    await invoke(ask)
    expect(lines.at(-1)).toMatchObject({ IsCold: false, DeadConnections: 1, Connects: 1, Idle: 1 })
  })

  it('which call left work behind, and are clients leaked', async () => {
    openPool({ max: 2, lingerMillis: 0 })
    const leaks: string[] = []
    const hear = (message: unknown) => void leaks.push(String((message as { acquiredAt?: string }).acquiredAt))
    subscribe('pg-thaw:leak', hear)
    await invoke(() => pool.query('SELECT 1'))
    await invoke(async () => void (await pool.connect()))
    unsubscribe('pg-thaw:leak', hear)
    expect(lines.filter(({ Unfinished }) => Number(Unfinished) > 0)).toMatchObject([
      { RequestId: `call-${calls}`, Unfinished: 1 },
    ])
    expect(leaks).toEqual([expect.stringContaining('production-questions.test.ts')])
  })
})

it("Powertools' logger and metrics take the report of an invocation as it is", async () => {
  const printed: string[] = []
  const logger = new Logger({ serviceName: 'orders' })
  vi.spyOn(logger, 'info').mockImplementation((...given) => void printed.push(JSON.stringify(given)))
  const metrics = new Metrics({ namespace: 'Orders', serviceName: 'orders' })
  const tell = (message: unknown) => {
    const { pools, ...facts } = message as InvocationReport
    for (const { pool: _, ...counts } of pools) {
      logger.info('pool', { ...facts, ...counts })
      metrics.addMetric('Waits', MetricUnit.Count, counts.waits)
    }
  }
  subscribe('pg-thaw:invocation', tell)
  openPool({ max: 1, name: 'orders' })
  await invoke(() => pool.query('SELECT 1'))
  unsubscribe('pg-thaw:invocation', tell)
  expect(printed).toEqual([expect.stringContaining('"name":"orders"')])
  expect(metrics.serializeMetrics()).toMatchObject({ Waits: 1, service: 'orders' })
})
