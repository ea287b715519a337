import { describe, expect, it } from 'vitest'
import { OrderRefused, readNewOrder } from '../../infra/functions/new-order'

const line = { product: 'tea', quantity: 1 }
const text = 'a text of 1 to 200 characters'

describe('an order', () => {
  it('is read as far as it is known', () => {
    const order = { customer: 'Ada', lines: [{ ...line, price: 3 }], id: 7 }
    expect(readNewOrder(JSON.stringify(order))).toEqual({ customer: 'Ada', lines: [line] })
  })

  it.each<[string, unknown, string]>([
    ['text that is no JSON', 'tea', 'Expected the body to be JSON'],
    ['nothing', '', 'Expected the body to be JSON'],
    ['null', null, 'Expected the order to be a JSON object'],
    ['a list', [], 'Expected the order to be a JSON object'],
    ['no customer', { lines: [line] }, `Expected \`customer\` to be ${text}`],
    ['a customer of spaces', { customer: ' ', lines: [line] }, `Expected \`customer\` to be ${text}`],
    ['a customer that is a number', { customer: 7, lines: [line] }, `Expected \`customer\` to be ${text}`],
    ['too long a customer', { customer: 'a'.repeat(201), lines: [line] }, `Expected \`customer\` to be ${text}`],
    ['the character 0', { customer: 'A\0', lines: [line] }, `Expected \`customer\` to be ${text}`],
    ['no lines', { customer: 'Ada' }, 'Expected `lines` to be a list of 1 to 100 lines'],
    ['an empty list', { customer: 'Ada', lines: [] }, 'Expected `lines` to be a list of 1 to 100 lines'],
    [
      'too many lines',
      { customer: 'Ada', lines: Array.from({ length: 101 }, (_, index) => ({ product: `p${index}`, quantity: 1 })) },
      'Expected `lines` to be a list of 1 to 100 lines',
    ],
    [
      'a line that is null',
      { customer: 'Ada', lines: [line, null] },
      'Expected `lines[1]` to be an object with product and quantity',
    ],
    [
      'a line without product',
      { customer: 'Ada', lines: [{ quantity: 1 }] },
      `Expected \`lines[0].product\` to be ${text}`,
    ],
    ...[0, -1, 1.5, '1', 1_000_001, null].map(
      (quantity) =>
        [
          `a quantity of ${JSON.stringify(quantity)}`,
          { customer: 'Ada', lines: [{ product: 'tea', quantity }] },
          'Expected `lines[0].quantity` to be an integer from 1 to 1000000',
        ] as [string, unknown, string],
    ),
    [
      'a product twice',
      { customer: 'Ada', lines: [line, line] },
      'Expected each product in one line, got `tea` in several',
    ],
  ])('is refused when it has %s', (_, order, message) => {
    const body = typeof order === 'string' ? order : JSON.stringify(order)
    expect(() => readNewOrder(body)).toThrow(new OrderRefused(message))
  })
})
