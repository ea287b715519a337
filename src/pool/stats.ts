import type { PoolGauges } from './errors.js'
import { RETIRE_REASONS, type RetireReason } from './slot.js'

/** Everything that a pool counts, at one moment. The counters only grow. */
export interface PoolStats extends PoolGauges {
  /** How many generations were condemned so far. */
  readonly generation: number
  /** Checkouts handed out. */
  readonly acquires: number
  /** How long they lasted until they came back, ms: all together, and the longest. */
  readonly useMillis: number
  readonly maxUseMillis: number
  /** Callers that had to wait. */
  readonly waits: number
  /** For how long, until they were served or gave up, ms: all together, and the longest. */
  readonly waitMillis: number
  readonly maxWaitMillis: number
  /** Callers whose deadline passed first. */
  readonly acquireTimeouts: number
  /** Callers refused because as many waited as may. */
  readonly acquireRefusals: number
  /** Attempts to open a connection. */
  readonly dials: number
  /** Of these, those that failed. */
  readonly dialFailures: number
  /** How long the others took, ms: all together, and the longest. */
  readonly dialMillis: number
  readonly maxDialMillis: number
  /** Connections that were asked for an answer. */
  readonly pings: number
  /** Returned connections that were rolled back or reset. */
  readonly resets: number
  /** Closes that took too long and were forced. */
  readonly forcedCloses: number
  /** Checkouts that came back after they had been reclaimed. */
  readonly lateReturns: number
  /** Errors of listeners and hooks that could be told to nobody else. */
  readonly faults: number
  /** Connections that were closed, by reason. */
  readonly retired: Readonly<Record<RetireReason, number>>
}

/** The counters of a pool while they count. */
export class Counters {
  acquires = 0
  // Doubles from the beginning: they are written at each return.
  useMillis = 0.5
  maxUseMillis = 0.5
  waits = 0
  waitMillis = 0
  maxWaitMillis = 0
  acquireTimeouts = 0
  acquireRefusals = 0
  dials = 0
  dialFailures = 0
  dialMillis = 0
  maxDialMillis = 0
  pings = 0
  resets = 0
  forcedCloses = 0
  lateReturns = 0
  faults = 0
  readonly retired: Record<RetireReason, number>

  constructor() {
    this.useMillis = 0
    this.maxUseMillis = 0
    this.retired = Object.fromEntries(RETIRE_REASONS.map((reason) => [reason, 0])) as Record<RetireReason, number>
  }

  waited(millis: number): void {
    this.waitMillis += millis
    this.maxWaitMillis = Math.max(this.maxWaitMillis, millis)
  }

  dialled(millis: number): void {
    this.dialMillis += millis
    this.maxDialMillis = Math.max(this.maxDialMillis, millis)
  }

  snapshot(gauges: PoolGauges, generation: number): PoolStats {
    return { ...gauges, ...this, generation, retired: { ...this.retired } }
  }
}
