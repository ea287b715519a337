import { describe, expect, it } from 'vitest'
import { acts } from '../../demo/acts/index'
import type { DemoData } from '../../demo/report/data'
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
    expect(text.trim()).toBe(documented('The functions fit: 262'))
  })

  it('behind a proxy', async () => {
    const { stdout: text } = await shell('npx serverless pg-thaw budget --stage prod --param proxy=true')
    expect(text.trim()).toBe(documented('The functions fit: 1346'))
  })
})

describe('the demo', () => {
  it('ends with a table of all acts, and a page that it names', { timeout: 240_000 }, async () => {
    const { stdout: text } = await shell('npm run demo')
    for (const [at, { title }] of acts.entries())
      expect(cellsOf(text, `${at + 1}. ${title}`)[1]).toBe('pg.Pool, defaults')
    expect(text).toContain('Written: build/demo.html')
  })

  it('plays an act by name, and prints its data on the last line', async () => {
    const { stdout } = await shell('npm run demo -- --json --act open-transaction')
    const data = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as DemoData
    expect(data.acts.map(({ name }) => name)).toEqual(['open-transaction'])
  })
})

describe('the bench', () => {
  it('runs one by name, and says which targets were met', async () => {
    const { stdout } = await shell('npm run bench -- --only acquire-1')
    expect(cellsOf(stdout, 'acquire-1')[1]).toBe('bare stack')
    expect(stdout).toMatch(/acquire and release.*(yes|NO)/)
  })

  it('ends with all rows as one object', async () => {
    const { stdout } = await shell('npm run bench -- --json --only load,bundle')
    const { rows } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { rows: { bench: string; value: number }[] }
    expect(new Set(rows.map(({ bench }) => bench))).toEqual(new Set(['load', 'bundle']))
    for (const { value } of rows) expect(Number.isFinite(value)).toBe(true)
  })

  it('has a first token of ours and of the AWS SDK', async () => {
    const { stdout } = await shell('npm run bench -- --only token')
    expect(cellsOf(stdout, 'token').slice(1)).toEqual([
      "AWS's Signer, from its files",
      expect.stringMatching(/^[\d.,]+$/),
      'ms wall, keys of a container',
      expect.stringMatching(/ ×$/),
    ])
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
