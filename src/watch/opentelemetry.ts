import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel'
import {
  type Attributes,
  type BatchObservableResult,
  type MeterProvider,
  metrics,
  type Span,
  trace,
} from '@opentelemetry/api'
import type { ReleaseEvent, TimedEvent } from '../registry/channels.js'
import { environment } from '../registry/environment.js'

/** Options of {@link observePools}. */
export interface ObservePoolsOptions {
  /** Default the one that is registered with `@opentelemetry/api`. */
  readonly meterProvider?: MeterProvider | undefined
}

/** What is asked of a pool. */
interface Observed {
  readonly options: {
    readonly connectionString?: string
    readonly host?: string
    readonly port?: number | string
    readonly database?: string
    readonly max: number
    readonly min: number
  }
  stats(): { readonly idle: number; readonly lent: number; readonly waiting: number; readonly acquireTimeouts: number }
}

const POOL_NAME = 'db.client.connection.pool.name'
const STATE = 'db.client.connection.state'

/** Where `@opentelemetry/instrumentation-pg` counts a pool's connections by itself. */
const COUNTED_ELSEWHERE = 'opentelemetry.instrumentation.pg.eventListenersSet'

/**
 * Tells OpenTelemetry of all pools of this process: the metrics of the semantic conventions for connection pools, and an event on the
 * span of whoever waited for a connection. Where `instrumentation-pg` already counts connections and callers, those are left to it. To be
 * called once, after the SDK was set up.
 *
 * @returns what ends it.
 * @see https://opentelemetry.io/docs/specs/semconv/database/database-metrics/#connection-pools
 */
export function observePools({ meterProvider = metrics.getMeterProvider() }: ObservePoolsOptions = {}): () => void {
  const meter = meterProvider.getMeter('pg-thaw')
  const gauge = (name: string, unit: string, description: string) =>
    meter.createObservableUpDownCounter(`db.client.connection.${name}`, { unit, description })
  const seconds = (name: string, description: string) =>
    meter.createHistogram(`db.client.connection.${name}`, {
      unit: 's',
      description,
      advice: { explicitBucketBoundaries: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] },
    })
  const count = gauge('count', '{connection}', 'Connections in a state')
  const idleMax = gauge('idle.max', '{connection}', 'Most connections that may be idle')
  const idleMin = gauge('idle.min', '{connection}', 'Idle connections that are kept')
  const max = gauge('max', '{connection}', 'Most connections that may be open')
  const pending = gauge('pending_requests', '{request}', 'Callers that wait for a connection')
  const timeouts = meter.createObservableCounter('db.client.connection.timeouts', {
    unit: '{timeout}',
    description: 'Callers that gave up waiting for a connection',
  })
  const observables = [count, idleMax, idleMin, max, pending, timeouts]
  const observe = (result: BatchObservableResult) => {
    for (const { pool: face } of environment().pools) {
      const pool = face as Observed
      const { idle, lent, waiting, acquireTimeouts } = pool.stats()
      const attributes = attributesOf(pool)
      result.observe(idleMax, pool.options.max, attributes)
      result.observe(idleMin, pool.options.min, attributes)
      result.observe(timeouts, acquireTimeouts, attributes)
      if (isCountedElsewhere(pool)) continue
      result.observe(max, pool.options.max, attributes)
      result.observe(count, idle, { ...attributes, [STATE]: 'idle' })
      result.observe(count, lent, { ...attributes, [STATE]: 'used' })
      result.observe(pending, waiting, attributes)
    }
  }
  meter.addBatchObservableCallback(observe, observables)

  const createTime = seconds('create_time', 'How long it took to open a connection')
  const waitTime = seconds('wait_time', 'How long a caller waited for a connection')
  const useTime = seconds('use_time', 'How long a connection was lent')
  const spans = new WeakMap<object, Span>()
  const waits = {
    start(event: TimedEvent) {
      const span = trace.getActiveSpan()
      if (span !== undefined) spans.set(event, span)
    },
    asyncEnd(event: TimedEvent) {
      const waited = (event.millis ?? 0) / 1000
      waitTime.record(waited, attributesOf(event.pool as Observed))
      spans.get(event)?.addEvent('db.client.connection.wait', { 'db.client.connection.wait_time': waited })
    },
  }
  const connects = {
    asyncEnd({ pool, millis = 0, error }: TimedEvent) {
      if (error === undefined) createTime.record(millis / 1000, attributesOf(pool as Observed))
    },
  }
  const released = (message: unknown) => {
    const { pool, useMillis } = message as ReleaseEvent
    useTime.record(useMillis / 1000, attributesOf(pool as Observed))
  }
  const acquire = tracingChannel<TimedEvent, TimedEvent>('pg-thaw:acquire')
  const connect = tracingChannel<TimedEvent, TimedEvent>('pg-thaw:connect')
  acquire.subscribe(waits as never)
  connect.subscribe(connects as never)
  subscribe('pg-thaw:release', released)
  return () => {
    meter.removeBatchObservableCallback(observe, observables)
    acquire.unsubscribe(waits as never)
    connect.unsubscribe(connects as never)
    unsubscribe('pg-thaw:release', released)
  }
}

const named = new WeakMap<object, Attributes>()

function attributesOf(pool: Observed): Attributes {
  const known = named.get(pool)
  if (known !== undefined) return known
  const { name } = [...environment().pools].find((it) => it.pool === pool) ?? {}
  const attributes = { [POOL_NAME]: name ?? placeOf(pool.options) }
  named.set(pool, attributes)
  return attributes
}

/** As the conventions have it for a pool without a name; several hosts as they stand there. */
function placeOf({ connectionString = '', host, port, database = '' }: Observed['options']): string {
  const [, authority, path] = /^\w+:\/\/(?:[^/?#]*@)?([^/?#]*)(\/[^?#]*)?/.exec(connectionString) ?? []
  const { PGHOST = 'localhost', PGPORT = '5432' } = process.env
  // What stands where a port should is a password, perhaps, in a URL that nobody can read.
  const place = authority && !/:\D|:$/.test(authority) ? authority : (host ?? PGHOST)
  return `${/:\d+$/.test(place) ? place : `${place}:${port ?? PGPORT}`}${path ?? `/${database}`}`
}

function isCountedElsewhere(pool: object): boolean {
  return Object.getOwnPropertySymbols(pool).some(({ description }) => description === COUNTED_ELSEWHERE)
}
