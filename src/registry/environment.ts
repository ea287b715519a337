/** How a pool treats what is idle when the environment's last open invocation ends. */
export type Pooling = 'auto' | 'always' | 'never'

/** The side of a pool that the environment works with. Copies of the library share it, so it only ever grows. */
export interface LivePool {
  /** What `createPool` returns when it finds this one. */
  readonly pool: object
  readonly name: string | undefined
  readonly pooling: Pooling
  /** Idle connections that may survive a freeze. */
  readonly min: number
  /** How long the server keeps an idle session, ms; `Infinity` without a lease. */
  readonly leaseMillis: number
  /** False once the pool is ending. */
  readonly isOpen: boolean
  /** Whether the pool was made with options equal to these. */
  madeWith(options: object): boolean
  /** The environment may have slept. */
  wake(): void
  trim(keep: number): void
  /** Takes back and reports what borrowers of invocations that are over still hold, and turns away those that wait. */
  reclaim(isOver: (invocation: CurrentInvocation) => boolean): void
  /** Whether a returned connection is being rolled back, or a query cancelled. */
  readonly isRestoring: boolean
  /** Resolves when none is, soon: resets are bounded. */
  restored(): Promise<void>
  /**
   * The process is about to end: ends the pool and closes every connection, whoever holds it. Those that nothing runs on are told so
   * before this returns; it resolves when all are closed.
   */
  goodbye(): Promise<void>
}

/** The invocation in whose async context the caller runs. */
export interface CurrentInvocation {
  /** How long until it is timed out, ms; never negative, `Infinity` where nobody times it out. */
  remainingMillis(): number
  /** The same as it was at its begin. */
  readonly budgetMillis: number
}

/** What exists once in an execution environment, however many copies of the library are bundled into it. */
export interface Environment {
  /** Every pool that was made and has not ended. */
  readonly pools: Set<LivePool>
  /** Answers within an invocation of a wrapped handler; missing as long as no handler was wrapped. */
  currentInvocation?: () => CurrentInvocation | undefined
  /** Kept here by the room that manages invocations, so that each copy finds the same one. */
  manager?: unknown
  /** Set by the first copy that registered the goodbye; resolves when its registration is settled. */
  goodbye?: Promise<void>
}

/** The version is that of the shape above: copies that differ in it don't share. */
const KEY = Symbol.for('pg-thaw.environment/1')

/** The one environment of this process (or worker thread). */
export function environment(): Environment {
  const holder = globalThis as { [KEY]?: Environment }
  holder[KEY] ??= { pools: new Set() }
  return holder[KEY]
}

/** Whether this process is an environment of AWS Lambda. */
export function isOnLambda(): boolean {
  return process.env.AWS_LAMBDA_FUNCTION_NAME !== undefined
}
