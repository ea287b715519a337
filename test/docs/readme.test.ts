import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { readPage } from './support/pages'
import { rowsOf } from './support/tables'

const { text } = readPage('README.md')

it('what the README says is needed is what the package asks for', () => {
  const { engines, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  const [node, pg] = [engines.node, peerDependencies.pg].map((range: string) => /\d+\.\d+/.exec(range)?.[0])
  for (const page of [text, readPage('docs/reference.md').text]) {
    expect(page).toContain(`Node.js ${node} and pg ${pg}, or later`)
  }
})

it('the README can be read in a few minutes', () => {
  expect(text.split(/\s+/).length).toBeLessThanOrEqual(1100)
})

it('the README has the figures of the bench and of the soak', () => {
  const [, here, stock] = /(\d+) µs instead of (\d+) for a row by its key/.exec(text) ?? []
  expect(readPage('docs/bench.md').text).toMatch(
    new RegExp(`^\\| by primary key: µs of wall time.*\\| ${here}, .*\\| ${stock}, `, 'm'),
  )
  const [, freezes] = /([\d,]+) freezes while/.exec(text) ?? []
  expect(rowsOf(readPage('docs/soak.md')).flatMap((row) => Object.values(row))).toContain(freezes)
})
