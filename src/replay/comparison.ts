import { environmentsOf, type History } from './environments.js'
import { pooling } from './policies.js'
import { randomOf } from './random.js'
import type { Recorded } from './read-calls.js'
import { costOf, leastCost, type Outcome, type Policy, replay } from './replay.js'

/** What is replayed, and at which price. */
export interface Terms {
  /** What a connect is worth: so much time of an idle session, ms. */
  readonly connectMillis: number
  /** How long the function may run, ms. */
  readonly timeoutMillis: number
  /** Of what is left to chance: when environments are reclaimed. */
  readonly seed: number
}

/** One policy, and what it came to. */
export interface Row extends Outcome {
  readonly name: string
  /** Connects of warm calls. */
  readonly connects: number
  /** On average, over the time of the record: what is idle after its end is not in it. */
  readonly idleSessions: number
  /** Times what somebody would pay who knew when each next call comes; 1 where nobody has to pay. */
  readonly cost: number
  /** Idle sessions on average in each of {@link Comparison.moments} parts of the record. */
  readonly overTime: readonly number[]
}

/** Policies beside each other. */
export interface Comparison {
  readonly calls: number
  readonly functions: number
  /** That were started: as many as there were cold calls. */
  readonly environments: number
  /** Most environments that ran at the same time. */
  readonly mostAtOnce: number
  /** From the first call to the end of the last one, ms since 1970. */
  readonly from: number
  readonly to: number
  readonly rows: readonly Row[]
  /** The lease of the cheapest row that keeps one connection for a lease of its own, ms. */
  readonly bestLeaseMillis: number
}

const PARTS = 240

/** Leases that are tried for what is always kept, ms. */
const LEASES_MILLIS = [15, 30, 45, 60, 75, 90, 130, 180, 240, 300].map((it) => 1000 * it)

/** Replays a record with the policies that there are. */
export function compare({ functions, calls }: Recorded, terms: Terms): Comparison {
  const random = randomOf(terms.seed)
  const histories = [...functions.values()].flatMap((its) => environmentsOf(its, random))
  const [from, to] = boundsOf(histories)
  const least = leastCost(histories, terms.connectMillis)
  const row = (name: string, policy: Policy): Row => {
    const overTime = new Array<number>(PARTS).fill(0)
    const outcome = replay(histories, policy, (since, until) => spread(overTime, since, until, from, to))
    const { warm, reused } = outcome
    const connects = warm - reused
    const cost = least > 0 ? costOf(outcome, terms.connectMillis) / least : 1
    return {
      name,
      ...outcome,
      connects,
      idleSessions: overTime.reduce((sum, it) => sum + it, 0) / PARTS,
      cost,
      overTime,
    }
  }
  const own = (options: Parameters<typeof pooling>[0]) => pooling(options, terms.timeoutMillis)
  const kept = (leaseMillis: number) =>
    row(`min: 1, leaseMillis: ${leaseMillis}`, own({ pooling: 'auto', min: 1, leaseMillis }))
  const cheapest = LEASES_MILLIS.map((lease) => ({ lease, row: kept(lease) })).reduce((best, it) =>
    it.row.cost < best.row.cost ? it : best,
  )
  return {
    calls,
    functions: functions.size,
    environments: histories.length,
    mostAtOnce: mostAtOnce(histories),
    from,
    to,
    bestLeaseMillis: cheapest.lease,
    rows: [
      row("pooling: 'never'", own({ pooling: 'never', min: undefined })),
      row("pooling: 'auto'", own({ pooling: 'auto', min: undefined })),
      cheapest.row,
      row("pooling: 'always', leaseMillis: 300000", own({ pooling: 'always', min: 1, leaseMillis: 300_000 })),
    ],
  }
}

function boundsOf(histories: readonly History[]): [from: number, to: number] {
  let [from, to] = [Infinity, -Infinity]
  for (const { begins, ends } of histories) {
    from = Math.min(from, begins[0] ?? from)
    to = Math.max(to, ends.at(-1) ?? to)
  }
  // A single call of no length would be no time at all.
  return [from, Math.max(to, from + 1)]
}

/** Adds a session that was idle for a while to each part of the time, by how long it was there. */
function spread(parts: number[], since: number, until: number, from: number, to: number): void {
  const length = (to - from) / parts.length
  const last = Math.min(until, to)
  for (let part = Math.floor((since - from) / length); part < parts.length && from + part * length < last; part += 1) {
    const [begins, ends] = [from + part * length, from + (part + 1) * length]
    parts[part] = (parts[part] as number) + (Math.min(last, ends) - Math.max(since, begins)) / length
  }
}

function mostAtOnce(histories: readonly History[]): number {
  const begins = Float64Array.from(histories.flatMap((it) => it.begins as number[])).sort()
  const ends = Float64Array.from(histories.flatMap((it) => it.ends as number[])).sort()
  let [most, over] = [0, 0]
  for (const [at, begin] of begins.entries()) {
    while ((ends[over] as number) <= begin) over += 1
    most = Math.max(most, at + 1 - over)
  }
  return most
}
