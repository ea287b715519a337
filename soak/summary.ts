import { table } from '../bench/report'
import type { Call } from './fleet'

/** Calls that failed alike. */
export interface Failures {
  /** The error's code, and the phase in which it came. */
  readonly cause: string
  calls: number
  /** Those among them that had to: their session was ended under them. */
  hadTo: number
}

/** What came of a run. */
export interface Summary {
  readonly seed: number
  readonly minutes: number
  readonly faults: Readonly<Record<string, number>>
  readonly freezes: number
  readonly calls: number
  readonly failures: readonly Failures[]
  /** Inserts that were acknowledged and are not there. */
  readonly lost: number
  /** Inserts that are there more than once. */
  readonly doubled: number
  /** Transactions of which one half is there. */
  readonly torn: number
  /** Sessions at the servers, when all environments are gone and their lease is over. */
  readonly sessionsLeft: number
  readonly slowestMillis: number
}

/** Counts calls as they end. */
export class Tally {
  calls = 0
  freezes = 0
  slowestMillis = 0
  readonly #failures = new Map<string, Failures>()
  readonly #acknowledged: number[] = []
  readonly #pairs: (readonly [number, number])[] = []

  add({ entry: { does, keys }, began, ended, isFrozen, failed }: Call, hadTo: boolean): void {
    this.calls += 1
    if (isFrozen) this.freezes += 1
    this.slowestMillis = Math.max(this.slowestMillis, ended - began)
    if (does === 'transaction') this.#pairs.push(keys)
    if (failed !== undefined) {
      const cause = `${failed.code} (${failed.phase})`
      const failures = this.#failures.get(cause) ?? { cause, calls: 0, hadTo: 0 }
      failures.calls += 1
      if (hadTo) failures.hadTo += 1
      this.#failures.set(cause, failures)
    } else if (does === 'transaction') this.#acknowledged.push(...keys)
    else if (does !== 'read') this.#acknowledged.push(keys[0])
  }

  get failed(): number {
    return total(this.failures)
  }

  get failures(): readonly Failures[] {
    return [...this.#failures.values()].sort((a, b) => b.calls - a.calls)
  }

  /** @param times How often each key is there. */
  compare(times: ReadonlyMap<number, number>): Pick<Summary, 'lost' | 'doubled' | 'torn'> {
    return {
      lost: this.#acknowledged.filter((key) => !times.has(key)).length,
      doubled: [...times.values()].filter((count) => count > 1).length,
      torn: this.#pairs.filter(([one, other]) => times.has(one) !== times.has(other)).length,
    }
  }
}

/** Whether nothing happened that may not. */
export function isGood({ failures, lost, doubled, torn, sessionsLeft }: Summary): boolean {
  return lost + doubled + torn + sessionsLeft === 0 && failures.every(({ calls, hadTo }) => calls === hadTo)
}

export function tables(summary: Summary): string {
  const { faults, freezes, calls, failures, lost, doubled, torn, sessionsLeft, slowestMillis } = summary
  const rows: [string, number][] = [
    ['freezes', freezes],
    ['calls', calls],
    ['failed', total(failures)],
    ['acknowledged inserts lost', lost],
    ['inserts doubled', doubled],
    ['transactions torn', torn],
    ['sessions left', sessionsLeft],
    ['slowest call, ms', Math.round(slowestMillis)],
  ]
  const figures = (lines: readonly (readonly [string, ...number[]])[]) =>
    lines.map(([name, ...numbers]) => [name, ...numbers.map((it) => it.toLocaleString('en'))])
  const all = [table(['fault', 'times'], figures(Object.entries(faults)), [1])]
  if (failures.length > 0) {
    const lines = failures.map(({ cause, calls, hadTo }) => [cause, calls, hadTo] as const)
    all.push(table(['failed calls', 'calls', 'that had to'], figures(lines), [1, 2]))
  }
  all.push(table(['', ''], figures(rows), [1]))
  return all.join('\n\n')
}

function total(failures: readonly Failures[]): number {
  return failures.reduce((sum, it) => sum + it.calls, 0)
}
