import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { type Call, environmentsOf, type History } from '../../../../src/replay/environments'
import { randomOf } from '../../../../src/replay/random'

/** One function of the recorded day. */
export interface RecordedFunction {
  readonly calls: number
  readonly environments: readonly History[]
}

/** Where in its minute a call lies: as a timer would have it, at the same second in each; or anywhere. */
export type Order = 'timers' | 'chance'

const MINUTE_MILLIS = 60_000

/** Parts of the runs that took no longer than the columns say. */
const PARTS = [0, 0.01, 0.25, 0.5, 0.75, 0.99, 1]

/** The recorded day, the same for each call with the same order. */
export function recordedDay(order: Order): RecordedFunction[] {
  const random = randomOf(42)
  const runs = new Map(rowsOf('runs').map((row) => [row[2], row.slice(-PARTS.length).map(Number)]))
  return rowsOf('calls').map((row) => {
    const percentiles = runs.get(row[2]) ?? []
    const second = random()
    const calls: Call[] = row.slice(3).flatMap((count, minute) =>
      Array.from({ length: Number(count) }, (_, place) => {
        const within = order === 'timers' ? (second + place / Number(count)) % 1 : random()
        return { at: (minute + within) * MINUTE_MILLIS, millis: drawn(percentiles, random()) }
      }),
    )
    calls.sort((one, other) => one.at - other.at)
    return { calls: calls.length, environments: environmentsOf(calls, random) }
  })
}

function rowsOf(name: string): string[][] {
  const text = gunzipSync(readFileSync(join(__dirname, '..', 'recorded-day', `${name}.csv.gz`))).toString()
  const [, ...lines] = text.trim().split('\n')
  return lines.map((line) => line.split(','))
}

/** Between two percentiles the runs are taken to lie evenly. */
function drawn(percentiles: readonly number[], part: number): number {
  const place = PARTS.findIndex((it) => part <= it)
  const above = Math.max(1, place)
  const [from, to] = [PARTS[above - 1] as number, PARTS[above] as number]
  const [least, most] = [percentiles[above - 1] as number, percentiles[above] as number]
  return least + ((part - from) / (to - from)) * (most - least)
}
