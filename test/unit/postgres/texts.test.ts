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
    "SELECT set_config/**/('search_path', 'x', false)",
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

describe('a query may be sent to a connection that may be dead, and again elsewhere', () => {
  it.each([
    'SELECT 1',
    '/* who */ SELECT count(*), lower(name) FROM users WHERE id IN ($1, $2) GROUP BY 2',
    'SELECT * FROM a JOIN b USING (id) WHERE EXISTS (SELECT 1) AND x = ANY($1)',
    'SELECT row_number() OVER (PARTITION BY a), CAST(x AS numeric(10, 2)) FROM t',
    'WITH a AS (SELECT 1 AS n) SELECT sum(n) FROM a',
    'VALUES (1), (2)',
    'TABLE t',
    'SHOW work_mem',
    'SELECT last_update, deleted, insert_id FROM t',
  ])('%s', (text) => {
    expect(mayRunTwice(text)).toBe(true)
    expect(mayRunTwice({ text, values: [1] })).toBe(true)
  })

  it('whatever its caller says may run twice', () => {
    expect(mayRunTwice({ text: 'UPDATE t SET n = 1', idempotent: true })).toBe(true)
  })
})

describe('a query is sent to a connection that is known to be alive', () => {
  it.each([
    'INSERT INTO t VALUES (1)',
    'SELECT * FROM t FOR UPDATE',
    'SELECT * FROM t FOR NO KEY UPDATE',
    'SELECT * FROM t FOR SHARE',
    'WITH a AS (DELETE FROM t RETURNING 1) SELECT * FROM a',
    'SELECT * INTO u FROM t',
    'SELECT create_order($1)',
    'SELECT app.now()',
    'SELECT hr.emp$count(1)',
    'SELECT pkg$trim($1)',
    'SELECT écount(1)',
    'SELECT my_write/**/(1)',
    'SELECT my_write--\n(1)',
    'SELECT now() /* or never */',
    'SELECT "lower" (x) FROM t',
    'SELECT nextval($1)',
    'SELECT pg_notify($1, $2)',
    'SELECT 1; SELECT 2',
    'EXPLAIN ANALYZE DELETE FROM t',
    'BEGIN',
    '',
  ])('%s', (text) => {
    expect(mayRunTwice(text)).toBe(false)
  })

  it.each([
    ['a Submittable', { text: 'SELECT 1', submit() {} }],
    ['one with a time limit', { text: 'SELECT 1', query_timeout: 5 }],
    ['one without a text', { name: 'x', idempotent: true }],
    ['none', null],
    ['undefined', undefined],
  ])('%s', (_, query) => {
    expect(mayRunTwice(query)).toBe(false)
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
