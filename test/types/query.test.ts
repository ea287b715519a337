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
