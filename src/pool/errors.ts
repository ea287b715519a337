import { types } from 'node:util'

/** What an acquire was waiting for when it failed. */
export type AcquirePhase =
  /** All slots were taken, or other callers were before this one. */
  | 'wait'
  /** A connection was being opened. */
  | 'dial'
  /** A connection had been pinged, and had not answered yet. */
  | 'validate'
  /** A connection was being rolled back or reset after its last loan. */
  | 'reset'

/** The gauges of a pool at one moment. */
export interface PoolGauges {
  /** Most slots that may exist. */
  readonly max: number
  /** Slots that exist, in any state: the most sessions that the server can see. */
  readonly total: number
  /** Open, and in nobody's hands. */
  readonly idle: number
  /** In the hands of one borrower, or of several who share. */
  readonly lent: number
  /** Being opened. */
  readonly dialing: number
  /** Pinged, and not answered yet; or just opened. */
  readonly validating: number
  /** Being rolled back or reset after a loan. */
  readonly returning: number
  /** Being closed. */
  readonly closing: number
  /** Callers in the wait queue. */
  readonly waiting: number
}

/** The codes of all errors that a pool makes itself. */
export type PoolErrorCode =
  | 'POOL_OPTION_INVALID'
  | 'POOL_ENDED'
  | 'POOL_ACQUIRE_TIMEOUT'
  | 'POOL_ACQUIRE_ABORTED'
  | 'POOL_QUEUE_FULL'
  | 'POOL_DIAL_FAILED'
  | 'POOL_DIAL_TIMEOUT'
  | 'POOL_PING_TIMEOUT'
  | 'POOL_WRONG_SERVER'
  | 'POOL_CREDENTIALS_PLAIN_TEXT'
  | 'POOL_DOUBLE_RELEASE'
  | 'POOL_QUERY_TIMEOUT'
  | 'POOL_QUERY_ABORTED'
  | 'POOL_TRANSACTION_ROLLED_BACK'
  | 'POOL_TRANSACTION_LEFT_OPEN'

/**
 * What trying again would mean: `safe`, what was asked certainly did not happen, and may work the next time; `unknown`, it may have
 * happened; `never`, it would fail in the same way.
 */
export type Retry = 'safe' | 'unknown' | 'never'

/** What nobody can have done, since no connection was lent, and what may pass. */
const SAFE = /^POOL_(ACQUIRE_|QUEUE_FULL|DIAL_TIMEOUT|PING_TIMEOUT|WRONG_SERVER)/

/** Base of the pool's errors: a stable {@link PoolErrorCode}, unless the cause has a code of its own that programs know. */
export class PoolError extends Error {
  // Literal: a minifier takes the name of the class away.
  override readonly name: string = 'PoolError'
  /** Stable: a {@link PoolErrorCode}, or the cause's own (`28P01`, `ECONNREFUSED`). */
  declare readonly code: string
  /** What trying again would mean. */
  declare readonly retry: Retry
  /** What it came from, if anything. */
  declare readonly cause?: unknown

  constructor(
    code: PoolErrorCode | (string & {}),
    message: string,
    options?: { readonly cause?: unknown; readonly retry?: Retry },
  ) {
    super(message, options)
    this.code = code
    this.retry = options?.retry ?? (SAFE.test(code) ? 'safe' : 'never')
  }
}

/** An option was refused at construction. */
export class PoolOptionError extends PoolError {
  override readonly name: string = 'PoolOptionError'
  /** Name of the option. */
  declare readonly option: string

  constructor(option: string, message: string) {
    super('POOL_OPTION_INVALID', message)
    this.option = option
  }
}

/** The deadline of an acquire passed. `code` is `POOL_ACQUIRE_TIMEOUT`; `cause` is why the last dial failed, if one did. */
export class AcquireTimeoutError extends PoolError {
  override readonly name: string = 'AcquireTimeoutError'
  /** What it was waiting for. */
  declare readonly phase: AcquirePhase
  /** How long the caller had waited, ms. */
  declare readonly waitedMillis: number
  /** The pool at that moment. */
  declare readonly gauges: PoolGauges

  constructor(phase: AcquirePhase, waitedMillis: number, gauges: PoolGauges, cause: unknown) {
    super(
      'POOL_ACQUIRE_TIMEOUT',
      `timeout exceeded when trying to connect, ${PHASE_TEXT[phase]}${hint(gauges, cause)}`,
      cause === undefined ? undefined : { cause },
    )
    this.phase = phase
    this.waitedMillis = waitedMillis
    this.gauges = gauges
  }
}

/** What the server and Node.js say of a failed connect, beside a text and a code. */
const FACTS = ['severity', 'detail', 'hint', 'errno', 'syscall', 'address', 'port', 'hostname'] as const

/**
 * A connection could not be opened. Its message is that of the `cause`, and `code` the cause's own (`28P01`, `ECONNREFUSED`) or
 * `POOL_DIAL_FAILED`: whoever handled the errors of `pg` handles this one.
 */
export class DialError extends PoolError {
  override readonly name: string = 'DialError'
  readonly phase = 'dial'
  /** The pool at that moment. */
  declare readonly gauges: PoolGauges
  /** As in the server's error (`FATAL`); with `detail` and `hint`. */
  declare readonly severity?: string
  declare readonly detail?: string
  declare readonly hint?: string
  /** As in Node.js's error (`-111`, `connect`); with whom it was to reach. */
  declare readonly errno?: number
  declare readonly syscall?: string
  declare readonly address?: string
  declare readonly port?: number
  declare readonly hostname?: string

  constructor(gauges: PoolGauges, cause: unknown, mayPass: boolean) {
    super(codeOf(cause) ?? 'POOL_DIAL_FAILED', textOf(cause) || 'failed to connect', {
      cause,
      retry: mayPass ? 'safe' : 'never',
    })
    this.gauges = gauges
    Object.assign(this, factsOf(cause))
  }
}

/** Nothing in it changes from one time to the next: whoever groups errors goes by their texts. */
const PHASE_TEXT: Record<AcquirePhase, string> = {
  wait: 'while waiting for a free connection',
  dial: 'while a connection was opened',
  validate: 'while a connection was validated',
  reset: 'while a returned connection was reset',
}

function hint(gauges: PoolGauges, cause: unknown): string {
  if (cause !== undefined) return `; the last attempt to connect failed: ${textOf(cause)}`
  if (gauges.lent < gauges.max) return ''
  return '; every connection is lent: a caller that holds one while it acquires another can wait for itself'
}

/** Whether it is an error, of this realm or of another: those of Node.js itself are another realm's where code runs in a `node:vm` context, as in Jest. */
export function isError(it: unknown): it is Error {
  return it instanceof Error || types.isNativeError(it)
}

/** The errors that an `AggregateError` of any realm stands for, of several addresses for instance; nothing for another error. */
export function errorsIn(error: unknown): readonly unknown[] | undefined {
  const isAggregate = error instanceof AggregateError || (types.isNativeError(error) && error.name === 'AggregateError')
  return isAggregate ? (error as AggregateError).errors : undefined
}

/** What a dial was rejected with may be anything, and its error has to be made in any case: somebody waits for it. */
export function textOf(cause: unknown): string {
  try {
    // Of several addresses, each of which failed in its own way.
    const several = errorsIn(cause)
    if (several) return [(cause as Error).message, ...several.map(textOf)].filter(Boolean).join('; ')
    return String(isError(cause) ? cause.message || codeOf(cause) || cause.name : cause)
  } catch {
    return 'an error without a text'
  }
}

/** The `code` of an error, or of the first that has one where it stands for several; or nothing. */
export function codeOf(cause: unknown): string | undefined {
  try {
    const { code } = cause as { code?: unknown }
    if (typeof code === 'string') return code
    return errorsIn(cause)?.map(codeOf).find(Boolean)
  } catch {
    return undefined
  }
}

/** What is known of a failed connect; of several addresses, of the first that says something. */
function factsOf(cause: unknown): object {
  try {
    const sources = [cause, ...(errorsIn(cause) ?? [])] as Record<string, unknown>[]
    const facts = sources.map((it) => FACTS.flatMap((name) => (it[name] === undefined ? [] : [[name, it[name]]])))
    return Object.fromEntries(facts.find(({ length }) => length > 0) ?? [])
  } catch {
    return {}
  }
}

/** A checkout was given back before. */
export function doubleRelease(): PoolError {
  return new PoolError('POOL_DOUBLE_RELEASE', 'Release called on client which has already been released to the pool.')
}
