import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { packagesFolder } from '../builders/support/packages'
import { ways } from '../builders/support/services'
import { readPage } from './support/pages'
import { rowsOf } from './support/tables'

const page = readPage('docs/deploying.md')

it('docs/deploying.md names each builder that the tests package with, and no other', () => {
  const told = rowsOf(page).flatMap(({ Builder = [] }) => Builder)
  expect(told).toEqual([...new Set(ways.map(({ builder }) => builder))])
})

it('docs/deploying.md names the versions that are installed for that', () => {
  const { dependencies } = JSON.parse(readFileSync(join(packagesFolder, 'package.json'), 'utf8'))
  const told = [...page.text.matchAll(/`([a-z-]+)` (\d+\.\d+\.\d+)/g)].map(
    ([, name, version]) => [name, version] as const,
  )
  // Which the stand-in makes zips with.
  const { archiver: _, ...named } = dependencies
  expect(Object.fromEntries(told)).toEqual(named)
})
