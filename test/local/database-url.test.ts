import { describe, expect, it } from 'vitest'
import { locateDatabase } from '../../src/local/functions/database-url'

describe('the database', () => {
  it('is the one that was given, before all that the variables say', () => {
    const variables = { DATABASE_URL: 'postgres://a@b/c', PGHOST: 'd' }
    expect(locateDatabase('postgresql://shop:s@db.example:6543/orders', variables)).toMatchObject({
      ...{ host: 'db.example', port: 6543, shown: 'orders at db.example:6543' },
    })
    expect(locateDatabase(undefined, variables)).toMatchObject({ host: 'b', port: 5432, shown: 'c at b:5432' })
  })

  it('is told by PGHOST and its kin as by an address', () => {
    const variables = { PGHOST: 'db', PGUSER: 'a:b', PGPASSWORD: 'p@/?#', PGDATABASE: 'x y', PGSSLMODE: 'require' }
    const { url, ...others } = locateDatabase(undefined, variables)
    expect(others).toEqual({ host: 'db', port: 5432, shown: 'x y at db:5432' })
    const { username, password, pathname, searchParams } = new URL(url)
    expect([username, password, pathname].map(decodeURIComponent)).toEqual(['a:b', 'p@/?#', '/x y'])
    expect(searchParams.get('sslmode')).toBe('require')
  })

  it('may have an address of version 6', () => {
    expect(locateDatabase('postgres://a@[::1]:5433/c', {})).toMatchObject({ host: '::1', port: 5433 })
    expect(locateDatabase(undefined, { PGHOST: '::1', PGDATABASE: 'c' })).toMatchObject({ host: '::1', port: 5432 })
  })

  it.each([
    ['an address with a port that is none', 'postgres://a:secret@b:0/c'],
    ['a socket', 'postgres://a:secret@%2Ftmp/c'],
    ['several hosts', 'postgres://a:secret@b/c?host=d,e'],
    ['something else', 'http://a:secret@b/c'],
  ])('is refused by %s, without a word of what was given', (_, text) => {
    expect(() => locateDatabase(text, {})).toThrow(expect.objectContaining({ code: 'LOCAL_REFUSED' }))
    expect(() => locateDatabase(text, {})).not.toThrow('secret')
  })

  it('is refused where PGHOST is the directory of a socket', () => {
    const expected = 'Expected PGHOST and its kin to name a host'
    expect(() => locateDatabase(undefined, { PGHOST: '/var/run/postgresql' })).toThrow(expected)
  })
})
