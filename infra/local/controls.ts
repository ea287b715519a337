import { randomUUID } from 'node:crypto'
import type { ScheduledEvent } from 'aws-lambda'
import { type Controlled, control } from '../../src/local/act/controls'
import { failure, json, type LocalAnswer, type LocalRequest } from '../../src/local/page/answer'
import type { Fleet } from '../../src/local/watch/fleet'
import type { Gateway } from './gateway'
import type { OrdersQueue } from './queue'

/** What can be controlled of the example service. */
export interface ControlledService extends Controlled {
  readonly gateway: Gateway
  readonly queue: OrdersQueue
  readonly dailyReport: Fleet
}

const MOST_AT_ONCE = 50

/** Everything below `/local`, which no deployed service has: what AWS would do by itself, and what can happen to it. */
export async function controlService(request: LocalRequest, controlled: ControlledService): Promise<LocalAnswer> {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  switch (`${request.method} ${pathname}`) {
    case 'POST /local/queue':
      return json(202, { messageId: controlled.queue.send(request.body.toString('utf8')) })
    case 'POST /local/fulfil':
      return fulfil(controlled)
    case 'POST /local/schedule':
      return schedule(controlled.dailyReport)
    case 'POST /local/burst':
      return burst(controlled.gateway, Number(searchParams.get('orders') ?? 8))
    default:
      return control(request, controlled)
  }
}

/** A message for each of the orders that were placed since the last time. */
function fulfil({ gateway, queue }: ControlledService): LocalAnswer {
  const ids = gateway.takePlaced()
  if (ids.length === 0) return failure(409, 'place an order first')
  for (const id of ids) queue.send(JSON.stringify({ id }))
  return json(202, { ids })
}

async function schedule(dailyReport: Fleet): Promise<LocalAnswer> {
  const event: ScheduledEvent = {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: '000000000000',
    time: new Date().toISOString(),
    region: 'us-east-1',
    resources: [],
    detail: {},
  }
  const { outcome, response, error } = await dailyReport.invoke(event)
  return outcome === 'response' ? json(200, response) : failure(500, error?.errorMessage ?? outcome)
}

const CUSTOMERS = ['Ada', 'Grace', 'Edgar', 'Barbara', 'Donald', 'Margaret', 'Tony', 'Frances']
const PRODUCTS = ['tea', 'coffee', 'cake', 'scones', 'jam', 'butter', 'toast', 'milk']

/** Orders at the same moment: no browser sends that many requests at once. */
async function burst(gateway: Gateway, count: number): Promise<LocalAnswer> {
  if (!Number.isInteger(count) || count < 1 || count > MOST_AT_ONCE) {
    return failure(400, `Expected \`orders\` to be an integer from 1 to ${MOST_AT_ONCE}`)
  }
  const answers = await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const lines = [{ product: PRODUCTS[index % PRODUCTS.length], quantity: 1 + (index % 3) }]
      const body = Buffer.from(JSON.stringify({ customer: CUSTOMERS[index % CUSTOMERS.length], lines }))
      return gateway.call({ method: 'POST', url: '/orders', headers: { 'content-type': 'application/json' }, body })
    }),
  )
  return json(
    200,
    answers.map(({ statusCode, body }) => ({ statusCode, ...JSON.parse(body.toString('utf8')) })),
  )
}
