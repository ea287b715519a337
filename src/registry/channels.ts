import { channel, type TracingChannel, tracingChannel } from 'node:diagnostics_channel'

// Where whoever wants to know hears what happens in the pools of this process. As long as nobody listens, a channel costs a look at it.

/** What takes time. Published when it begins (`start`, `end`) and when it has ended (`asyncStart`, `asyncEnd`, before that `error`). */
export interface TimedEvent {
  readonly pool: object
  /** How long it took, ms; once it has ended. */
  millis?: number
  /** Why it failed. */
  error?: unknown
}

/** A caller that waits until it gets a connection; one that gets it at once is none. */
export const ACQUIRE = timed('pg-thaw:acquire')
/** A connection that is opened. */
export const CONNECT = timed('pg-thaw:connect')
/** A connection that is asked whether it is alive, before or together with what it is wanted for. */
export const PING = timed('pg-thaw:ping')

/** `pg-thaw:release`: a connection came back. */
export interface ReleaseEvent {
  readonly pool: object
  /** How long it was lent, ms. */
  readonly useMillis: number
}
export const RELEASE = channel('pg-thaw:release')

/** `pg-thaw:retire`: a connection is closed. */
export interface RetireEvent {
  readonly pool: object
  /** As in `pool.stats().retired`. */
  readonly reason: string
}
export const RETIRE = channel('pg-thaw:retire')

/** `pg-thaw:reset`: a connection came back with something that has to be cleaned up: it is rolled back, reset, or closed. */
export interface ResetEvent {
  readonly pool: object
  /** `dirty` is reset, `unusable` closed, since something still runs on it. */
  readonly condition: string
}
export const RESET = channel('pg-thaw:reset')

/** `pg-thaw:leak`: a client or query that a call left behind. */
export interface LeakReport {
  readonly pool: object
  /** Stack of the code that asked for it: within an invocation, or with the option `leakDetection`. */
  readonly acquiredAt: string | undefined
  /** False when it was cut off at the end of its invocation, true when a client was released after that. */
  readonly returned: boolean
}
export const LEAK = channel('pg-thaw:leak')

/** `pg-thaw:unfinished`: a call is over, and what it had not awaited or released was cut off. */
export interface UnfinishedEvent {
  readonly pool: object
  readonly count: number
}
export const UNFINISHED = channel('pg-thaw:unfinished')

/** `pg-thaw:fault`: what a listener or a hook threw, which nobody else could be told. */
export interface FaultEvent {
  readonly pool?: object
  readonly error: unknown
}
export const FAULT = channel('pg-thaw:fault')

/** `pg-thaw:thaw`: an invocation begins, before which the environment was quiet, and perhaps frozen. */
export interface ThawEvent {
  /** For how long, ms, at the most. */
  readonly gapMillis: number
}
export const THAW = channel('pg-thaw:thaw')

/** `pg-thaw:invocation`, with an `InvocationReport`: an invocation is over. */
export const INVOCATION = channel('pg-thaw:invocation')

function timed(name: string): TracingChannel<TimedEvent, TimedEvent> {
  return tracingChannel(name)
}

/** Something begins that takes time. What this returns is to be called when it has ended; nothing where nobody listens. */
export function begin(
  traced: TracingChannel<TimedEvent, TimedEvent>,
  pool: object,
): ((error?: unknown) => void) | undefined {
  if (!traced.hasSubscribers) return undefined
  const since = performance.now()
  const event: TimedEvent = { pool }
  traced.start.publish(event)
  traced.end.publish(event)
  return (error) => {
    event.millis = performance.now() - since
    if (error !== undefined) {
      event.error = error
      traced.error.publish(event)
    }
    traced.asyncStart.publish(event)
    traced.asyncEnd.publish(event)
  }
}
