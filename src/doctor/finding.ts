/** How bad a finding is: nothing to do, good to know, to be set right, or nothing can work with it. */
export type Severity = 'ok' | 'note' | 'warning' | 'error'

/** One thing that was looked at. */
export interface Finding {
  readonly topic: string
  readonly severity: Severity
  /** What was found, in a line. */
  readonly found: string
  /** What to do about it, if anything. */
  readonly advice?: string
}

const ORDER: readonly Severity[] = ['ok', 'note', 'warning', 'error']

/** The worst of them. */
export function worstOf(findings: readonly Finding[]): Severity {
  return ORDER[Math.max(0, ...findings.map(({ severity }) => ORDER.indexOf(severity)))] ?? 'ok'
}
