import { contenders, titles } from '../contenders/contender'
import type { DemoData, Grade } from './data'

export const marks: Readonly<Record<Grade, string>> = { holds: '✓', costs: '!', fails: '✗' }

/** The verdicts of a run, an act at a time, and where pg-thaw has no lead. */
export function table(data: DemoData): string {
  const rows = data.acts.flatMap(({ title, outcomes }, at) =>
    contenders.map((contender, line) => {
      const { grade, words } = outcomes[contender]
      return [line === 0 ? `${at + 1}. ${title}` : '', titles[contender], `${marks[grade]} ${words}`]
    }),
  )
  const head = ['act', 'contender', 'what it came to']
  const widths = head.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(head), rule, ...rows.map(line), '', ...noLead(data)].join('\n')
}

/** One sentence for each contender that does as well as pg-thaw, or better, in some act. */
export function noLead(data: DemoData): string[] {
  return contenders.flatMap((contender) => {
    if (contender === 'pg-thaw') return []
    const equal: number[] = []
    const better: number[] = []
    for (const [at, { outcomes }] of data.acts.entries()) {
      const order = compare(outcomes[contender], outcomes['pg-thaw'])
      if (order === 'equal') equal.push(at + 1)
      if (order === 'better') better.push(at + 1)
    }
    if (equal.length + better.length === 0) return []
    const parts = [
      ...(equal.length > 0 ? [`as good as pg-thaw in ${equal.join(', ')}`] : []),
      ...(better.length > 0 ? [`better in ${better.join(', ')}`] : []),
    ]
    return [`${titles[contender]} is ${parts.join(', and ')}.`]
  })
}

const ranks: Readonly<Record<Grade, number>> = { holds: 0, costs: 1, fails: 2 }

/** Scores within so much of each other are equal. */
const tolerance = 1.1

/** How an outcome compares to pg-thaw's: by its grade, then by its score, if there is one. */
export function compare(
  one: { grade: Grade; score?: number },
  thaw: { grade: Grade; score?: number },
): 'better' | 'equal' | 'worse' {
  if (one.grade !== thaw.grade) return ranks[one.grade] < ranks[thaw.grade] ? 'better' : 'worse'
  if (one.score === undefined || thaw.score === undefined) return 'equal'
  if (one.score > thaw.score * tolerance) return 'worse'
  return one.score * tolerance < thaw.score ? 'better' : 'equal'
}
