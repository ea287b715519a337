/** How a pool treats what is idle when the environment's last open invocation ends. */
export type Pooling = 'auto' | 'always' | 'never'

/** Whether an invocation is one of those that are meant. */
export type Whose = (invocation: CurrentInvocation) => boolean

/** What a pool has done so far: as in its `stats()`, of which this is a part. */
export interface PoolCounts {
  /** Connections that are open and in nobody's hands: no count, but how it is. */
  readonly idle: number
  readonly acquires: number
  readonly useMillis: number
  readonly waits: number
  readonly waitMillis: number
  readonly acquireTimeouts: number
  readonly dials: number
  readonly dialFailures: number
  readonly dialMillis: number
  readonly pings: number
  readonly resets: number
  readonly unfinished: number
  readonly retired: Readonly<Record<string, number>>
}

/** The side of a pool that the environment works with. Copies of the library share it, so it only ever grows. */
export interface LivePool {
  /** What `createPool` returns when it finds this one. */
  readonly pool: object
  readonly name: string | undefined
  readonly pooling: Pooling
  /** Idle connections that may survive a freeze, where the user has said so. */
  readonly min: number | undefined
  /** Most connections that each of the last calls which used the pool held at once, newest last. */
  readonly held: readonly number[]
  /** Missing where the pool is of an older copy. */
  counts?(): PoolCounts
  /** False once the pool is ending. */
  readonly isOpen: boolean
  /** How long the end of an invocation waits for work that was not awaited, ms. */
  readonly lingerMillis: number
  /** Whether the pool was made with options equal to these. */
  madeWith(options: object): boolean
  /** `invocation` begins, and the environment may have slept before, for `quietMillis` at the most. */
  wake(invocation: CurrentInvocation, quietMillis?: number): void
  /** Closes all idle connections but `keep`, and all whose lease is not worth it. */
  trim(keep: number, isWorth: (leaseMillis: number) => boolean): void
  /** Whether work of theirs is still out: a query that runs, a caller that waits, a client that is lent. */
  isBusy(whose: Whose): boolean
  /** Resolves when none of theirs is out any more. Call it only where `isBusy` said so. */
  quiet(whose: Whose): Promise<void>
  /**
   * Cuts off and reports what of theirs is still out. Its promises are left unsettled: nobody could catch their rejection any more.
   */
  reclaim(whose: Whose): void
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

/** An invocation, as far as those need to know who work for it. */
export interface CurrentInvocation {
  /** How long until it is timed out, ms; never negative, `Infinity` where nobody times it out, and before it has begun. */
  remainingMillis(): number
  /** The same as it was at its begin; `Infinity` before. */
  readonly budgetMillis: number
  /** Whether it has been answered: nobody waits for its promises any more. */
  readonly isAnswered: boolean
}

/** What exists once in an execution environment, however many copies of the library are bundled into it. */
export interface Environment {
  /** Every pool that was made and has not ended. */
  readonly pools: Set<LivePool>
  /** The invocation that the caller's work belongs to; missing as long as no handler was wrapped. */
  currentInvocation?: () => CurrentInvocation | undefined
  /** The lease of a connection that is opened now, in an invocation that lasts no longer than that, ms; missing like the one before. */
  leaseToDial?: (withinMillis: number) => number
  /** Kept here by the room that manages invocations, so that each copy finds the same one. */
  manager?: unknown
  /** See the function of that name. */
  isRuntime?: boolean
  /** Set by the first copy that registered the goodbye; resolves when its registration is settled. */
  goodbye?: Promise<void>
}

/** The version is that of the shape above: copies that differ in it don't share. */
const KEY = Symbol.for('pg-thaw.environment/3')

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

/**
 * Whether this is Lambda's runtime itself, and no worker thread or process that it has started since it made a pool: these inherit what is
 * told of the call.
 */
export function isRuntime(): boolean {
  const its = environment()
  its.isRuntime ??= process.env.PG_THAW_RUNTIME === undefined
  process.env.PG_THAW_RUNTIME ??= '1'
  return its.isRuntime
}

/**
 * Whether invocations certainly run one at a time: on AWS's own runtime, but not on Lambda Managed Instances. Everywhere else they may
 * overlap, on Vercel too, which runs on Lambda.
 */
export function runsOneAtATime(): boolean {
  const { env } = process
  return (
    isOnLambda() &&
    env.AWS_LAMBDA_RUNTIME_API !== undefined &&
    env.VERCEL === undefined &&
    env.AWS_LAMBDA_INITIALIZATION_TYPE !== 'lambda-managed-instances' &&
    env.AWS_LAMBDA_MAX_CONCURRENCY === undefined
  )
}
