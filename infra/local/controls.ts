import { randomUUID } from 'node:crypto'
import type { ScheduledEvent } from 'aws-lambda'
import { FAULTS, type Faults } from './faults'
import type { Fleet } from './fleet'
import { type ApiAnswer, type ApiRequest, failure, type Gateway, json } from './gateway'
import type { OrdersQueue } from './queue'

/** What can be controlled. */
export interface Controlled {
  readonly gateway: Gateway
  readonly queue: OrdersQueue
  readonly fleets: readonly Fleet[]
  readonly faults: Faults
}

const MOST_AT_ONCE = 50

/** Everything below `/local`, which no deployed service has: what AWS would do by itself, and what can happen to it. */
export async function control(request: ApiRequest, controlled: Controlled): Promise<ApiAnswer> {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost')
  const [, , subject, id = '', action] = pathname.split('/')
  switch (`${request.method} ${subject}${action === undefined ? '' : `/${action}`}`) {
    case 'POST queue':
      return json(202, { messageId: controlled.queue.send(request.body.toString('utf8')) })
    case 'POST schedule':
      return schedule(controlled.fleets)
    case 'POST burst':
      return burst(controlled.gateway, Number(searchParams.get('orders') ?? 8))
    case 'DELETE environments':
      return end(controlled.fleets, id, (fleet) => fleet.kill(id))
    case 'POST environments/retire':
      return end(controlled.fleets, id, (fleet) => fleet.retire(id))
    case 'POST environments/end-session':
      return end(controlled.fleets, id, (fleet) => controlled.faults.endSessionsOf(fleet.pidOf(id)))
    case 'POST environments/lose-packets':
      return end(controlled.fleets, id, async (fleet) => controlled.faults.losePacketsOf(fleet, id))
    case 'POST faults':
      return inflict(controlled.faults, id)
    default:
      return failure(404, 'Not Found')
  }
}

async function schedule(fleets: readonly Fleet[]): Promise<ApiAnswer> {
  const fleet = fleets.find(({ configuration }) => configuration.name === 'dailyReport')
  if (fleet === undefined) return failure(404, 'Not Found')
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
  const { outcome, response, error } = await fleet.invoke(event)
  return outcome === 'response' ? json(200, response) : failure(500, error?.errorMessage ?? outcome)
}

const CUSTOMERS = ['Ada', 'Grace', 'Edgar', 'Barbara', 'Donald', 'Margaret', 'Tony', 'Frances']
const PRODUCTS = ['tea', 'coffee', 'cake', 'scones', 'jam', 'butter', 'toast', 'milk']

/** Orders at the same moment: no browser sends that many requests at once. */
async function burst(gateway: Gateway, count: number): Promise<ApiAnswer> {
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

async function end(fleets: readonly Fleet[], id: string, how: (fleet: Fleet) => Promise<unknown>): Promise<ApiAnswer> {
  const fleet = fleets.find((it) => it.has(id))
  if (fleet === undefined) return failure(404, `There is no environment ${id}`)
  return whileItAnswers(async () => {
    await how(fleet)
    return json(200, { id })
  })
}

async function inflict(faults: Faults, name: string): Promise<ApiAnswer> {
  const fault = FAULTS.find((it) => it === name)
  if (fault === undefined) return failure(404, `Expected a fault of ${FAULTS.join(', ')}`)
  return whileItAnswers(async () => json(200, await faults.show(fault)))
}

/** The database may be down, or all environments be busy. */
async function whileItAnswers(act: () => Promise<ApiAnswer>): Promise<ApiAnswer> {
  try {
    return await act()
  } catch (error) {
    return failure(503, `Not now: ${error instanceof Error ? error.message : String(error)}`)
  }
}
