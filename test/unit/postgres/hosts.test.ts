import { describe, expect, it } from 'vitest'
import { PoolOptionError } from '../../../src/index'
import { hostsIn } from '../../../src/postgres/connection/opening/hosts'
import type { PoolOptions } from '../../../src/postgres/options/options'

const optionsOf = (options: PoolOptions, variables = {}) => hostsIn(options, variables).map((it) => it.options)
const strings = (connectionString: string, variables = {}) =>
  optionsOf({ connectionString }, variables).map((it) => it.connectionString)

describe('the hosts that options name', () => {
  it('are named in errors: what may be a part of a password, where a URL is not what it was meant to be, is no name', () => {
    const namesOf = (options: PoolOptions) => hostsIn(options, {}).map(({ name }) => name)
    expect(namesOf({ host: 'a,b', port: '1,2' })).toEqual(['a:1', 'b:2'])
    expect(namesOf({ host: 'a' })).toEqual(['a'])
    expect(namesOf({ connectionString: 'postgres://user:pass#word@db/x' })).toEqual(['user'])
  })

  it.each<[PoolOptions, Record<string, string>]>([
    [{}, {}],
    [{ host: 'db' }, {}],
    [{ host: 'db', port: 5433 }, { PGHOST: 'a,b' }],
    [{ connectionString: 'postgres://u:p,w@db/x' }, { PGHOST: 'a,b' }],
    [{ connectionString: '/var/run/a,b db' }, {}],
    [{ connectionString: '/var/run db', host: 'a,b' }, { PGHOST: 'a,b' }],
    [{ connectionString: 'socket:/var/run?db=db' }, { PGHOST: 'a,b', PGPORT: '1,2' }],
    [{ connectionString: 'postgres://db/x?host=/tmp' }, {}],
  ])('are left to pg where there is one: %o', (options, variables) => {
    expect(optionsOf(options, variables)).toEqual([{}])
  })

  it.each<[PoolOptions, Record<string, string>, [string, number][]]>([
    [
      { host: 'a,b' },
      {},
      [
        ['a', 5432],
        ['b', 5432],
      ],
    ],
    [
      { host: 'a, b', port: 6000 },
      {},
      [
        ['a', 6000],
        ['b', 6000],
      ],
    ],
    [
      { host: 'a,::1,/tmp', port: '1,2,3' },
      { PGPORT: '9' },
      [
        ['a', 1],
        ['::1', 2],
        ['/tmp', 3],
      ],
    ],
    [
      {},
      { PGHOST: 'a,b', PGPORT: '1,2' },
      [
        ['a', 1],
        ['b', 2],
      ],
    ],
  ])('each have a port of their own, or all the same: %o %o', (options, variables, expected) => {
    expect(optionsOf(options, variables)).toEqual(expected.map(([host, port]) => ({ host, port })))
  })

  it.each([
    ['postgres://u:p@a:1,b:2/db', ['postgres://u:p@a:1/db', 'postgres://u:p@b:2/db']],
    ['postgres://u:p,%40w@a,b:2/db?x=1', ['postgres://u:p,%40w@a:5432/db?x=1', 'postgres://u:p,%40w@b:2/db?x=1']],
    ['postgresql://[::1]:1,[::2]', ['postgresql://[::1]:1', 'postgresql://[::2]:5432']],
    ['postgres://u@/db?host=a,b&port=1,2', ['postgres://u@a:1/db?', 'postgres://u@b:2/db?']],
    [
      'postgres://u@/db?host=::1,/tmp&port=7&sslmode=disable',
      ['postgres://u@[::1]:7/db?sslmode=disable', 'postgres://u@%2Ftmp:7/db?sslmode=disable'],
    ],
  ])('stand in a connection string: %s', (text, expected) => {
    expect(strings(text)).toEqual(expected)
  })

  it('of the environment and of the options are what a connection string lacks', () => {
    expect(strings('postgres:///db', { PGHOST: 'a,b', PGPORT: '1,2' })).toEqual([
      'postgres://a:1/db',
      'postgres://b:2/db',
    ])
    expect(optionsOf({ connectionString: 'postgres://u@/db', host: 'a,b', port: 3 })).toEqual([
      { connectionString: 'postgres://u@a:3/db' },
      { connectionString: 'postgres://u@b:3/db' },
    ])
  })

  it('are named by an address', () => {
    expect(hostsIn({ connectionString: 'postgres://u:secret@a,b:2/db' }, {}).map(({ name }) => name)).toEqual([
      'a:5432',
      'b:2',
    ])
  })

  it.each<[string, PoolOptions]>([
    ['port', { host: 'a,b,c', port: '1,2' }],
    ['port', { host: 'a', port: '1,2' }],
    ['port', { connectionString: 'postgres:///db?host=a,b,c&port=1,2' }],
    ['connectionString', { connectionString: 'postgres://a:1,b:99999/db' }],
    ['connectionString', { connectionString: 'postgres://a:1,b:x/db' }],
    ['host', { host: 'a,,b' }],
    ['connectionString', { connectionString: 'postgres://u:secret@a:1,/db' }],
  ])('are refused by the name of %s: %o', (option, options) => {
    const refused = () => hostsIn(options, {})
    expect(refused).toThrow(PoolOptionError)
    expect(refused).toThrow(expect.objectContaining({ option }))
    expect(refused).not.toThrow(/secret/)
  })
})
