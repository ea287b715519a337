import type { InvocationRecord } from 'pg-thaw/testing'
import type { Grade, Outcome } from '../report/data'

/** What calls came to. */
export interface Calls {
  readonly calls: number
  /** Without a response. */
  readonly failed: number
  /** Those among them that took their environment down. */
  readonly died: number
}

export function countCalls(records: readonly InvocationRecord[]): Calls {
  const bad = records.filter(({ outcome }) => outcome !== 'response')
  return { calls: records.length, failed: bad.length, died: bad.filter(({ outcome }) => outcome !== 'error').length }
}

/** In words. */
export function sayCalls({ calls, failed, died }: Calls): string {
  if (failed === 0) return `all ${calls} calls answered`
  const dead = died === 0 ? '' : `, ${plural(died, 'environment')} died`
  return `${failed} of ${calls} calls failed${dead}`
}

/** What an act came to that is about calls which succeed or not. */
export function judgeCalls(calls: Calls): Outcome {
  return { grade: gradeCalls(calls), words: sayCalls(calls), facts: { ...calls }, score: calls.failed }
}

export function gradeCalls({ failed }: { failed: number }): Grade {
  return failed === 0 ? 'holds' : 'fails'
}

/** A time for the reader, which no line breaks apart. */
export function duration(millis: number): string {
  return millis < 1000 ? `${Math.round(millis)}\u00a0ms` : `${(millis / 1000).toFixed(1)}\u00a0s`
}

/** A number of things, which no line breaks apart. */
export function plural(count: number, thing: string): string {
  return `${count}\u00a0${thing}${count === 1 ? '' : 's'}`
}
