import { describe, expect, it } from 'vitest'
import { isShareable, mayRunTwice } from '../../../src/postgres/query/texts'

describe('a query may share its connection', () => {
  it.each([
    'SELECT 1',
    '  select 1;  ',
    'INSERT INTO t VALUES (1) RETURNING id',
    'UPDATE t SET n = 1',
    'DELETE FROM t',
    'WITH a AS (SELECT 1) SELECT * FROM a',
    'VALUES (1)',
    'TABLE t',
    'SHOW work_mem',
    'MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE',
  ])('%s', (text) => {
    expect(isShareable(text)).toBe(true)
    expect(isShareable({ text, values: [1], rowMode: 'array' })).toBe(true)
  })
})

describe('a query runs alone', () => {
  it.each([
    'BEGIN',
    'START TRANSACTION',
    'COMMIT',
    'ROLLBACK',
    'SAVEPOINT s',
    'SET search_path = x',
    'RESET ALL',
    'LISTEN news',
    'LOCK t',
    'DISCARD ALL',
    'PREPARE p AS SELECT 1',
    'DECLARE c CURSOR FOR SELECT 1',
    'COPY t FROM STDIN',
    'CREATE TEMP TABLE t (n int)',
    'CALL p()',
    'DO $$ $$',
    'SELECT 1; BEGIN',
    "SELECT 'a;b'",
    'SELECTED',
    "SELECT set_config('search_path', 'x', false)",
    'SELECT pg_advisory_lock(1)',
    'select pg_try_advisory_xact_lock (1)',
    'SELECT * INTO TEMP t FROM u',
    'SELECT lo_create(0)',
    '',
  ])('%s', (text) => {
    expect(isShareable(text)).toBe(false)
  })

  it.each([
    ['a Submittable', { submit: () => {}, text: 'SELECT 1' }],
    ['a named statement', { name: 'n', text: 'SELECT 1' }],
    ['one with a row limit', { rows: 10, text: 'SELECT 1' }],
    ['one with a time limit', { query_timeout: 100, text: 'SELECT 1' }],
    ['one without a text', {}],
    ['none', null],
    ['undefined', undefined],
  ])('%s', (_name, query) => {
    expect(isShareable(query)).toBe(false)
  })
})

describe('a long text', () => {
  it.each([
    ['a long word', `SELECT length('${'x'.repeat(200_000)}')`],
    ['many words', `SELECT length('${'word '.repeat(40_000)}')`],
    ['white space', `SELECT length('a${' '.repeat(200_000)}')`],
    ['quotes', `SELECT length('${'"'.repeat(200_000)}')`],
    ['parentheses', `SELECT ${'('.repeat(100_000)}1${')'.repeat(100_000)}`],
    ['comments', `${'/* a */'.repeat(30_000)} SELECT 1`],
    ['dots', `SELECT ${'a.'.repeat(100_000)}b`],
    ['semicolons', `SELECT 1${'; '.repeat(100_000)}`],
  ])('is looked through in no time: %s', (_, text) => {
    const began = performance.now()
    isShareable(text)
    mayRunTwice(text)
    expect(performance.now() - began).toBeLessThan(200)
  })
})
