import pg, { type PoolClient } from 'pg'
import { expectTypeOf, test } from 'vitest'
import { Pool } from '../../src/index'

test('a query takes a signal and whether it is idempotent, and refuses other types for them', () => {
  const ask = (pool: Pool, signal: AbortSignal) => pool.query({ text: 'SELECT 1', signal, idempotent: true })
  expectTypeOf(ask).returns.resolves.toHaveProperty('rows')
  // @ts-expect-error
  const wrong = (pool: Pool) => pool.query({ text: 'SELECT 1', idempotent: 'yes' })
  expectTypeOf(wrong).toBeFunction()
  expectTypeOf(Pool).toBeConstructibleWith({ target: 'rds-proxy', maxWaiting: 10, deadlineMarginMillis: 50 })
})

test('a query of a lent client takes a signal', () => {
  const ask = (client: PoolClient, signal: AbortSignal) => client.query({ text: 'SELECT 1', signal })
  expectTypeOf(ask).returns.resolves.toHaveProperty('rows')
  const asArrays = (client: PoolClient, signal: AbortSignal) =>
    client.query({ text: 'SELECT 1', rowMode: 'array', signal })
  expectTypeOf(asArrays).returns.resolves.toHaveProperty('rows')
  // @ts-expect-error
  const wrong = (client: PoolClient) => client.query({ text: 'SELECT 1', signal: 'soon' })
  expectTypeOf(wrong).toBeFunction()
})

test('a creator returns a client of pg, or promises one', () => {
  expectTypeOf(Pool).toBeConstructibleWith({ creator: () => new pg.Client() })
  expectTypeOf(Pool).toBeConstructibleWith({ creator: async () => new pg.Client() })
  // @ts-expect-error
  const wrong = () => new Pool({ creator: () => 'postgres://' })
  expectTypeOf(wrong).toBeFunction()
})
