import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda'
import { wrapHandler } from 'pg-thaw'
import { openDatabase } from './database'
import { logError } from './log'
import { OrderRefused, readNewOrder } from './new-order'
import { findOrder, isOrderId, reportOn, storeOrder } from './order-book'

type Event = APIGatewayProxyEventV2
type Answer = APIGatewayProxyStructuredResultV2

const pool = openDatabase(process.env.DATABASE_SECRET_ID)

/** The orders API: `POST /orders` places an order, `GET /orders/{id}` shows one, `GET /report` the figures of the moment. */
export const handler = wrapHandler(async (event: Event, context: Context): Promise<Answer> => {
  try {
    return await route(event)
  } catch (error) {
    if (error instanceof OrderRefused) return answer(400, { message: error.message })
    logError(context, `${event.routeKey} failed`, error)
    // The pool knows whether anything happened: only then is asking the caller to come again no risk of a second order.
    return isSafeToRepeat(error)
      ? answer(503, { message: 'The service is busy, nothing was done: try again' }, { 'retry-after': '1' })
      : answer(500, { message: 'Internal Server Error' })
  }
})

async function route(event: Event): Promise<Answer> {
  switch (event.routeKey) {
    case 'POST /orders':
      return placeOrder(bodyOf(event))
    case 'GET /orders/{id}':
      return showOrder(event.pathParameters?.id)
    case 'GET /report':
      return answer(200, await reportOn(pool))
    default:
      return answer(404, { message: 'Not Found' })
  }
}

async function placeOrder(body: string): Promise<Answer> {
  const order = readNewOrder(body)
  const id = await pool.transaction((client) => storeOrder(client, order))
  return answer(201, { id }, { location: `/orders/${id}` })
}

async function showOrder(id: string | undefined): Promise<Answer> {
  const order = isOrderId(id) ? await findOrder(pool, id) : undefined
  return order === undefined ? answer(404, { message: `There is no order ${id}` }) : answer(200, order)
}

function bodyOf({ body = '', isBase64Encoded }: Event): string {
  return isBase64Encoded ? Buffer.from(body, 'base64').toString('utf8') : body
}

function isSafeToRepeat(error: unknown): boolean {
  return error instanceof Error && 'retry' in error && error.retry === 'safe'
}

function answer(statusCode: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return { statusCode, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}
