import type { APIGatewayProxyEventV2, APIGatewayProxyResultV2 } from 'aws-lambda'
import { createPool, wrapHandler } from 'pg-thaw'

/** Where the database is comes from the environment: DATABASE_URL, or else PGHOST and its kin. */
const pool = createPool({ connectionString: process.env.DATABASE_URL, max: 2 })

/** `POST /orders` stores an order with its lines; `GET /orders/{id}` reads it. */
export const handler = wrapHandler(async (event: APIGatewayProxyEventV2): Promise<APIGatewayProxyResultV2> => {
  switch (event.routeKey) {
    case 'POST /orders':
      return answer(201, { id: await createOrder(JSON.parse(event.body ?? '{}')) })
    case 'GET /orders/{id}': {
      const order = await readOrder(event.pathParameters?.id)
      return order === undefined ? answer(404, { message: 'no such order' }) : answer(200, order)
    }
    default:
      return answer(404, { message: `no route ${event.routeKey}` })
  }
})

interface NewOrder {
  readonly customer?: string
  readonly lines?: readonly { readonly product: string; readonly quantity: number }[]
}

function createOrder({ customer, lines = [] }: NewOrder): Promise<string> {
  return pool.transaction(async (client) => {
    const { rows } = await client.query('INSERT INTO orders (customer) VALUES ($1) RETURNING id', [customer])
    const { id } = rows[0]
    for (const { product, quantity } of lines) {
      await client.query('INSERT INTO order_lines (order_id, product, quantity) VALUES ($1, $2, $3)', [
        id,
        product,
        quantity,
      ])
    }
    return id
  })
}

async function readOrder(id: string | undefined): Promise<unknown> {
  const { rows } = await pool.query(
    `SELECT o.id, o.customer, coalesce(json_agg(l) FILTER (WHERE l.product IS NOT NULL), '[]') AS lines
     FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id WHERE o.id = $1 GROUP BY o.id`,
    [id],
  )
  return rows[0]
}

function answer(statusCode: number, body: unknown): APIGatewayProxyResultV2 {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}
