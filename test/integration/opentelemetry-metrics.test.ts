import { context, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import * as conventions from '@opentelemetry/semantic-conventions/incubating'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Pool } from '../../src/index'
import { observePools } from '../../src/watch/opentelemetry'
import { database, openPool, pool } from '../support/pool-under-test'

const metricsOut = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter: metricsOut, exportIntervalMillis: 3_600_000 })
const meterProvider = new MeterProvider({ readers: [reader] })
const spansOut = new InMemorySpanExporter()
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spansOut)] })

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(tracerProvider)
})
afterAll(async () => {
  await meterProvider.shutdown()
  context.disable()
  trace.disable()
})

let end = () => {}
beforeEach(() => {
  metricsOut.reset()
  end = observePools({ meterProvider })
})
afterEach(() => end())

/** All metrics of now: name, unit, and the points of the pool that is named so. */
async function collect(
  name: string,
): Promise<Record<string, { unit: string; points: { value: unknown; attributes: object }[] }>> {
  await reader.forceFlush()
  const last = metricsOut.getMetrics().at(-1)
  const all = last?.scopeMetrics.flatMap((it) => it.metrics) ?? []
  return Object.fromEntries(
    all.map(({ descriptor, dataPoints }) => {
      const own = dataPoints.filter(
        ({ attributes }) => attributes[conventions.ATTR_DB_CLIENT_CONNECTION_POOL_NAME] === name,
      )
      return [descriptor.name, { unit: descriptor.unit, points: own }]
    }),
  )
}

describe('the metrics of OpenTelemetry', () => {
  it('have the names and units of its conventions, and say how the pool is', async () => {
    openPool({ max: 3, name: 'orders' })
    const client = await pool.connect()
    await pool.query('SELECT 1')
    const metrics = await collect('orders')
    const { ATTR_DB_CLIENT_CONNECTION_STATE: state } = conventions
    const values = (name: string) => metrics[name]?.points.map(({ value }) => value)
    expect(Object.fromEntries(Object.entries(metrics).map(([name, { unit }]) => [name, unit]))).toEqual({
      [conventions.METRIC_DB_CLIENT_CONNECTION_COUNT]: '{connection}',
      [conventions.METRIC_DB_CLIENT_CONNECTION_IDLE_MAX]: '{connection}',
      [conventions.METRIC_DB_CLIENT_CONNECTION_IDLE_MIN]: '{connection}',
      [conventions.METRIC_DB_CLIENT_CONNECTION_MAX]: '{connection}',
      [conventions.METRIC_DB_CLIENT_CONNECTION_PENDING_REQUESTS]: '{request}',
      [conventions.METRIC_DB_CLIENT_CONNECTION_TIMEOUTS]: '{timeout}',
      [conventions.METRIC_DB_CLIENT_CONNECTION_CREATE_TIME]: 's',
      [conventions.METRIC_DB_CLIENT_CONNECTION_WAIT_TIME]: 's',
      [conventions.METRIC_DB_CLIENT_CONNECTION_USE_TIME]: 's',
    })
    const count = metrics[conventions.METRIC_DB_CLIENT_CONNECTION_COUNT]?.points ?? []
    expect(count.map(({ value, attributes }) => [attributes[state as never], value])).toEqual([
      [conventions.DB_CLIENT_CONNECTION_STATE_VALUE_IDLE, 1],
      [conventions.DB_CLIENT_CONNECTION_STATE_VALUE_USED, 1],
    ])
    expect(values(conventions.METRIC_DB_CLIENT_CONNECTION_MAX)).toEqual([3])
    expect(values(conventions.METRIC_DB_CLIENT_CONNECTION_CREATE_TIME)).toMatchObject([{ count: 2 }])
    expect(values(conventions.METRIC_DB_CLIENT_CONNECTION_USE_TIME)).toMatchObject([{ count: 1 }])
    client.release()
  })

  it('say that callers waited and how long, and that some gave up', async () => {
    openPool({ max: 1, name: 'small', connectionTimeoutMillis: 1000 })
    const client = await pool.connect()
    await expect(pool.connect()).rejects.toMatchObject({ code: 'POOL_ACQUIRE_TIMEOUT' })
    client.release()
    const metrics = await collect('small')
    expect(metrics[conventions.METRIC_DB_CLIENT_CONNECTION_TIMEOUTS]?.points[0]?.value).toBe(1)
    const waited = metrics[conventions.METRIC_DB_CLIENT_CONNECTION_WAIT_TIME]?.points[0]?.value as {
      count: number
      sum: number
    }
    expect(waited.count).toBe(2)
    expect(waited.sum).toBeGreaterThan(0.9)
  })

  it('name a pool that has none by its place, and are silent once they were ended', async () => {
    openPool({ max: 1 })
    await pool.query('SELECT 1')
    const { host, port, database: name } = database.config
    const place = `${host}:${port}/${name}`
    expect((await collect(place))[conventions.METRIC_DB_CLIENT_CONNECTION_MAX]?.points).toHaveLength(1)
    end()
    const before = await collect(place)
    await pool.query('SELECT 1')
    const used = (it: typeof before) => it[conventions.METRIC_DB_CLIENT_CONNECTION_USE_TIME]?.points[0]?.value
    expect(used(before)).toMatchObject({ count: 1 })
    expect(used(await collect(place))).toMatchObject({ count: 1 })
  })

  it.each([
    ['postgres://me:secret@one,two:7/orders', 'one,two:7/orders'],
    ['postgres://me:secret@one/orders?x=1', 'one:5432/orders'],
    ['postgres://me:secret#@one/orders', 'localhost:5432/'],
  ])('name a pool by where %s leads, and nothing else of it', async (connectionString, expected) => {
    await using other = new Pool({ connectionString })
    expect(other.totalCount).toBe(0)
    expect((await collect(expected))[conventions.METRIC_DB_CLIENT_CONNECTION_MAX]?.points).toHaveLength(1)
  })

  it('put an event on the span of who waited', async () => {
    openPool({ max: 1 })
    await trace.getTracer('test').startActiveSpan('handler', async (span) => {
      await pool.query('SELECT 1')
      span.end()
    })
    const [span] = spansOut.getFinishedSpans()
    expect(span?.events).toMatchObject([
      { name: 'db.client.connection.wait', attributes: { 'db.client.connection.wait_time': expect.any(Number) } },
    ])
  })
})
