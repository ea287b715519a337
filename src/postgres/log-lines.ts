import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { codeOf, textOf } from '../pool/errors.js'
import {
  ACQUIRE,
  CONNECT,
  PING,
  type ReleaseEvent,
  type ResetEvent,
  type RetireEvent,
  type TimedEvent,
  type UnfinishedEvent,
} from '../registry/channels.js'

/** What is worth a line: with `debug` everything that happens, with `info` connects and closes too, with `warn` what went wrong. */
export type LogLevel = 'debug' | 'info' | 'warn'

const LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn']

type Facts = Readonly<Record<string, unknown>>

/**
 * Writes a line to the console for each event of a pool, always in the same shape: `pg-thaw info orders connect ms=12`. Returns what ends it.
 */
export function logLines(pool: object, name = 'pool', least: LogLevel = 'debug'): () => void {
  const line = (level: LogLevel, event: string, facts: Facts) => {
    if (LEVELS.indexOf(level) < LEVELS.indexOf(least)) return
    const pairs = Object.entries(facts).filter(([, value]) => value !== undefined)
    const told = pairs.map(
      ([key, value]) => `${key}=${typeof value === 'number' ? Math.round(value * 10) / 10 : value}`,
    )
    // biome-ignore lint/suspicious/noConsole: that is where whoever asks for them wants them.
    console[level](['pg-thaw', level, name, event, ...told].join(' '))
  }
  const timed = (traced: typeof ACQUIRE, event: string, level: LogLevel) => {
    const told = {
      asyncEnd({ pool: of, millis, error }: TimedEvent) {
        if (of !== pool) return
        if (error === undefined) return line(level, event, { ms: millis })
        line('warn', `${event}-failed`, { ms: millis, code: codeOf(error), error: JSON.stringify(textOf(error)) })
      },
    }
    traced.subscribe(told as never)
    return () => void traced.unsubscribe(told as never)
  }
  const plain = <E extends { readonly pool?: object }>(
    event: string,
    level: (event: E) => LogLevel,
    facts: (event: E) => Facts,
  ) => {
    const hear = (message: unknown) => {
      const it = message as E
      if (it.pool === pool) line(level(it), event, facts(it))
    }
    subscribe(`pg-thaw:${event}`, hear)
    return () => void unsubscribe(`pg-thaw:${event}`, hear)
  }
  const ends = [
    timed(ACQUIRE, 'wait', 'debug'),
    timed(CONNECT, 'connect', 'info'),
    timed(PING, 'ping', 'debug'),
    plain<ReleaseEvent>(
      'release',
      () => 'debug',
      ({ useMillis }) => ({ ms: useMillis }),
    ),
    plain<RetireEvent>(
      'retire',
      ({ reason }) => (WRONG.has(reason) ? 'warn' : 'info'),
      ({ reason }) => ({ reason }),
    ),
    plain<ResetEvent>(
      'reset',
      () => 'warn',
      ({ condition }) => ({ condition }),
    ),
    plain<UnfinishedEvent>(
      'unfinished',
      () => 'warn',
      ({ count }) => ({ count }),
    ),
  ]
  return () => {
    for (const end of ends) end()
  }
}

/** Connections that nobody meant to close. */
const WRONG: ReadonlySet<string> = new Set(['invalid', 'broken', 'busy', 'fault', 'reset', 'reclaimed'])
