import type { InvocationRecord } from 'pg-thaw/testing'
import type { Report } from './contenders/function'

/** One row of the comparison. */
export interface Summary {
  calls: number
  /** Calls without a response, whatever the reason. */
  failed: number
  /** Those among them that took their environment down. */
  crashes: number
  /** Sessions that the server ever had for this contender. */
  connects: number
  /** Median of the database part of calls that succeeded, ms; null when none did. */
  p50Ms: number | null
  p95Ms: number | null
  /** Most sessions at once, as sampled at the server. */
  peakSessions: number
  /** Sessions that the server still had when the fleet was gone. */
  leftSessions: number
}

/** Sums up what the calls reported. */
export function summarizeCalls(
  records: readonly InvocationRecord[],
): Pick<Summary, 'calls' | 'failed' | 'crashes' | 'p50Ms' | 'p95Ms'> {
  const succeeded = records.filter(({ outcome }) => outcome === 'response')
  const millis = succeeded.map(({ response }) => (response as Report).databaseMillis)
  return {
    calls: records.length,
    failed: records.length - succeeded.length,
    crashes: records.filter(({ outcome }) => outcome === 'crash').length,
    p50Ms: tenths(percentile(millis, 50)),
    p95Ms: tenths(percentile(millis, 95)),
  }
}

/** The smallest value that `percent` of all values do not exceed (nearest rank), or null without values. */
export function percentile(values: readonly number[], percent: number): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? null
}

/** Failures of these calls by message, the most frequent first. */
export function failuresIn(records: readonly InvocationRecord[]): [message: string, count: number][] {
  const counts = new Map<string, number>()
  for (const { outcome, error } of records) {
    if (outcome === 'response') continue
    // Lambda puts the call's id before its own messages.
    const message = (error?.errorMessage ?? outcome).replace(/^RequestId: \S+ (Error: )?/, '')
    counts.set(message, (counts.get(message) ?? 0) + 1)
  }
  return [...counts].sort(([, a], [, b]) => b - a)
}

function tenths(value: number | null): number | null {
  return value === null ? null : Math.round(value * 10) / 10
}
