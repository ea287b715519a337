import type { Comparison, Row } from './comparison.js'

/** Fits as well as another one that costs so many times as much. */
const NEARLY = 1.02

const COLUMNS = ['', 'connects of warm calls', 'idle sessions', 'cost'] as const

/** A comparison as text. */
export function reportOf(comparison: Comparison, connectMillis: number, passedOver: number): string {
  const { calls, functions, environments, mostAtOnce, from, to, rows } = comparison
  const whose = functions > 1 ? ` of ${count(functions, 'function')}` : ''
  const lines = [
    `${count(calls, 'call')}${whose} in ${lasting(to - from)}: ${count(environments, 'environment')}, at most ${count(mostAtOnce)} at once`,
    ...(passedOver > 0 ? [`Passed over: ${count(passedOver, 'row')} without a call`] : []),
    '',
    ...table([COLUMNS, ...rows.map(cells)]),
    '',
    `Cost 1 is what somebody would pay who knew when each next call comes. A connect costs as much as ${seconds(connectMillis)} of an idle session.`,
    '',
    adviceOf(comparison),
    `With \`max: 1\` the database needs room for ${count(mostAtOnce, 'session')} at once, and for those that are idle beside.`,
  ]
  return `${lines.join('\n')}\n`
}

function cells({ name, warm, connects, idleSessions, cost }: Row): string[] {
  const part = warm > 0 ? ` (${Math.round((100 * connects) / warm)} %)` : ''
  return [name, `${count(connects)}${part}`, idleSessions.toFixed(2), cost.toFixed(2)]
}

/** The cheapest that can be had by options, and nothing where that is what the pool does by itself. */
function adviceOf({ rows, bestLeaseMillis }: Comparison): string {
  const cheapest = rows.reduce((best, it) => (it.cost < best.cost ? it : best))
  const own = rows.find(({ name }) => name === "pooling: 'auto'") ?? cheapest
  if (own.cost <= cheapest.cost * NEARLY) return 'What fits: leave `min`, `pooling` and `leaseMillis` out.'
  const against = `costs ${cheapest.cost.toFixed(2)} against ${own.cost.toFixed(2)} of what the pool does by itself`
  const options = cheapest.name.startsWith('min') ? `min: 1, leaseMillis: ${bestLeaseMillis}` : cheapest.name
  return `What fits: \`${options}\` ${against}.`
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = COLUMNS.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] as number) : cell.padStart(widths[at] as number)))
      .join('   '),
  )
}

function count(number: number, what = ''): string {
  return `${number.toLocaleString('en-US')} ${what}${what !== '' && number !== 1 ? 's' : ''}`.trim()
}

function seconds(millis: number): string {
  return `${millis / 1000} s`
}

function lasting(millis: number): string {
  const minutes = Math.round(millis / 60_000)
  if (minutes < 1) return seconds(1000 * Math.round(millis / 1000))
  const hours = Math.floor(minutes / 60)
  return hours > 0 ? `${hours} h ${minutes % 60} min` : `${minutes} min`
}
