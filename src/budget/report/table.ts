import type { Budget, Demand } from '../budget.js'
import { isPooler } from '../settings/settings.js'

/** The budget's figures, a row for each function, and their sum. */
export function table({ demands, direct, proxy, reserve, limit, needed }: Budget): string[] {
  const head = ['function', 'target', 'environments', 'workers', 'pools', 'max', 'sessions']
  const rows = demands.map((demand) => [
    demand.name,
    demand.target,
    `${demand.environments} ${BOUND[demand.bound]}`,
    `× ${demand.workers}`,
    `× ${demand.pools}`,
    `× ${demand.max}`,
    sessionsOf(demand),
  ])
  const sum = (text: string, sessions: number) => [text, '', '', '', '', '', String(sessions)]
  const sums = [
    sum('functions, direct', direct),
    ...(proxy === undefined ? [] : [sum(`pooler (${proxy.source})`, proxy.sessions)]),
    sum('reserve', reserve),
    sum('needed', needed),
    sum(`allowed (${limit.source})`, limit.connections),
  ]
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const lastWidth = Math.max(widths.at(-1) ?? 0, ...sums.map((row) => row.at(-1)?.length ?? 0))
  const leading = widths.slice(0, -1).reduce((all, width) => all + width + 2, 0)
  const width = Math.max(leading, ...sums.map(([text = '']) => text.length + 2))
  const line = (row: readonly string[]) =>
    row
      .slice(0, -1)
      .map((cell, column) => pad(cell, widths[column] ?? 0, column > 2))
      .join('  ')
      .padEnd(width) + pad(row.at(-1) ?? '', lastWidth, true)
  const rule = '-'.repeat(width + lastWidth)
  return [
    line(head),
    rule,
    ...rows.map(line),
    rule,
    ...sums.map((row) => (row[0] ?? '').padEnd(width) + pad(row.at(-1) ?? '', lastWidth, true)),
  ]
}

const BOUND: Record<Demand['bound'], string> = {
  reserved: 'reserved',
  managed: 'at most',
  account: 'of the account',
}

/** What goes to a pooler is no session of the database: in brackets, since it is not in the sum. */
function sessionsOf({ sessions, target, bound, max }: Demand): string {
  if (bound === 'account' && sessions === 0 && max > 0) return 'shared'
  return isPooler(target) ? `(${sessions})` : String(sessions)
}

function pad(text: string, width: number, right: boolean): string {
  return right ? text.padStart(width) : text.padEnd(width)
}
