import type { LambdaFunctionURLEvent, LambdaFunctionURLResult } from 'aws-lambda'
import { wrapHandler } from 'pg-thaw'
import { pool } from './pool'

/** `GET /?customer=Ada` lists a customer's orders, `POST /` places one: `{ "customer": "Ada", "product": "tea" }`. */
export const handler = wrapHandler(async (event: LambdaFunctionURLEvent): Promise<LambdaFunctionURLResult> => {
  switch (event.requestContext.http.method) {
    case 'GET':
      return list(event.queryStringParameters?.customer)
    case 'POST':
      return place(bodyOf(event))
    default:
      return answer(405, { message: 'GET or POST' })
  }
})

async function list(customer: string | undefined): Promise<LambdaFunctionURLResult> {
  if (customer === undefined) return answer(400, { message: 'Whose orders? ?customer=Ada' })
  const { rows } = await pool.query('SELECT id, product FROM orders WHERE customer = $1 ORDER BY id', [customer])
  return answer(200, rows)
}

async function place({ customer, product }: Record<string, unknown>): Promise<LambdaFunctionURLResult> {
  if (typeof customer !== 'string' || typeof product !== 'string') {
    return answer(400, { message: 'An order has a customer and a product' })
  }
  const { rows } = await pool.query('INSERT INTO orders (customer, product) VALUES ($1, $2) RETURNING id', [
    customer,
    product,
  ])
  return answer(201, rows[0])
}

/** What is no JSON is no order either. */
function bodyOf({ body = '', isBase64Encoded }: LambdaFunctionURLEvent): Record<string, unknown> {
  try {
    return Object(JSON.parse(isBase64Encoded ? Buffer.from(body, 'base64').toString() : body))
  } catch {
    return {}
  }
}

function answer(statusCode: number, body: unknown): LambdaFunctionURLResult {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
