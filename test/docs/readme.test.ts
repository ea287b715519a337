import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Pool } from '../../src/index'
import { KNOWN_OPTIONS } from '../../src/postgres/options/known-options'
import { type ResolvedOptions, resolveOptions } from '../../src/postgres/options/options'
import { warningsOfTheLibrary } from './support/codes'
import { proseOf, readPage } from './support/pages'
import { rowsOf, spansOf, type TableRow } from './support/tables'

const page = readPage('README.md')
const rows = rowsOf(page)

afterEach(() => vi.unstubAllEnvs())

describe('the options of the README', () => {
  const options = rows.filter((row) => 'default on Lambda' in row)

  it('are all that the pool has beside those of pg', () => {
    const [, own = ''] = readFileSync('src/postgres/options/options.ts', 'utf8').split('export interface PoolOptions')
    const names = [...(own.split('\n}\n')[0] ?? '').matchAll(/^ {2}(\w+)\?:/gm)].map(([, name = '']) => name)
    expect(names.length).toBeGreaterThan(20)
    const spans = proseOf(page).split('\n').flatMap(spansOf)
    // `ssl` is shown with its value.
    expect(names.filter((name) => !spans.some((span) => span === name || span.startsWith(`${name}: '`)))).toEqual([])
    const known = KNOWN_OPTIONS.flatMap(([names]) => names.split(' '))
    expect(options.filter(({ option = '' }) => !known.includes(spansOf(option)[0] ?? ''))).toEqual([])
  })

  it('have these defaults', () => {
    const elsewhere = resolveOptions({})
    vi.stubEnv('AWS_LAMBDA_FUNCTION_NAME', 'orders')
    const onLambda = resolveOptions({})
    let checked = 0
    for (const row of options) {
      const name = spansOf(row.option ?? '')[0] ?? ''
      const lambda = row['default on Lambda'] ?? ''
      for (const [cell, resolved] of [
        [lambda, onLambda],
        [row.elsewhere === 'the same' ? lambda : (row.elsewhere ?? ''), elsewhere],
      ] as const) {
        const actual = name === 'maxLifetimeSeconds' ? resolved.maxLifetimeMillis / 1000 : inForce(resolved, name)
        if (cell === '' || actual === undefined) continue
        expect(said(cell), `${name}: ${cell}`).toBe(actual)
        checked++
      }
    }
    expect(checked).toBeGreaterThan(25)
  })

  function inForce(resolved: ResolvedOptions, name: string): unknown {
    return name in resolved ? resolved[name as keyof ResolvedOptions] : undefined
  }

  /** `PG_THAW_MAX, 10` is 10; `0 (never)` and `none` are no limit. */
  function said(cell: string): unknown {
    if (cell === 'true' || cell === 'false') return cell === 'true'
    if (cell === 'none' || /^0 \((none|never)\)$/.test(cell)) return Number.POSITIVE_INFINITY
    const last = cell.split(', ').at(-1) ?? ''
    return spansOf(last)[0] ?? Number(last.replaceAll(' ', ''))
  }
})

it('the errors of the README are all that the pool has', () => {
  const codes = rows.filter((row) => 'class' in row).flatMap((row: TableRow) => spansOf(row.code ?? ''))
  const [, union = ''] = readFileSync('src/pool/errors.ts', 'utf8').split('export type PoolErrorCode =')
  const all = [...(union.split('\n\n')[0] ?? '').matchAll(/'(\w+)'/g)].map(([, code = '']) => code)
  expect(all.length).toBeGreaterThan(10)
  const known = all.map((code) => (code.startsWith('POOL_CREDENTIALS_') ? 'POOL_CREDENTIALS_…' : code))
  expect(new Set(codes.filter((code) => code.startsWith('POOL_')))).toEqual(new Set(known))
})

it('the process warnings of the README are all that the library has', () => {
  const codes = rows.filter((row) => 'warning' in row).flatMap((row) => spansOf(row.warning ?? ''))
  expect(codes.sort()).toEqual(warningsOfTheLibrary())
})

it('the counters of the README are there', async () => {
  await using pool = new Pool()
  const [, told = ''] = proseOf(page).split('- `stats()`: ')
  const names = spansOf(told.split('\n- ')[0]?.replaceAll('\n', ' ') ?? '')
  expect(names).toEqual(expect.arrayContaining(['joins', 'unfinished']))
  expect(Object.keys(pool.stats())).toEqual(expect.arrayContaining(names))
})

it('what the README says is needed is what the package asks for', () => {
  const { engines, peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'))
  const [node, pg] = [engines.node, peerDependencies.pg].map((range: string) => /\d+\.\d+/.exec(range)?.[0])
  expect(page.text).toContain(`Needed: Node.js ${node} and pg ${pg}, or later`)
})
