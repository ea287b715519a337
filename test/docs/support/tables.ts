import type { Page } from './pages'

/** One row of a table in a page, by the heads of its columns. */
export type TableRow = Readonly<Record<string, string>>

/** The rows of all tables of a page, formatting included. */
export function rowsOf({ text }: Page): TableRow[] {
  const rows: TableRow[] = []
  let heads: string[] | undefined
  for (const line of text.split('\n')) {
    if (!line.startsWith('|')) heads = undefined
    else if (heads === undefined) heads = cellsOf(line)
    else if (!/^\|[ :|-]+\|$/.test(line)) {
      const cells = cellsOf(line)
      rows.push(Object.fromEntries(heads.map((head, index) => [head.replaceAll('`', ''), cells[index] ?? ''])))
    }
  }
  return rows
}

/** What stands in code spans of a cell. */
export function spansOf(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span)
}

function cellsOf(line: string): string[] {
  return line
    .slice(1, -1)
    .split('|')
    .map((cell) => cell.trim())
}
