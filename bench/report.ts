import type { Row } from './bench.js'
import { find, isMet, type Target, targets } from './targets.js'

/** The rows of one bench, each beside the first of its unit, which is pg-thaw's. */
export function rowTable(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const first = rows.find(({ bench, unit }) => bench === row.bench && unit === row.unit)
    const ratio = first === undefined || first.value === 0 ? '–' : `${number(row.value / first.value)} ×`
    return [row.bench, row.contender, number(row.value), row.unit, ratio]
  })
  return table(['bench', 'contender', 'value', 'unit', 'of pg-thaw'], lines, [2, 4])
}

/** What was measured beside what it should be. Targets of benches that did not run are left out. */
export function targetTable(rows: readonly Row[]): string {
  const lines = targets.flatMap((target) => {
    const measured = measure(rows, target)
    if (measured === undefined) return []
    const { what, per, limit } = target
    const unit =
      per === undefined
        ? measured.unit
        : `× ${per.contender.startsWith('pg-thaw') ? `its own ${per.bench}` : per.contender}`
    return [[what, number(measured.value), unit, limitText(limit), isMet(limit, measured.value) ? 'yes' : 'NO']]
  })
  return table(['what', 'measured', '', 'target', 'met'], lines, [1])
}

function measure(rows: readonly Row[], { figure, per }: Target): { value: number; unit: string } | undefined {
  const row = find(rows, figure)
  if (row === undefined || per === undefined) return row
  const other = find(rows, per)
  return other && { value: row.value / other.value, unit: '' }
}

function limitText(limit: Target['limit']): string {
  return Object.entries(limit)
    .map(([name, value]) => `${name === 'atMost' ? '≤' : name === 'atLeast' ? '≥' : '<'} ${number(value)}`)
    .join('')
}

function number(value: number): string {
  const digits = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return value.toLocaleString('en', { maximumFractionDigits: digits })
}

/** Lays lines out as a table of Markdown, the columns of `right` to the right. */
export function table(
  heading: readonly string[],
  lines: readonly (readonly string[])[],
  right: readonly number[],
): string {
  const all = [heading, ...lines]
  const widths = heading.map((_, column) => Math.max(3, ...all.map((line) => line[column]?.length ?? 0)))
  const layOut = (line: readonly string[]) => {
    const cells = line.map((cell, column) => {
      const width = widths[column] ?? 0
      return right.includes(column) ? cell.padStart(width) : cell.padEnd(width)
    })
    return `| ${cells.join(' | ')} |`
  }
  const rule = widths.map((width, column) => (right.includes(column) ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)))
  return [layOut(heading), `| ${rule.join(' | ')} |`, ...lines.map(layOut)].join('\n')
}
