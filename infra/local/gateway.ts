import { randomUUID } from 'node:crypto'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { failure, json, type LocalAnswer, type LocalRequest } from '../../src/local/page/answer'
import type { Fleet } from '../../src/local/watch/fleet'
import type { FunctionConfiguration, Route } from './configuration'
import { LambdaThrottledError } from './lambda'

/** What HTTP APIs hand on as text; all else is encoded. */
const TEXT_TYPES = /^(text\/|application\/(json|javascript|xml)\b)/

const MOST_PLACED = 50

/** The HTTP API in front of the functions: as API Gateway does it, in its payload format 2.0. */
export class Gateway {
  /** Ids of the last orders that were placed, for whoever wants to fulfil them. */
  readonly #placed: string[] = []
  readonly #routes: readonly { readonly route: Route; readonly pattern: RegExp; readonly fleet: Fleet }[]

  constructor(fleets: readonly Fleet<FunctionConfiguration>[]) {
    this.#routes = fleets.flatMap((fleet) =>
      fleet.facts.routes.map((route) => ({ route, pattern: patternOf(route), fleet })),
    )
  }

  async call(request: LocalRequest): Promise<LocalAnswer> {
    const path = request.url.split('?', 1)[0] ?? '/'
    for (const { route, pattern, fleet } of this.#routes) {
      const match = route.method === request.method ? pattern.exec(path) : null
      if (match === null) continue
      const parameters = decoded(match.groups ?? {})
      if (parameters === undefined) return failure(400, 'Bad Request')
      const answer = await invoke(fleet, eventOf(request, route, parameters))
      this.#remember(answer)
      return answer
    }
    return failure(404, 'Not Found')
  }

  /** Ids of the orders that were placed since this was last asked, the last of them. */
  takePlaced(): string[] {
    return this.#placed.splice(0)
  }

  /** An order that was placed is where the answer says. */
  #remember({ statusCode, headers }: LocalAnswer): void {
    const [, id] = /^\/orders\/(\w+)$/.exec(headers.location ?? '') ?? []
    if (statusCode !== 201 || id === undefined) return
    this.#placed.push(id)
    if (this.#placed.length > MOST_PLACED) this.#placed.shift()
  }
}

async function invoke(fleet: Fleet, event: APIGatewayProxyEventV2): Promise<LocalAnswer> {
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
  { method, url, headers, body }: LocalRequest,
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
function answerOf(response: unknown): LocalAnswer {
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
