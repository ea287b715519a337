/** An order as it is placed. */
export interface NewOrder {
  readonly customer: string
  readonly lines: readonly OrderLine[]
}

export interface OrderLine {
  readonly product: string
  readonly quantity: number
}

/** An order that can't be accepted; the message says to the customer what to change. */
export class OrderRefused extends Error {
  override readonly name: string = 'OrderRefused'
}

const LONGEST_TEXT = 200
const MOST_LINES = 100
const MOST_OF_ONE = 1_000_000

/**
 * Reads an order as it came over the wire.
 *
 * @throws {OrderRefused} when it is none.
 */
export function readNewOrder(body: string): NewOrder {
  const order = parse(body)
  if (!isObject(order)) throw new OrderRefused('Expected the order to be a JSON object')
  const { customer, lines } = order
  if (!isText(customer)) throw wrong('customer', `a text of 1 to ${LONGEST_TEXT} characters`)
  if (!Array.isArray(lines) || lines.length === 0 || lines.length > MOST_LINES) {
    throw wrong('lines', `a list of 1 to ${MOST_LINES} lines`)
  }
  const read = lines.map((line: unknown, index) => readLine(line, `lines[${index}]`))
  const products = new Set<string>()
  for (const { product } of read) {
    if (products.has(product))
      throw new OrderRefused(`Expected each product in one line, got \`${product}\` in several`)
    products.add(product)
  }
  return { customer, lines: read }
}

function readLine(line: unknown, at: string): OrderLine {
  if (!isObject(line)) throw wrong(at, 'an object with product and quantity')
  const { product, quantity } = line
  if (!isText(product)) throw wrong(`${at}.product`, `a text of 1 to ${LONGEST_TEXT} characters`)
  if (!Number.isInteger(quantity) || Number(quantity) < 1 || Number(quantity) > MOST_OF_ONE) {
    throw wrong(`${at}.quantity`, `an integer from 1 to ${MOST_OF_ONE}`)
  }
  return { product, quantity: Number(quantity) }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new OrderRefused('Expected the body to be JSON')
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** PostgreSQL can't store the character 0. */
function isText(value: unknown): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= LONGEST_TEXT && !value.includes('\0')
}

function wrong(field: string, expected: string): OrderRefused {
  return new OrderRefused(`Expected \`${field}\` to be ${expected}`)
}
