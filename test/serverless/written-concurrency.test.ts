import { expect, it } from 'vitest'
import { checkWrittenConcurrency } from '../../src/serverless/written-concurrency'
import { budgetOf } from '../budget/support/budget-of'

it.each(['', false, null])('a concurrency of %j is none, as to the framework', (none) => {
  const functions = { api: { reservedConcurrency: none, provisionedConcurrency: none } }
  checkWrittenConcurrency(functions, 'serverless.yml')
  const { demands } = budgetOf({ pgThaw: { max: 1, maxConnections: 2000 }, functions })
  expect(demands).toMatchObject([{ bound: 'account', sessions: 1000 }])
})

it('what can be none is named, each of it', () => {
  const functions = { api: { reservedConcurrency: -1 }, queue: { provisionedConcurrency: 'some' } }
  expect(() => checkWrittenConcurrency(functions, 'serverless.yml')).toThrow(
    `serverless.yml: functions.api.reservedConcurrency: expected an integer of 0 or more, got -1 (number)
serverless.yml: functions.queue.provisionedConcurrency: expected an integer of 0 or more, got "some" (string)`,
  )
})
