import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Pool } from '../../src/index'
import { RETIRE_REASONS } from '../../src/pool/slot'
import { KNOWN_OPTIONS } from '../../src/postgres/options/known-options'
import { type ResolvedOptions, resolveOptions } from '../../src/postgres/options/options'
import { warningsOfTheLibrary } from './support/codes'
import { proseOf, readPage } from './support/pages'
import { rowsOf, spansOf, type TableRow } from './support/tables'

const page = readPage('docs/reference.md')
const rows = rowsOf(page)

afterEach(() => vi.unstubAllEnvs())

describe('the options of docs/reference.md', () => {
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
    vi.stubEnv('AWS_LAMBDA_RUNTIME_API', '127.0.0.1:9001')
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

it('the errors of docs/reference.md are all that the pool has', () => {
  const codes = rows.filter((row) => 'class' in row).flatMap((row: TableRow) => spansOf(row.code ?? ''))
  const [, union = ''] = readFileSync('src/pool/errors.ts', 'utf8').split('export type PoolErrorCode =')
  const all = [...(union.split('\n\n')[0] ?? '').matchAll(/'(\w+)'/g)].map(([, code = '']) => code)
  expect(all.length).toBeGreaterThan(10)
  const known = all.map((code) => (code.startsWith('POOL_CREDENTIALS_') ? 'POOL_CREDENTIALS_…' : code))
  expect(new Set(codes.filter((code) => code.startsWith('POOL_')))).toEqual(new Set(known))
})

it('the process warnings of docs/reference.md are all that the library has', () => {
  const codes = rows.filter((row) => 'warning' in row).flatMap((row) => spansOf(row.warning ?? ''))
  expect(codes.sort()).toEqual(warningsOfTheLibrary())
})

describe('the counters of docs/reference.md', () => {
  it('are all that `stats()` has', async () => {
    await using pool = new Pool()
    const names = rows.flatMap((row) => ('names' in row ? spansOf(row.names ?? '') : []))
    expect(names.sort()).toEqual(Object.keys(pool.stats()).sort())
  })

  it('have all reasons for which connections are closed', () => {
    const reasons = rows.flatMap((row) => spansOf(row['reason in retired'] ?? ''))
    expect(reasons.sort()).toEqual([...RETIRE_REASONS].sort())
  })
})

it('the channels of docs/reference.md are all that the library has', () => {
  const channels = readFileSync('src/registry/channels.ts', 'utf8')
  const told = (head: string) => rows.flatMap((row) => spansOf(row[head] ?? '')).sort()
  const published = (call: string) =>
    [...channels.matchAll(new RegExp(`= ${call}\\('(.*)'\\)`, 'g'))].map(([, it]) => it)
  expect(published('channel').length).toBeGreaterThan(5)
  expect(told('channel')).toEqual(published('channel').sort())
  expect(published('timed').length).toBeGreaterThan(2)
  expect(told('tracing channel')).toEqual(published('timed').sort())
})

it('what docs/reference.md says can be imported is what the package exports', () => {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8'))
  const entries = rows.flatMap((row) => spansOf(row.from ?? ''))
  const paths = entries.map((it) => it.replace(/^(pg-thaw)?\/?/, './').replace(/\/$/, ''))
  const all = Object.keys(exports).filter((it) => it !== './package.json')
  expect(paths.map((it) => (it === './' ? '.' : it)).sort()).toEqual(all.sort())
})
