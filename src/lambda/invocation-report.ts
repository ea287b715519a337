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
  readonly #before: ReadonlyMap<LivePool, PoolCounts>
  #since = performance.now()

  constructor(pools: Iterable<LivePool>) {
    this.#before = new Map([...pools].flatMap((it) => (it.counts === undefined ? [] : [[it, it.counts()]])))
  }

  begin(facts: InvocationFacts): void {
    this.#facts = facts
    this.#since = performance.now()
  }

  report(pools: Iterable<LivePool>): InvocationReport {
    const reports: PoolReport[] = []
    for (const live of pools) {
      const { pool, name } = live
      const counts = live.counts?.()
      // One that was made meanwhile had counted nothing before.
      if (counts !== undefined) reports.push({ pool, name, ...less(counts, this.#before.get(live)) })
    }
    const millis = performance.now() - this.#since
    return { ...this.#facts, millis, isShared: this.isShared, pools: reports }
  }
}

function less(counts: PoolCounts, before: PoolCounts | undefined): PoolCounts {
  const entries = Object.entries(counts).map(([name, value]) => {
    const past: unknown = before?.[name as keyof PoolCounts]
    if (typeof value === 'object') return [name, less(value as never, past as never)]
    return [name, name === 'idle' ? value : value - ((past as number | undefined) ?? 0)]
  })
  return Object.fromEntries(entries)
}
