import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readPage } from './support/pages'
import { rowsOf, spansOf } from './support/tables'

describe('docs/elsewhere.md', () => {
  const rows = rowsOf(readPage('docs/elsewhere.md'))

  it('has a row for each place that was looked at, and says of each how', () => {
    expect(rows.length).toBeGreaterThan(8)
    for (const { place, test } of rows)
      expect([place, test === 'not tried' || spansOf(test ?? '').length > 0]).toEqual([place, true])
  })

  it.each(rows.flatMap(({ place, test = '' }) => spansOf(test).map((path) => [place, path] as const)))(
    'names a test of %s that is there: %s',
    (_place, path) => {
      expect(path).toMatch(/^test\/.*\.test\.ts$/)
      expect(existsSync(path)).toBe(true)
    },
  )
})
