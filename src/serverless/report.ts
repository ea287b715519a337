import type { Budget, Demand } from './budget.js'
import { isPooler } from './settings.js'

/** The budget as a table, with what to change where it does not fit. */
export function report(budget: Budget): string {
  const { limit, fits } = budget
  const verdict = fits
    ? `The functions fit: ${budget.needed} of ${limit.connections} sessions.`
    : overdraft(budget) > 0
      ? `The functions could open more sessions than the database has: ${budget.needed} of ${limit.connections}.`
      : `The functions could be more clients than the pooler takes: ${budget.proxied} of ${budget.proxy?.clients}.`
  const parts = [verdict, '', ...table(budget)]
  const notes = notesOn(budget)
  if (notes.length > 0) parts.push('', ...notes)
  if (!fits) parts.push('', 'What to change, any one of:', ...remedies(budget).map((remedy) => `  - ${remedy}`))
  return parts.join('\n')
}

function table({ demands, direct, proxy, reserve, limit, needed }: Budget): string[] {
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

function notesOn({ demands, proxy, proxied, leftBehind }: Budget): string[] {
  const notes: string[] = []
  if (proxy !== undefined) {
    notes.push(
      `(…) are clients of the pooler, ${proxied} in all${proxy.clients === undefined ? '' : ` of ${proxy.clients}`}; when more than ${proxy.sessions} of them have a transaction open, the others wait.`,
    )
  }
  const unbounded = demands.filter(({ bound, max }) => bound === 'account' && max > 0).map(({ name }) => name)
  if (unbounded.length > 0) {
    notes.push(`Without reservedConcurrency, and so bounded by the account alone: ${unbounded.join(', ')}.`)
  }
  if (leftBehind > 0) {
    notes.push(`For the length of a lease after a deploy, environments of the code before may hold ${leftBehind} more.`)
  }
  return notes
}

function overdraft({ needed, limit }: Budget): number {
  return needed - limit.connections
}

function remedies(budget: Budget): string[] {
  const { demands, proxy, limit } = budget
  const over = overdraft(budget)
  const isDirect = over > 0
  const excess = isDirect ? over : budget.proxied - (proxy?.clients ?? 0)
  const rivals = demands.filter(({ target, max }) => isPooler(target) !== isDirect && max > 0)
  const found = [...rivals]
    .sort((a, b) => b.sessions - a.sessions)
    .filter(({ bound }) => bound !== 'account')
    .flatMap((demand) => remediesOf(demand, excess))
  found.unshift(...remediesOfAll(rivals, excess))
  if (isDirect) found.push(limit.raise(budget.needed))
  if (isDirect && proxy !== undefined && proxy.sessions > over) {
    found.push(`let the pooler open ${proxy.sessions - over} (now ${proxy.sessions}: ${proxy.source})`)
  }
  if (isDirect && proxy === undefined) found.push('put RDS Proxy or PgBouncer in between, and set custom.pgThaw.target')
  if (!isDirect) found.push('let the pooler take more clients, and set custom.pgThaw.proxy.clients')
  return found
}

/** The largest concurrency, and the largest `max`, with which this function alone makes up for the excess. */
function remediesOf({ name, bound, environments, workers, pools, max, sessions }: Demand, excess: number): string[] {
  const rest = sessions - excess
  const found: string[] = []
  const fitting = Math.floor(rest / (workers * pools * max))
  const fittingMax = Math.floor(rest / (environments * workers * pools))
  const what = bound === 'managed' ? 'FunctionScalingConfig.MaxExecutionEnvironments' : 'reservedConcurrency'
  const fittingWorkers = Math.floor(rest / (environments * pools * max))
  if (fitting >= 1) found.push(`functions.${name}: ${what} of ${fitting} or less (now ${environments})`)
  if (bound === 'managed' && fittingWorkers >= 1) {
    found.push(`custom.pgThaw.functions.${name}.workers of ${fittingWorkers} or less (now ${workers})`)
  }
  if (fittingMax >= 1) found.push(`custom.pgThaw.functions.${name}.max of ${fittingMax} or less (now ${max})`)
  return found
}

/** Functions without a bound have to be given one all together: what is taken from one of them is open to the next. */
function remediesOfAll(rivals: readonly Demand[], excess: number): string[] {
  const unbounded = rivals.filter(({ bound }) => bound === 'account')
  const sessions = Math.max(0, ...unbounded.map((demand) => demand.sessions))
  const perEnvironment = unbounded.reduce((sum, { workers, pools, max }) => sum + workers * pools * max, 0)
  const fitting = Math.floor((sessions - excess) / perEnvironment)
  if (!(fitting >= 1)) return []
  const names = unbounded.map(({ name }) => name)
  const each = names.length === 1 ? `functions.${names[0]}` : `functions ${names.join(', ')}, each`
  return [`${each}: reservedConcurrency of ${fitting} or less (now none)`]
}
