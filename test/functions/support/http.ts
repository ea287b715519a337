import type { LocalLambda } from 'pg-thaw/testing'
import { responseOf } from './service'

/** What the API answered. */
export interface Answer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

/** Calls the API as API Gateway does, in its payload format 2.0. */
export async function call(orders: LocalLambda, routeKey: string, more: Record<string, unknown> = {}): Promise<Answer> {
  const answer = responseOf(await orders.invoke({ version: '2.0', routeKey, isBase64Encoded: false, ...more }))
  const { statusCode, headers, body } = answer as { statusCode: number; headers: Record<string, string>; body: string }
  return { statusCode, headers, body: JSON.parse(body) }
}
