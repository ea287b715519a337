import { Client } from 'pg'
import { describe, expect, it } from 'vitest'
import { readConnectionString } from '../../../src/credentials/source/connection-string'
import { useEnvironmentVariables } from '../../support/environment-variables'

const set = useEnvironmentVariables()

describe('a connection string', () => {
  it.each([
    'postgres://app:pw@db.example.com:6432/orders?sslmode=no-verify',
    'postgresql://app@db.example.com/orders',
    'postgres://app:p w%@db.example.com/orders',
    'postgres://app:pw@[::1]/orders%20x',
    'postgres://app:pw@db.example.com/b%C3%BCcher',
    'postgres://db.example.com',
    'postgres:///orders',
    'postgres://app:pw@/orders',
    'postgres:///orders?host=/var/run/postgresql',
    'postgres://app:pw@/orders?host=db.example.com',
    'postgres://%2Fvar%2Frun/orders',
    '/var/run/postgresql orders',
    '/var/run/postgresql',
    'socket:/var/run/postgresql?db=orders&encoding=utf8',
    'socket://app:pw@/var/run/postgresql?db=orders',
  ])('leads where pg goes: %s', (text) => {
    set({ PGHOST: 'nowhere', PGDATABASE: 'none' })
    const { host, database } = new Client(text)
    const ours = readConnectionString(text)
    expect([ours.host ?? 'nowhere', ours.database ?? 'none']).toEqual([host, database])
  })

  it('that pg does not understand says nothing', () => {
    const text = 'postgres://app:pw@db:port/orders'
    expect(() => new Client(text)).toThrow()
    expect(readConnectionString(text)).toEqual({})
  })
})
