import type { Summary } from './summary'

const columns: readonly (readonly [heading: string, cell: (row: Summary) => number | null])[] = [
  ['calls', (row) => row.calls],
  ['failed', (row) => row.failed],
  ['crashes', (row) => row.crashes],
  ['connects', (row) => row.connects],
  ['p50 ms', (row) => row.p50Ms],
  ['p95 ms', (row) => row.p95Ms],
  ['most sessions', (row) => row.peakSessions],
  ['sessions left', (row) => row.leftSessions],
]

/** Lays the rows out as a table of Markdown, which reads well in a terminal too. */
export function table(rows: Readonly<Record<string, Summary>>): string {
  const cells = [
    ['', ...columns.map(([heading]) => heading)],
    ...Object.entries(rows).map(([name, row]) => [name, ...columns.map(([, cell]) => `${cell(row) ?? '–'}`)]),
  ]
  const widths = Array.from({ length: columns.length + 1 }, (_, column) => widest(cells, column))
  // Names to the left, numbers to the right.
  const lines = cells.map((line) => {
    const padded = line.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
    )
    return `| ${padded.join(' | ')} |`
  })
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [lines[0], `| ${rule.join(' | ')} |`, ...lines.slice(1)].join('\n')
}

function widest(cells: readonly (readonly string[])[], column: number): number {
  return Math.max(3, ...cells.map((line) => line[column]?.length ?? 0))
}
