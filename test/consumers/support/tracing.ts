import { type Attributes, context, type Meter, type MeterProvider, metrics, type Span, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg'
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base'

// As applications do it: the instrumentation is there before pg is loaded. So this module comes before all that import pg.

const exporter = new InMemorySpanExporter()
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
trace.setGlobalTracerProvider(provider)

/** What counters of the API stand at, by metric name and the given attribute. */
const sums = new Map<string, number>()

/** A meter that sums up what up-down counters are told; nothing else is looked at. */
function meterProvider(): MeterProvider {
  const noop = metrics.getMeter('noop')
  const meter: Meter = Object.assign(Object.create(noop), {
    createUpDownCounter: (name: string) => ({
      add(value: number, attributes: Attributes = {}) {
        const key = [name, attributes['db.client.connection.state']].filter(Boolean).join(' ')
        sums.set(key, (sums.get(key) ?? 0) + value)
      },
    }),
  })
  return { getMeter: () => meter }
}

const instrumentation = new PgInstrumentation()
instrumentation.setTracerProvider(provider)
instrumentation.setMeterProvider(meterProvider())

/** What the instrumentation has told about pools since the process began. */
export function poolMetrics(): Record<string, number> {
  return Object.fromEntries(sums)
}

/** Runs `work` in a span of its own, and tells the span's id. */
export function inSpan<T>(name: string, work: () => Promise<T>): Promise<{ id: string; result: T }> {
  return trace.getTracer('test').startActiveSpan(name, async (span: Span) => {
    try {
      return { id: span.spanContext().spanId, result: await work() }
    } finally {
      span.end()
    }
  })
}

/** The spans that ended since the last {@link forgetSpans}. */
export function spans(): readonly ReadableSpan[] {
  return exporter.getFinishedSpans()
}

/** Names of the spans right under the one with `id`, in the order in which they ended. */
export function childrenOf(id: string): string[] {
  return spans()
    .filter((span) => span.parentSpanContext?.spanId === id)
    .map((span) => span.name)
}

export function forgetSpans(): void {
  exporter.reset()
}
