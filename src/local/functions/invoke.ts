import { failure, json, type LocalAnswer, type LocalRequest } from '../page/answer.js'
import type { Fleet } from '../watch/fleet.js'
import type { Events } from './events.js'

const MOST_AT_ONCE = 50

/** Functions that are called over HTTP: `/invoke/NAME`, with the event as the body, or with the event that was given for it. */
export class Invocations {
  readonly #fleets: readonly Fleet[]
  readonly #events: Events

  constructor(fleets: readonly Fleet[], events: Events) {
    this.#fleets = fleets
    this.#events = events
  }

  async serve({ method, url, body }: LocalRequest): Promise<LocalAnswer> {
    const { pathname, searchParams } = new URL(url, 'http://localhost')
    const [, , name = ''] = pathname.split('/')
    const fleet = pathname === `/invoke/${name}` ? this.#fleets.find(({ facts }) => facts.name === name) : undefined
    if (fleet === undefined)
      return failure(404, `Expected ${this.#fleets.map((it) => `/invoke/${it.facts.name}`).join(', ')}`)
    if (method !== 'POST' && method !== 'GET') return failure(405, 'Expected POST or GET')
    const times = Number(searchParams.get('times') ?? 1)
    if (!Number.isInteger(times) || times < 1 || times > MOST_AT_ONCE) {
      return failure(400, `Expected \`times\` to be an integer from 1 to ${MOST_AT_ONCE}`)
    }
    const event = this.#eventIn(body, name)
    if (event === undefined) return failure(400, 'Expected the event to be JSON')
    if (times === 1) return invoke(fleet, event.value)
    const answers = await Promise.all(Array.from({ length: times }, () => invoke(fleet, event.value)))
    return json(
      200,
      answers.map(({ statusCode }) => statusCode),
    )
  }

  #eventIn(body: Buffer, name: string): { readonly value: unknown } | undefined {
    if (body.length === 0) return { value: this.#events.of(name) }
    try {
      return { value: JSON.parse(body.toString('utf8')) }
    } catch {
      return undefined
    }
  }
}

async function invoke(fleet: Fleet, event: unknown): Promise<LocalAnswer> {
  try {
    const { outcome, response, error } = await fleet.invoke(event)
    if (outcome === 'response') return json(200, response)
    return json(502, { outcome, errorType: error?.errorType, errorMessage: error?.errorMessage })
  } catch (error) {
    const isThrottled = (error as { readonly code?: unknown }).code === 'LAMBDA_THROTTLED'
    if (isThrottled) return failure(429, `All ${fleet.facts.concurrency} environments are busy`)
    throw error
  }
}
