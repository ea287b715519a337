import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { faces } from '../handlers/support/faces'
import { plainWays, ways } from '../handlers/support/ways'
import { readPage } from './support/pages'
import { rowsOf } from './support/tables'

const rows = rowsOf(readPage('docs/handlers.md'))

/** What needs no package. */
const plain = [...Object.keys(plainWays), ...Object.keys(faces)]

/** What is installed for the tests, by name: `name 1.2.3`, whatever it is called there. */
const installed = Object.entries(dependencies()).map(([name, version]) => {
  const [, real = name, exact = version] = /^npm:(.+)@(.+)$/.exec(version) ?? []
  return `${real} ${exact}`
})

function dependencies(): Record<string, string> {
  return JSON.parse(readFileSync(join('test', 'handlers', 'packages', 'package.json'), 'utf8')).dependencies
}

describe('the table of docs/handlers.md', () => {
  it('names each way to make a handler that the tests know, and no other', () => {
    expect(rows.map(({ Handler }) => Handler)).toEqual([...plain, ...Object.keys(ways)])
  })

  it('names the versions that are tested', () => {
    const told = rows.flatMap(({ With = '' }) => With.split(', ').filter((it) => it !== ''))
    expect(told.map((it) => it.replaceAll('`', '')).filter((it) => !installed.includes(it))).toEqual([])
  })

  it('names the Node.js that each is tested on', () => {
    const tested = Object.values(ways).map(({ node = 20 }) => String(node))
    expect(rows.slice(plain.length).map((row) => row['Node.js'])).toEqual(tested)
  })
})
