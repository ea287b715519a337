import { randomUUID } from 'node:crypto'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import type { Route } from './configuration'
import type { Fleet } from './fleet'
import { LambdaThrottledError } from './lambda'

/** A request to the HTTP API. */
export interface ApiRequest {
  readonly method: string
  /** Path and query, as in the first line of the request. */
  readonly url: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

export interface ApiAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly cookies: readonly string[]
  readonly body: Buffer
}

/** What HTTP APIs hand on as text; all else is encoded. */
const TEXT_TYPES = /^(text\/|application\/(json|javascript|xml)\b)/

/** The HTTP API in front of the functions: as API Gateway does it, in its payload format 2.0. */
export class Gateway {
  readonly #routes: readonly { readonly route: Route; readonly pattern: RegExp; readonly fleet: Fleet }[]

  constructor(fleets: readonly Fleet[]) {
    this.#routes = fleets.flatMap((fleet) =>
      fleet.configuration.routes.map((route) => ({ route, pattern: patternOf(route), fleet })),
    )
  }

  async call(request: ApiRequest): Promise<ApiAnswer> {
    const path = request.url.split('?', 1)[0] ?? '/'
    for (const { route, pattern, fleet } of this.#routes) {
      const match = route.method === request.method ? pattern.exec(path) : null
      if (match === null) continue
      const parameters = decoded(match.groups ?? {})
      return parameters === undefined ? failure(400, 'Bad Request') : invoke(fleet, eventOf(request, route, parameters))
    }
    return failure(404, 'Not Found')
  }
}

async function invoke(fleet: Fleet, event: APIGatewayProxyEventV2): Promise<ApiAnswer> {
  try {
    const { outcome, response } = await fleet.invoke(event)
    return outcome === 'response' ? answerOf(response) : failure(500, 'Internal Server Error')
  } catch (error) {
    if (error instanceof LambdaThrottledError) return failure(503, 'Service Unavailable')
    throw error
  }
}

function patternOf({ path }: Route): RegExp {
  return new RegExp(`^${path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}/?$`)
}

function decoded(parameters: Record<string, string>): Record<string, string> | undefined {
  try {
    return Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, decodeURIComponent(value)]))
  } catch {
    return undefined
  }
}

function eventOf(
  { method, url, headers, body }: ApiRequest,
  route: Route,
  pathParameters: Record<string, string>,
): APIGatewayProxyEventV2 {
  const { pathname: rawPath, search, searchParams } = new URL(url, 'http://localhost')
  const plain = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value].flat().join(',')]))
  const isText = TEXT_TYPES.test(plain['content-type'] ?? '')
  const now = new Date()
  const queryStringParameters: Record<string, string> = {}
  for (const name of searchParams.keys()) queryStringParameters[name] = searchParams.getAll(name).join(',')
  return {
    version: '2.0',
    routeKey: `${route.method} ${route.path}`,
    rawPath,
    rawQueryString: search.slice(1),
    headers: plain,
    ...(search === '' ? {} : { queryStringParameters }),
    ...(Object.keys(pathParameters).length === 0 ? {} : { pathParameters }),
    requestContext: {
      accountId: '000000000000',
      apiId: 'local',
      domainName: plain.host ?? 'localhost',
      domainPrefix: 'local',
      http: {
        ...{ method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1' },
        userAgent: plain['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: `${route.method} ${route.path}`,
      stage: '$default',
      time: now.toUTCString(),
      timeEpoch: now.getTime(),
    },
    ...(body.length === 0 ? {} : { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  }
}

/** A function may answer with status and headers, or with the body alone. */
function answerOf(response: unknown): ApiAnswer {
  if (typeof response !== 'object' || response === null || !('statusCode' in response)) return json(200, response)
  const { statusCode = 200, headers = {}, cookies = [], body = '', isBase64Encoded } = structured(response)
  return {
    statusCode,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    cookies,
    body: Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'),
  }
}

function structured(response: object): APIGatewayProxyStructuredResultV2 {
  return response
}

export function failure(statusCode: number, message: string): ApiAnswer {
  return json(statusCode, { message })
}

export function json(statusCode: number, body: unknown): ApiAnswer {
  const headers = { 'content-type': 'application/json' }
  return { statusCode, headers, cookies: [], body: Buffer.from(JSON.stringify(body ?? null)) }
}
