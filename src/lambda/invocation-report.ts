import type { LivePool, PoolCounts } from '../registry/environment.js'

/** What one pool did during an invocation. */
export interface PoolReport extends PoolCounts {
  readonly pool: object
  readonly name: string | undefined
}

/** What an invocation did with the pools, told when it is over. */
export interface InvocationReport {
  /** Lambda's, where the caller has one. */
  readonly requestId: unknown
  /** Whether it was the first of its environment. */
  readonly isCold: boolean
  /** How long the environment had been quiet before, ms, at the most; 0 where it was not. */
  readonly gapMillis: number
  /** How long it took from its begin until all of its work was over, ms. */
  readonly millis: number
  /** Whether others were open meanwhile: then what they did is counted here too. */
  readonly isShared: boolean
  readonly pools: readonly PoolReport[]
}

/** The facts of an invocation that are known at its begin. */
export type InvocationFacts = Pick<InvocationReport, 'requestId' | 'isCold' | 'gapMillis'>

/**
 * The counts of the pools at the end of the last invocation, or when this one began, to be taken off those when it is over: what was found
 * to have happened in between is this one's.
 */
export class InvocationAccount {
  isShared = false
  #facts: InvocationFacts = { requestId: undefined, isCold: false, gapMillis: 0 }
  #since = performance.now()
  #before: Counted

  constructor(pools: Iterable<LivePool>, before = countsOf(pools)) {
    this.#before = before
  }

  begin(facts: InvocationFacts): void {
    this.#facts = facts
    this.#since = performance.now()
  }

  /** Tells it, and begins the account of the next. */
  end(pools: Iterable<LivePool>): { readonly report: InvocationReport; readonly next: InvocationAccount } {
    const now = countsOf(pools)
    const reports: PoolReport[] = []
    for (const [live, counts] of now) {
      // One that was made meanwhile had counted nothing before.
      reports.push(difference(live, counts, this.#before.get(live)))
    }
    const millis = performance.now() - this.#since
    const report = { ...this.#facts, millis, isShared: this.isShared, pools: reports }
    return { report, next: new InvocationAccount(pools, now) }
  }
}

type Counted = ReadonlyMap<LivePool, PoolCounts>

function countsOf(pools: Iterable<LivePool>): Counted {
  const counted = new Map<LivePool, PoolCounts>()
  for (const live of pools) if (live.counts !== undefined) counted.set(live, live.counts())
  return counted
}

/** Written out: it runs in each invocation. */
function difference({ pool, name }: LivePool, now: PoolCounts, past: PoolCounts = NOTHING): PoolReport {
  const retired: Record<string, number> = {}
  for (const [reason, count] of Object.entries(now.retired)) retired[reason] = count - (past.retired[reason] ?? 0)
  return {
    pool,
    name,
    idle: now.idle,
    acquires: now.acquires - past.acquires,
    useMillis: now.useMillis - past.useMillis,
    waits: now.waits - past.waits,
    waitMillis: now.waitMillis - past.waitMillis,
    acquireTimeouts: now.acquireTimeouts - past.acquireTimeouts,
    dials: now.dials - past.dials,
    dialFailures: now.dialFailures - past.dialFailures,
    dialMillis: now.dialMillis - past.dialMillis,
    pings: now.pings - past.pings,
    resets: now.resets - past.resets,
    unfinished: now.unfinished - past.unfinished,
    retired,
  }
}

const NOTHING: PoolCounts = {
  idle: 0,
  acquires: 0,
  useMillis: 0,
  waits: 0,
  waitMillis: 0,
  acquireTimeouts: 0,
  dials: 0,
  dialFailures: 0,
  dialMillis: 0,
  pings: 0,
  resets: 0,
  unfinished: 0,
  retired: {},
}
