import { describe, expect, it } from 'vitest'
import { benchNames } from '../../bench/bench'
import { readPage } from '../docs/support/pages'
import { shell } from './support/shell'

/** The table of docs/sizing.md that begins so. */
function documented(beginning: string): string {
  const tables = readPage('docs/sizing.md').blocks.map(({ code }) => code.replace(/^\$ .*\n/, ''))
  return tables.find((table) => table.startsWith(beginning)) ?? `none begins with "${beginning}"`
}

describe('the budget, as the docs show it', () => {
  it('of the stage that is deployed if nothing is said', async () => {
    expect((await shell('npx serverless pg-thaw budget')).stdout).toMatch(/^The functions fit: \d+ of 400 sessions\./)
  })

  it('of the stage prod', async () => {
    const { stdout: text } = await shell('npx serverless pg-thaw budget --stage prod')
    expect(text.trim()).toBe(documented('The functions fit: 465'))
  })

  it('behind a proxy', async () => {
    const { stdout: text } = await shell('npx serverless pg-thaw budget --stage prod --param proxy=true')
    expect(text.trim()).toBe(documented('The functions fit: 1346'))
  })
})

describe('the demo', () => {
  it('ends with a table in which pg-thaw has no failed call and leaves no session', { timeout: 240_000 }, async () => {
    const { stdout: text } = await shell('npm run demo')
    const [, calls, failed, ...rest] = cellsOf(text, 'pg-thaw')
    expect({ calls, failed, left: rest.at(-1) }).toEqual({ calls: '192', failed: '0', left: '0' })
  })
})

describe('the bench', () => {
  it('runs one by name', { timeout: 120_000 }, async () => {
    expect((await shell('npm run bench -- --only acquire-1')).stdout).toMatch(/acquire-1 +.*pg-thaw|pg-thaw +.*/)
  })

  it('runs all, and ends with the rows of each as one object', { timeout: 600_000 }, async () => {
    const lines = (await shell('npm run bench -- --json')).stdout.trim().split('\n')
    const { rows } = JSON.parse(lines.at(-1) ?? '') as { rows: { bench: string; contender: string; value: number }[] }
    expect([...new Set(rows.map(({ bench }) => bench))].sort()).toEqual([...benchNames].sort())
    for (const { value } of rows) expect(Number.isFinite(value)).toBe(true)
  })
})

/** The cells of the last row of a printed table that begins with a name. */
function cellsOf(text: string, name: string): string[] {
  const rows = text.split('\n').map((line) =>
    line
      .split(/ {2,}|\|/)
      .map((cell) => cell.trim())
      .filter((cell) => cell !== ''),
  )
  return rows.findLast(([first]) => first === name) ?? []
}
